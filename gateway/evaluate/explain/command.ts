/**
 * `npm run evaluate -- explain`: the forecasts a decision rested on, made again from the ledger and the named model.
 *
 *   history ─▶ decision, with model, window and place in the ledger ─▶ ledger up to there ─▶ the same network ─▶ compare
 *
 * - Reads only; the gateway may run meanwhile. Begins at the newest checkpoint before the window, or at the ledger's
 *   first record where there is none.
 * - Exit code 1 where a forecast comes out otherwise than recorded, or cannot be made again; the line says why.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import type { ProgramContext } from '../../../schemas/program.ts'
import { readingsOf } from '../../compose/live-reader.ts'
import { neighboursIn } from '../../compose/neighbours.ts'
import { type Junctions, readJunctions } from '../../control/junctions.ts'
import { readHistoryDatabase } from '../../history/database.ts'
import type { DecisionRow, ForecastInputRow } from '../../history/ports.ts'
import { prepareQueries } from '../../history/queries.ts'
import { checkTimeZone } from '../../kit/time-zone.ts'
import { type LedgerReader, openLedgerReader } from '../../ledger/reader.ts'
import type { Explanation } from '../../prediction/explain.ts'
import { profileModel } from '../../prediction/online/book.ts'
import { Rebuild, type RebuildTarget } from '../../prediction/rebuild.ts'
import { type ModelFiles, readModel } from '../../prediction/serving/model-card.ts'
import { openSession } from '../../prediction/serving/session.ts'
import { checkpointBefore, timeZoneOf } from '../../prediction/state-file.ts'
import { EvaluateDataInvalid } from '../forecast/errors.ts'
import { type Explained, type LaneExplained, linesOf } from './report.ts'

export interface ExplainOptions {
  readonly dataDir: string
  readonly junctions: string
  readonly junction: string
  readonly at?: string
  readonly models: string
  readonly timeZone?: string
  readonly json: boolean
}

export const explainProgram: ProgramSchema = {
  name: 'npm run evaluate -- explain',
  summary: 'The forecasts a decision rested on, made again from the ledger and the named model.',
  properties: {
    dataDir: { type: 'string', default: 'data', description: "The gateway's data directory" },
    junctions: {
      type: 'string',
      description: 'Junction document (JSON) or a folder of them, as the gateway had it',
    },
    junction: { type: 'string', description: 'Node of the junction, such as north/tlc-001' },
    at: {
      type: 'string',
      description: 'Moment (2026-03-02T08:00:00Z); the newest decision up to then is explained',
    },
    models: {
      type: 'string',
      default: join(import.meta.dirname, '../../prediction/models'),
      description: 'Folder of the models that came with the house',
    },
    timeZone: {
      type: 'string',
      description: "Time zone the gateway had; without it that of the forecaster's state",
    },
    json: { type: 'boolean', default: false, description: 'Print JSON' },
  },
  required: ['junctions', 'junction'],
  notes: ['Exit code 1: a forecast comes out otherwise than recorded, or cannot be made again.'],
}

const bounds = { recordsMax: 2_000, bytesMax: 4 * 1024 * 1024 }
/** Decisions looked through for one that rests on forecasts. */
const decisionsMax = 200
const windowsPerHour = 12
/** The record holds whole vehicles per hour. */
const roundingVehiclesPerHour = 1

/** One lane's forecast as the decision tells of it. */
interface Wanted {
  readonly lane: string
  readonly input: ForecastInputRow
  readonly recorded: number
  readonly target: RebuildTarget | undefined
  readonly problem?: string
}

