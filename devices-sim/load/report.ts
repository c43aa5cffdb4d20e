/** What a load run found, as JSON: rates and latencies per phase, accounts on both sides, and which expectations held. */
import { availableParallelism, cpus, totalmem } from 'node:os'
import type { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Histogram } from 'hdr-histogram-js'
import type { Accounts } from './accounts.ts'
import type { PhaseFigures } from './figures.ts'
import type { Fleet } from './fleet.ts'
import type { LoadOptions, Phase } from './options.ts'

export interface Quantiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
  readonly count: number
}

export interface PhaseReport {
  readonly name: string
  readonly kind: Phase['kind']
  readonly seconds: number
  readonly due: number
  readonly sent: number
  readonly unsent: number
  /** Of what was sent in it, also afterwards. */
  readonly acknowledged: number
  /** While it lasted. */
  readonly acknowledgedPerS: number
  /** From the moment a message was due to its PUBACK. */
  readonly latencyMs: Quantiles
  readonly resentMs: Quantiles
  /** At its end. */
  readonly connected: number
  readonly connects: number
  readonly connectsPerS: number
  readonly connectMs: Quantiles
  readonly errors: Readonly<Record<string, number>>
  /** Of this process's own event loop: what is in it is in the latencies, and is not the gateway's. */
  readonly ownDelayMs: { readonly p50: number; readonly p99: number; readonly max: number }
}

export type OwnDelay = ReturnType<typeof monitorEventLoopDelay>

export interface Expectation {
  readonly name: string
  readonly limit: number
  readonly value: number
  readonly isMet: boolean
}

export interface LoadReport {
  readonly event: 'report'
  readonly isMet: boolean
  readonly about: string
  readonly devices: number
  readonly qos: number
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memoryGiB: number
    readonly node: string
  }
  readonly phases: readonly PhaseReport[]
  readonly sent: Fleet['sentByClass']
  readonly acknowledged: Fleet['acknowledgedByClass']
  readonly lost: number
  readonly totals: Fleet['totals']
  /** What the gateway's accounts grew by; null where they could not be read. */
  readonly gateway: Accounts | null
  readonly expectations: readonly Expectation[]
}

/** A phase that is over: what was so at its end, and its figures, which may still grow. */
export interface EndedPhase {
  readonly phase: Phase
  readonly figures: PhaseFigures
  readonly end: Pick<
    PhaseReport,
    'seconds' | 'connected' | 'acknowledgedPerS' | 'connectsPerS' | 'ownDelayMs'
  >
}

export function endPhase(
  phase: Phase,
  figures: PhaseFigures,
  now: { readonly lastedS: number; readonly connected: number; readonly ownDelay: OwnDelay },
): EndedPhase {
  const { lastedS, connected, ownDelay } = now
  const ownMs = (nanoseconds: number) => round(nanoseconds / 1e6)
  const end = {
    seconds: round(lastedS),
    connected,
    acknowledgedPerS: round(figures.acknowledged / lastedS),
    connectsPerS: round(figures.connects / lastedS),
    ownDelayMs: {
      p50: ownMs(ownDelay.percentile(50)),
      p99: ownMs(ownDelay.percentile(99)),
      max: ownMs(ownDelay.max),
    },
  }
  return { phase, figures, end }
}

function phaseReport({ phase, figures, end }: EndedPhase): PhaseReport {
  return {
    name: phase.name,
    kind: phase.kind,
    due: figures.due,
    sent: figures.sent,
    unsent: figures.unsent,
    acknowledged: figures.acknowledged,
    latencyMs: quantiles(figures.latencyUs),
    resentMs: quantiles(figures.resentUs),
    connects: figures.connects,
    connectMs: quantiles(figures.connectUs),
    errors: Object.fromEntries(figures.errors),
    ...end,
  }
}

export function quantiles(histogram: Histogram): Quantiles {
  if (histogram.totalCount === 0) return { p50: 0, p90: 0, p99: 0, p999: 0, max: 0, count: 0 }
  const ms = (percentile: number) => round(histogram.getValueAtPercentile(percentile) / 1000)
  return {
    p50: ms(50),
    p90: ms(90),
    p99: ms(99),
    p999: ms(99.9),
    max: round(histogram.maxValue / 1000),
    count: histogram.totalCount,
  }
}

