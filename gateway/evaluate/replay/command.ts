/**
 * `npm run evaluate -- replay`: the counts of a ledger once more through the forecaster, with models that were not there then.
 *
 *   ledger.db ─▶ records in their order, at their own times ─▶ the house's forecaster ─▶ a score per model and horizon
 *
 * - Any data directory: a gateway's own, also while it runs, or one that `npm run ledger -- replay` has made. It is only read.
 * - Time stands still while a network thinks: all models are judged on the same readings, however busy the machine is.
 * - What came before --from is learned from and not judged. Nothing else is known: in a ledger of one hour every detector
 *   is on its first day.
 * - Exit code 1 where a model was turned away or left an answer out, since then the scores do not compare.
 */
import { join } from 'node:path'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import type { ProgramContext } from '../../../schemas/program.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { readingsOf } from '../../compose/live-reader.ts'
import { neighboursIn } from '../../compose/neighbours.ts'
import { readJunctions } from '../../control/junctions.ts'
import { createEventClock } from '../../kit/clock.ts'
import { silentLog } from '../../kit/log.ts'
import { checkTimeZone } from '../../kit/time-zone.ts'
import { ledgerFile } from '../../ledger/file.ts'
import { recordsIn } from '../../ledger/tools/export.ts'
import { createHouseForecaster, type HouseForecaster } from '../../prediction/house-forecaster.ts'
import type { Score } from '../../prediction/judges/scoreboard.ts'
import type { AuditEntry } from '../../prediction/serving/lineup.ts'
import { timeZoneOf } from '../../prediction/state-file.ts'
import { EvaluateDataInvalid } from '../forecast/errors.ts'
import { linesOf, type ReplayReport, scoresSince, type TurnedAway } from './report.ts'

export interface ReplayOptions {
  readonly dataDir: string
  readonly challengers: readonly string[]
  readonly junctions?: string
  readonly from?: string
  readonly to?: string
  readonly timeZone?: string
  readonly json: boolean
}

export const replayProgram: ProgramSchema = {
  name: 'npm run evaluate -- replay',
  summary: 'Runs a time of the ledger again through the forecasts, with other models beside ours.',
  properties: {
    dataDir: { type: 'string', default: 'data', description: 'Folder of ledger.db' },
    challengers: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description:
        'Folder that holds models, a folder each; may be given more than once. Those of the house and of the data directory take part anyway',
    },
    junctions: {
      type: 'string',
      description: 'Junction document (JSON) or a folder of them: who stands next to whom',
    },
    from: {
      type: 'string',
      description: 'Judged from here on (2026-11-22T07:00:00Z); what came before is learned from',
    },
    to: { type: 'string', description: 'Received before' },
    timeZone: {
      type: 'string',
      description:
        "Time zone of the street; without it that of the directory's forecaster, where it has one, else UTC",
    },
    json: { type: 'boolean', default: false, description: 'Print JSON' },
  },
  notes: ['Exit code 1: a model was turned away or left an answer out; the lines say which.'],
}

/** Detectors tell within so much of one another; only then are the networks asked, as in service. */
const togetherMs = 1_500
const stopMsMax = 1_000

export async function replayLedger(
  options: Readonly<ReplayOptions>,
  context: Pick<ProgramContext, 'print' | 'signal'>,
): Promise<number> {
  const { dataDir, junctions } = options
  if (options.timeZone !== undefined) checkTimeZone(options.timeZone, '--time-zone')
  const timeZone = options.timeZone ?? (await timeZoneOf(dataDir))
  const clock = createEventClock()
  const audit: AuditEntry[] = []
  const forecaster = createHouseForecaster({
    clock,
    log: silentLog,
    shippedFolder: join(import.meta.dirname, '../../prediction/models'),
    modelFolders: [...options.challengers, join(dataDir, 'models')],
    ...(timeZone === undefined ? {} : { timeZone }),
    ...(junctions ? { neighboursOf: neighboursIn(readJunctions(junctions)) } : {}),
    onAudit: (entry) => audit.push(entry),
  })
  await forecaster.start(context.signal)
  try {
    const walked = await walk(options, forecaster, clock, context.signal)
    if (context.signal.aborted) return 1
    const { late, failed, refused } = forecaster.counts()
    const report: ReplayReport = {
      kind: 'replay',
      dataDir,
      ...walked,
      unanswered: late + failed + refused,
      turnedAway: audit.flatMap(turnedAway),
    }
    context.print(options.json ? JSON.stringify(report) : linesOf(report).join('\n'))
    return report.unanswered + report.turnedAway.length === 0 ? 0 : 1
  } finally {
    await forecaster.stop(stopMsMax)
  }
}

/** @throws IG_ERR_EVALUATE_DATA_INVALID */
async function walk(
  { dataDir, from, to }: ReplayOptions,
  forecaster: HouseForecaster,
  clock: ReturnType<typeof createEventClock>,
  signal: AbortSignal,
) {
  const judgedFromMs = from === undefined ? Number.NEGATIVE_INFINITY : moment('--from', from)
  const toMs = to === undefined ? Number.POSITIVE_INFINITY : moment('--to', to)
  const all = { fromMs: Number.NEGATIVE_INFINITY, toMs, topicPrefix: '' }
  let scoresBefore: readonly Score[] | undefined
  let first: number | undefined
  let last = 0
  let readings = 0
  for (const record of recordsIn(dataDir, all)) {
    if (signal.aborted) break
    const { receivedAtMs, topic } = record
    if (!topic.includes('/traffic.count')) continue // Of all others not even the payload is looked at.
    if (!clock.isSet || receivedAtMs > clock.nowMs() + togetherMs) {
      await forecaster.whenIdle()
      clock.advanceTo(receivedAtMs)
    }
    if (receivedAtMs >= judgedFromMs) {
      scoresBefore ??= forecaster.scores()
      first ??= receivedAtMs
      last = receivedAtMs
    }
    for (const reading of readingsOf(record)) {
      forecaster.observe(reading)
      if (first !== undefined) readings += 1
    }
  }
  await forecaster.whenIdle()
  if (first === undefined && !signal.aborted)
    throw EvaluateDataInvalid(ledgerFile(dataDir), 'it holds no counts of that time')
  return {
    readings,
    from: formatTimestamp(first ?? 0),
    to: formatTimestamp(last),
    scores: scoresSince(scoresBefore ?? [], forecaster.scores()),
  }
}

function turnedAway({ event, model, facts }: AuditEntry): TurnedAway[] {
  if (event === 'modelRefused') return [{ model, why: `${facts.reason}` }]
  return event === 'modelSuspended'
    ? [{ model, why: `${facts.why ?? 'its answers were no forecasts'}` }]
    : []
}

function moment(flag: string, text: string): number {
  const atMs = Date.parse(text)
  if (!Number.isFinite(atMs)) throw EvaluateDataInvalid(`${flag} ${text}`, 'it is no moment')
  return atMs
}