export async function explainDecision(
  options: Readonly<ExplainOptions>,
  context: Pick<ProgramContext, 'print'>,
): Promise<number> {
  if (options.timeZone !== undefined) checkTimeZone(options.timeZone, '--time-zone')
  const timeZone = options.timeZone ?? (await timeZoneOf(options.dataDir))
  const junctions = readJunctions(options.junctions)
  const decision = findDecision(options)
  const models = await openModels(options, decision)
  try {
    const wanted = wantedOf(decision, junctions, models)
    const { lanes, startedFrom } = await makeAgain(options.dataDir, wanted, junctions, timeZone)
    const report: Explained = {
      junction: decision.junction,
      at: new Date(decision.atMs).toISOString(),
      strategy: decision.strategy,
      decision: decision.decision,
      why: decision.why,
      startedFrom,
      lanes,
    }
    context.print(options.json ? JSON.stringify(report) : linesOf(report).join('\n'))
    return lanes.every(({ holds }) => holds) ? 0 : 1
  } finally {
    for (const { session } of models.values()) await session.close()
  }
}

function findDecision({ dataDir, junction, at }: ExplainOptions): DecisionRow {
  const path = join(dataDir, 'history.db')
  const untilMs = at === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(at) + 1
  if (!Number.isFinite(untilMs)) throw EvaluateDataInvalid(`--at ${at}`, 'it is no moment')
  let rows: readonly DecisionRow[]
  try {
    const db = readHistoryDatabase(path)
    try {
      const range = { fromMs: 0, toMs: untilMs, junction, limit: decisionsMax }
      rows = prepareQueries(db).decisions(range)
    } finally {
      db.close()
    }
  } catch (cause) {
    throw EvaluateDataInvalid.from(cause, path, (cause as Error).message)
  }
  const found = rows.find(({ forecastInputs }) => forecastInputs !== null)
  if (found) return found
  throw EvaluateDataInvalid(path, `no decision about ${junction} up to then rests on a forecast`)
}

type OpenModels = Map<string, ModelFiles & { session: Awaited<ReturnType<typeof openOne>> }>

const openOne = async (files: ModelFiles) => (await openSession(files.card, files.bytes)).session

/** The models the decision names, by id, from the house's own folder and the data directory's. */
async function openModels(options: ExplainOptions, decision: DecisionRow): Promise<OpenModels> {
  const names = new Set(decision.forecastInputs!.map(({ model }) => model))
  const open: OpenModels = new Map()
  for (const root of [options.models, join(options.dataDir, 'models')]) {
    for (const name of existsSync(root) ? readdirSync(root) : []) {
      const folder = join(root, name)
      if (!existsSync(join(folder, 'card.json'))) continue
      const files = await readModel(folder).catch(() => undefined)
      if (!files || !names.has(files.card.id) || open.has(files.card.id)) continue
      open.set(files.card.id, { ...files, session: await openOne(files) })
    }
  }
  return open
}

function wantedOf(decision: DecisionRow, junctions: Junctions, models: OpenModels): Wanted[] {
  return Object.entries(decision.forecast ?? {}).flatMap(([lane, recorded]): Wanted[] => {
    const input = decision.forecastInputs!.find(({ lanes }) => lanes?.includes(lane) ?? true)
    if (!input) return []
    const detector = junctions.get(decision.junction)?.lanes[lane]?.detector
    const model = models.get(input.model)
    const problem = problemOf(input, detector, model)
    if (problem !== undefined) return [{ lane, input, recorded, target: undefined, problem }]
    const network = model && { sha256: model.card.sha256, session: model.session }
    const target = {
      ...detector!,
      quantity: 'vehiclesPer5Min' as const,
      model: input.model,
      ...(network ? { network } : {}),
    }
    return [{ lane, input, recorded, target }]
  })
}

function problemOf(
  { model: name, sha256, offsets }: ForecastInputRow,
  detector: object | undefined,
  model: ModelFiles | undefined,
): string | undefined {
  if (!detector) return 'the junction documents know no detector of this lane'
  if (!offsets) return 'the decision does not tell where its readings stand in the ledger'
  if (name === profileModel) return undefined
  if (!model) return `model ${name} is not here any more`
  const isSame = sha256 === undefined || model.card.sha256.startsWith(sha256)
  return isSame ? undefined : `model ${name} is another file now: ${model.card.sha256}`
}