export function createReport(
  options: LoadOptions,
  fleet: Fleet,
  ended: readonly EndedPhase[],
  accounts: { readonly before: Accounts; readonly after: Accounts | undefined } | undefined,
): LoadReport {
  const phases = ended.map(phaseReport)
  const lost = options.qos === 1 ? fleet.unacknowledged() : 0
  const gateway = accounts?.after ? grown(accounts.before, accounts.after) : null
  const expectations = [
    ...expect(options, fleet, phases, lost, gateway),
    // Read at the beginning and not at the end: nothing was compared, and that is no success.
    ...(accounts && !gateway
      ? [{ name: 'gateway.accounts', limit: 1, value: 0, isMet: false }]
      : []),
  ]
  return {
    event: 'report',
    isMet: expectations.every(({ isMet }) => isMet),
    about: options.about,
    devices: options.devices,
    qos: options.qos,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      node: process.version,
    },
    phases,
    sent: fleet.sentByClass,
    acknowledged: fleet.acknowledgedByClass,
    lost,
    totals: fleet.totals,
    gateway,
    expectations,
  }
}

function grown(before: Accounts, after: Accounts): Accounts {
  return {
    received: after.received - before.received,
    stored: after.stored - before.stored,
    duplicate: after.duplicate - before.duplicate,
    quarantined: after.quarantined - before.quarantined,
    refused: after.refused - before.refused,
    residual: after.residual,
  }
}

function expect(
  options: LoadOptions,
  fleet: Fleet,
  phases: readonly PhaseReport[],
  lost: number,
  gateway: Accounts | null,
): readonly Expectation[] {
  const atMost = (name: string, limit: number, value: number) => ({
    name,
    limit,
    value: round(value),
    isMet: value <= limit,
  })
  const atLeast = (name: string, limit: number, value: number) => ({
    name,
    limit,
    value: round(value),
    isMet: value >= limit,
  })
  const expectations: Expectation[] = [atMost('lost', options.expectLost, lost)]
  // A storm is expected to be felt; what it does to those who stay is in the report.
  const steady = phases.filter(
    ({ kind, name }) =>
      kind === 'steady' && options.phases.find((each) => each.name === name)?.cutShare === 0,
  )
  for (const { name, latencyMs, unsent } of steady) {
    // Where nobody was connected to send, a quantile of what was sent says nothing.
    expectations.push(atMost(`${name}.unsent`, 0, unsent))
    // QoS 0 has no answer to wait for.
    if (options.expectP99Ms > 0 && options.qos === 1) {
      expectations.push(atMost(`${name}.p99Ms`, options.expectP99Ms, latencyMs.p99))
    }
    if (options.expectP999Ms > 0 && options.qos === 1) {
      expectations.push(atMost(`${name}.p999Ms`, options.expectP999Ms, latencyMs.p999))
    }
  }
  const ramp = phases.find(({ kind }) => kind === 'ramp')
  if (ramp) expectations.push(atLeast(`${ramp.name}.connected`, options.devices, ramp.connected))
  if (options.expectConnectsPerS > 0 && ramp) {
    expectations.push(atLeast('connectsPerS', options.expectConnectsPerS, ramp.connectsPerS))
  }
  if (gateway) {
    const { ok, late, malformed } = fleet.acknowledgedByClass
    expectations.push(atMost('gateway.residual', 0, Math.abs(gateway.residual)))
    // What was acknowledged must be in its books; others may have sent as well, and cuts repeat. What was sent
    // without acknowledgement must be there too, but for what a cut took with it.
    if (options.qos === 0) {
      const { ok, late, malformed, duplicate } = fleet.sentByClass
      const sent = ok + late + malformed + duplicate
      expectations.push(atLeast('gateway.received', sent - options.expectLost, gateway.received))
    } else {
      expectations.push(atLeast('gateway.stored', ok + late, gateway.stored))
      expectations.push(atLeast('gateway.quarantined', malformed, gateway.quarantined))
    }
  }
  return expectations
}

const round = (value: number) => Math.round(value * 100) / 100
