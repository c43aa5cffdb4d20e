/**
 * What the door has seen of each device, for whoever looks after the devices: status `gateway.devices`, once a minute.
 *
 * - Only devices whose figures changed since they were last told; that messages come is no change, and a clock's estimate
 *   wanders by some milliseconds.
 * - Bounded: so many devices a message, so many messages a minute. Who was told longest ago goes first, so that a large
 *   fleet is told within some minutes.
 * - Figures count since the gateway began; a device the door has forgotten begins anew.
 */
import type { GatewayDevices } from '../../schemas/generated/messages.ts'
import { createSystemClock } from '../kit/clock.ts'
import type { Part } from '../kit/part.ts'

type Nodes = GatewayDevices['entries'][number]['values']['nodes']
type Figures = Nodes[string]

export type DeviceReport = Omit<Figures, 'clockOffsetMs'> & {
  readonly node: string
  /** Device clock less ours; undefined until there is enough to go on. */
  readonly clockOffsetMs: number | undefined
}

const tellEveryMs = 60_000
export const nodesPerMessageMax = 250 // About 50 kB.
export const messagesPerMinuteMax = 8
/** An estimate that moved by less is the same: the way of the quickest message differs by as much. */
const clockStepMs = 100

/** Answers whose figures are to be told now, a message each. */
export function createDeviceTeller(): (reports: readonly DeviceReport[]) => readonly Nodes[] {
  let told = new Map<string, { readonly figures: Figures; readonly turn: number }>()
  let turn = 0
  return (reports) => {
    turn += 1
    const before = told
    told = new Map()
    const changed: { readonly node: string; readonly figures: Figures }[] = []
    for (const { node, ...report } of reports) {
      const figures = figuresOf(report)
      const last = before.get(node)
      if (last) told.set(node, last)
      if (!last || hasChanged(last.figures, figures)) changed.push({ node, figures })
    }
    const turnOf = (node: string) => before.get(node)?.turn ?? 0
    const now = changed
      .sort((a, b) => turnOf(a.node) - turnOf(b.node))
      .slice(0, nodesPerMessageMax * messagesPerMinuteMax)
    const messages: Nodes[] = []
    for (const [at, { node, figures }] of now.entries()) {
      if (at % nodesPerMessageMax === 0) messages.push({})
      messages.at(-1)![node] = figures
      told.set(node, { figures, turn })
    }
    return messages
  }
}

export function createDeviceWatch(
  reports: () => readonly DeviceReport[],
  tell: (nodes: Nodes) => void,
): Part {
  const take = createDeviceTeller()
  let cancel: (() => void) | undefined
  return {
    name: 'device watch',
    async start() {
      cancel = createSystemClock().every(tellEveryMs, () => {
        for (const nodes of take(reports())) tell(nodes)
      })
    },
    async stop() {
      cancel?.()
    },
  }
}

function figuresOf(report: Omit<DeviceReport, 'node'>): Figures {
  const { messages, duplicates, quarantined, gaps, missing, replayed } = report
  const { restarts, late, future, misaligned, clockOffsetMs } = report
  return {
    ...{ messages, duplicates, quarantined, gaps, missing, replayed },
    ...{ restarts, late, future, misaligned },
    ...(clockOffsetMs === undefined ? {} : { clockOffsetMs: Math.round(clockOffsetMs) }),
  }
}

function hasChanged(before: Figures, now: Figures): boolean {
  const { messages: _before, clockOffsetMs: clockBefore, ...countsBefore } = before
  const { messages: _now, clockOffsetMs, ...counts } = now
  if (clockBefore === undefined || clockOffsetMs === undefined) {
    if (clockBefore !== clockOffsetMs) return true
  } else if (Math.abs(clockOffsetMs - clockBefore) >= clockStepMs) return true
  return Object.entries(counts).some(
    ([name, count]) => count !== countsBefore[name as keyof typeof counts],
  )
}