async function makeAgain(
  dataDir: string,
  wanted: readonly Wanted[],
  junctions: Junctions,
  timeZone: string | undefined,
): Promise<{ readonly lanes: readonly LaneExplained[]; readonly startedFrom: string }> {
  const possible = wanted.filter(({ target }) => target !== undefined)
  const impossible = wanted.filter(({ target }) => target === undefined)
  const rebuild = new Rebuild({
    targets: possible.map(({ target }) => target!),
    ...(timeZone === undefined ? {} : { timeZone }),
    neighboursOf: neighboursIn(junctions),
  })
  const ledger = openLedgerReader({ dir: dataDir })
  const explained = new Map<string, Explanation | undefined>()
  let startedFrom = 'nothing'
  try {
    const windowFrom = Math.min(...possible.map(({ input }) => input.offsets![0]))
    const start = await startOf(dataDir, rebuild, ledger, windowFrom)
    startedFrom = start.what
    let { offset } = start
    const inOrder = possible.toSorted((a, b) => a.input.offsets![1] - b.input.offsets![1])
    for (const { lane, input, target } of inOrder) {
      offset = await feed(rebuild, ledger, offset, input.offsets![1])
      explained.set(lane, await rebuild.explain(target!))
    }
  } finally {
    ledger.close()
  }
  return {
    startedFrom,
    lanes: [
      ...possible.map((one) => compare(one, explained.get(one.lane))),
      ...impossible.map((one) => compare(one, undefined)),
    ],
  }
}

async function startOf(
  dataDir: string,
  rebuild: Rebuild,
  ledger: LedgerReader,
  windowFrom: number,
): Promise<{ readonly offset: number; readonly what: string }> {
  // It may hold a little more than its offset says, but nothing of an hour later.
  const checkpoint = Number.isFinite(windowFrom)
    ? await checkpointBefore(dataDir, windowFrom)
    : undefined
  if (checkpoint && (await rebuild.resume(checkpoint.file)))
    return { offset: checkpoint.offset, what: `a checkpoint at record ${checkpoint.offset}` }
  const [first] = ledger.read(0, { recordsMax: 1, bytesMax: 1 })
  const offset = first?.offset ?? 0
  const isWhole = offset === 0 ? '' : '; what was learned before it is missing'
  return { offset, what: `the ledger's record ${offset}${isWhole}` }
}

/** Answers with where to go on. */
async function feed(
  rebuild: Rebuild,
  ledger: LedgerReader,
  from: number,
  to: number,
): Promise<number> {
  let offset = from
  while (offset < to) {
    const records = ledger.read(offset, bounds).filter((record) => record.offset < to)
    if (records.length === 0) break
    for (const record of records)
      for (const reading of readingsOf(record)) await rebuild.observe(reading)
    offset = records.at(-1)!.offset + 1
  }
  return Math.max(offset, to)
}

function compare(
  { lane, input, recorded, target, problem }: Wanted,
  explanation: Explanation | undefined,
): LaneExplained {
  const isThatWindow = explanation?.input.toMs === Date.parse(input.to)
  const p50 = explanation?.horizons.find(({ horizonMin }) => horizonMin === 15)?.p50
  const madeAgain = p50 === undefined ? undefined : Math.max(0, p50 * windowsPerHour)
  const isSame =
    madeAgain !== undefined && Math.abs(madeAgain - recorded) <= roundingVehiclesPerHour
  return {
    lane,
    detector: target ? `${target.node}:${target.component}` : undefined,
    input,
    recordedVehiclesPerHour15: recorded,
    madeAgainVehiclesPerHour15: madeAgain === undefined ? undefined : Math.round(madeAgain),
    explanation,
    holds: isThatWindow && isSame,
    ...(problem === undefined ? {} : { problem }),
  }
}
