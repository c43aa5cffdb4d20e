/**
 * Runs the phases of a load one after the other, and waits at the end for what is still to be acknowledged. The report is
 * made after that: what is slowest comes last.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createCredentialStore } from '../device/credentials.ts'
import { type AccountsWatch, watchAccounts } from './accounts.ts'
import type { PhaseFigures } from './figures.ts'
import { createFleet, type Fleet, pingStepMs } from './fleet.ts'
import { knock } from './knock.ts'
import { checkOpenFiles } from './open-files.ts'
import type { LoadOptions, Phase } from './options.ts'
import {
  createReport,
  type EndedPhase,
  endPhase,
  type LoadReport,
  type OwnDelay,
} from './report.ts'
import { dueAtS, dueBy } from './schedule.ts'

export interface LoadContext {
  readonly signal: AbortSignal
  /** Called about each second with a line for people. */
  live(line: string): void
}

const tickMs = 2
const liveEveryMs = 1_000
const drainMsMax = 20_000
/** Accounts are told every few seconds; a gateway that has a backlog, or cut us off for it, takes longer. */
const accountsMsMax = 60_000

export async function runLoad(options: LoadOptions, context: LoadContext): Promise<LoadReport> {
  checkOpenFiles(options.devices)
  const credentials = createCredentialStore(options.pkiDir).of(options.zone)
  await knock(options.url, options.zone, credentials)
  const fleet = createFleet(options, credentials)
  const watch = await watchAccounts(options.url, options.pkiDir, options.center)
  const before = await watch?.next(accountsMsMax)
  const pings = setInterval(() => fleet.ping(), pingStepMs)
  const ownDelay = monitorEventLoopDelay({ resolution: tickMs })
  ownDelay.enable()
  const ended: EndedPhase[] = []
  try {
    for (const phase of options.phases) {
      if (!context.signal.aborted) {
        ended.push(await runPhase(phase, fleet, ownDelay, context))
      }
    }
    // Who stops it wants to see what there is, now.
    if (context.signal.aborted) return createReport(options, fleet, ended, undefined)
    const deadline = performance.now() + drainMsMax
    while (fleet.unacknowledged() > 0 && performance.now() < deadline) await pause(50)
    const after = before && (await watch?.settled(accountsMsMax))
    return createReport(options, fleet, ended, before && { before, after })
  } finally {
    ownDelay.disable()
    clearInterval(pings)
    fleet.end()
    await endWatch(watch)
  }
}

async function runPhase(
  phase: Phase,
  fleet: Fleet,
  ownDelay: OwnDelay,
  context: LoadContext,
): Promise<EndedPhase> {
  const figures = fleet.begin()
  ownDelay.reset()
  const startedAt = performance.now()
  const size = fleet.devices.length
  let sent = 0
  let liveAt = startedAt + liveEveryMs
  if (phase.cutShare > 0) fleet.cut(phase.cutShare)
  for (;;) {
    const elapsedS = (performance.now() - startedAt) / 1000
    if (phase.kind === 'ramp') fleet.open(Math.ceil(shareDue(phase, elapsedS) * size))
    const due = dueBy(phase, elapsedS)
    while (due - sent >= phase.perWrite) {
      // The whole write is due when its last message is.
      const dueAt = startedAt + dueAtS(phase, sent + phase.perWrite - 1) * 1000
      fleet.sendNext(phase.perWrite, dueAt)
      sent += phase.perWrite
    }
    if (isOver(phase, fleet, elapsedS) || context.signal.aborted) break
    if (performance.now() >= liveAt) {
      liveAt += liveEveryMs
      context.live(liveLine(phase, fleet, figures, elapsedS))
    }
    await pause(tickMs)
  }
  const lastedS = (performance.now() - startedAt) / 1000
  return endPhase(phase, figures, { lastedS, connected: fleet.readyCount(), ownDelay })
}

/** In a ramp the devices connect one after the other, evenly; the last ones begin a little before its end. */
function shareDue(phase: Phase, elapsedS: number): number {
  return Math.min(1, elapsedS / (phase.seconds * rampShare))
}

/** A ramp that turns out too steep for the machine goes on, with nothing more due, until all are connected. */
function isOver(phase: Phase, fleet: Fleet, elapsedS: number): boolean {
  if (elapsedS < phase.seconds) return false
  const isComplete = fleet.readyCount() === fleet.devices.length
  return (
    phase.kind !== 'ramp' || isComplete || elapsedS >= phase.seconds * rampOverrunMax + rampOverrunS
  )
}

const rampShare = 0.9
const rampOverrunMax = 3
const rampOverrunS = 10

function liveLine(phase: Phase, fleet: Fleet, figures: PhaseFigures, elapsedS: number): string {
  const p99 = figures.latencyUs.getValueAtPercentile(99) / 1000
  const errors = [...figures.errors.values()].reduce((sum, count) => sum + count, 0)
  return [
    `${phase.name} ${elapsedS.toFixed(0)}/${phase.seconds} s`,
    `${fleet.readyCount()} connected`,
    `${(figures.sent / elapsedS).toFixed(0)} sent/s`,
    `${(figures.acknowledged / elapsedS).toFixed(0)} acknowledged/s`,
    `p99 ${p99.toFixed(1)} ms`,
    `${errors} errors`,
  ].join(' · ')
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))

async function endWatch(watch: AccountsWatch | undefined): Promise<void> {
  await watch?.end()
}
