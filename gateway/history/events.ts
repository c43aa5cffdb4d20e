/**
 * Changes and events: plans, modes, alarms, the life of commands, decisions, the figures of devices, the seats of models. To be called inside a transaction.
 *
 * - Decisions that keep what is are written once a minute; all others always.
 * - Each has a key that makes a second copy the same row; nothing here depends on the order of arrival more than
 *   it must: a plan that comes late goes to its own time.
 */
import type { DatabaseSync } from 'node:sqlite'
import type {
  DetectorFault,
  GatewayCommands,
  GatewayControl,
  GatewayDevices,
  GatewayModels,
  TlcMode,
  TlcPlan,
} from '../../schemas/generated/messages.ts'
import type { NodeId } from '../../schemas/ids.ts'
import { alarmNode } from '../kit/alarm-node.ts'

export interface Events {
  plan(node: string, message: TlcPlan): void
  mode(node: string, message: TlcMode): void
  /** `publisher` told it; it is kept under the node it is about. */
  alarm(publisher: NodeId, code: string, message: DetectorFault): void
  commands(message: GatewayCommands): void
  decisions(message: GatewayControl): void
  devices(message: GatewayDevices): void
  models(message: GatewayModels): void
}

const keepRepeatMs = 60_000 // A strategy that is asked each second mostly keeps; one a minute shows that it lives.
const keptMax = 10_000

export function createEvents(db: DatabaseSync): Events {
  const kept: Kept = new Map()
  const planBefore = db.prepare(
    'SELECT * FROM tlc_plan WHERE node = ? AND at_ms <= ? ORDER BY at_ms DESC LIMIT 1',
  )
  const putPlan = db.prepare('INSERT OR REPLACE INTO tlc_plan VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
  const modeBefore = db.prepare(
    'SELECT * FROM tlc_mode WHERE node = ? AND at_ms <= ? ORDER BY at_ms DESC LIMIT 1',
  )
  const putMode = db.prepare('INSERT OR REPLACE INTO tlc_mode VALUES (?, ?, ?, ?, ?)')
  const alarms = prepareAlarms(db)
  const putCommand = db.prepare('INSERT OR IGNORE INTO command VALUES (?, ?, ?, ?, ?)')
  const putStep = db.prepare('INSERT OR REPLACE INTO command_step VALUES (?, ?, ?, ?, ?)')
  const putDecision = db.prepare(
    'INSERT OR REPLACE INTO decision VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const putDevice = db.prepare(
    'INSERT OR REPLACE INTO device VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const putModel = db.prepare('INSERT OR REPLACE INTO model_event VALUES (?, ?, ?, ?, ?)')

  return {
    plan(node, message) {
      for (const { ts, values } of message.entries) {
        const atMs = Date.parse(ts)
        const greens = JSON.stringify(values.greensS)
        const { plan, cycleS, offsetS, source, commandId = null } = values
        const row = [plan, cycleS, offsetS, greens, source, commandId]
        const last = planBefore.get(node, atMs)
        const { node: _node, at_ms: _at, ...known } = last ?? {}
        if (last && isSame(Object.values(known), row)) continue
        putPlan.run(node, atMs, plan, cycleS, offsetS, greens, source, commandId)
      }
    },
    mode(node, message) {
      for (const { ts, values } of message.entries) {
        const atMs = Date.parse(ts)
        const { mode, control, commandId = null } = values
        const last = modeBefore.get(node, atMs)
        const known = [last?.mode, last?.control, last?.command_id]
        if (last && isSame(known, [mode, control, commandId])) continue
        putMode.run(node, atMs, mode, control, commandId)
      }
    },
    alarm(publisher, code, message) {
      const active = new Set<string>()
      for (const entry of message.entries) {
        const values = entry.values as Readonly<Record<string, string | undefined>>
        const node = alarmNode(publisher, values)
        const component = entry.component ?? values.group ?? ''
        const kind = values.kind ?? values.color ?? ''
        const atMs = Date.parse(entry.ts)
        if (entry.active) {
          active.add(`${node} ${component} ${kind}`)
          alarms.raise(node, code, component, kind, atMs, values.text)
        } else alarms.clear(node, code, component, kind, atMs)
      }
      if (!message.full) return
      // The entries are all that are active: the others are over since then.
      const atMs = Math.max(...message.entries.map((entry) => Date.parse(entry.ts)))
      for (const { component, kind } of alarms.open(publisher, code))
        if (!active.has(`${publisher} ${component} ${kind}`))
          alarms.clear(publisher, code, component, kind, atMs)
    },
    commands(message) {
      for (const { ts, seq, values } of message.entries) {
        const atMs = Date.parse(ts)
        putCommand.run(values.id, values.junction, values.code, values.issuer, atMs)
        putStep.run(values.id, atMs, seq, values.state, values.reason ?? null)
      }
    },
    decisions(message) {
      for (const { ts, values } of message.entries) {
        const atMs = Date.parse(ts)
        if (isRepeated(kept, values, atMs)) continue
        putDecision.run(
          ...([values.junction, atMs, values.strategy, values.rung] as const),
          ...([values.decision, values.why, values.commandId ?? null] as const),
          ...([values.isShadow ? 1 : 0, json(values.values), json(values.forecast)] as const),
          ...([values.forecastModel ?? null, values.forecastAgeMs ?? null] as const),
          json(values.forecastInputs),
        )
      }
    },
    devices(message) {
      for (const { ts, values } of message.entries) {
        const atMs = Date.parse(ts)
        for (const [node, figures] of Object.entries(values.nodes)) {
          const { messages, duplicates, quarantined, gaps, missing, replayed } = figures
          const { restarts, late, future, misaligned, clockOffsetMs = null } = figures
          putDevice.run(
            ...([node, atMs, messages, duplicates, quarantined, gaps, missing] as const),
            ...([replayed, restarts, late, future, misaligned, clockOffsetMs] as const),
          )
        }
      }
    },
    models(message) {
      for (const { ts, values } of message.entries) {
        const { event, model, facts } = values
        const quantity = typeof facts.quantity === 'string' ? facts.quantity : ''
        putModel.run(Date.parse(ts), event, model, quantity, JSON.stringify(facts))
      }
    },
  }
}

type DecisionValues = GatewayControl['entries'][number]['values']
type Kept = Map<string, { readonly rung: string; readonly atMs: number }>

/** True for a `keep` within a minute of what was written of that junction and strategy. */
function isRepeated(kept: Kept, values: DecisionValues, atMs: number): boolean {
  const key = `${values.junction} ${values.strategy} ${values.isShadow ?? false}`
  const last = kept.get(key)
  const isNear = last && last.rung === values.rung && Math.abs(atMs - last.atMs) < keepRepeatMs
  if (values.decision === 'keep' && isNear && atMs !== last.atMs) return true
  if (kept.size >= keptMax) kept.clear()
  kept.set(key, { rung: values.rung, atMs })
  return false
}

function prepareAlarms(db: DatabaseSync) {
  const open = db.prepare(
    'SELECT component, kind FROM alarm WHERE node = ? AND code = ? AND cleared_ms IS NULL',
  )
  // One that is open already, or was over by then and is told again, is the same alarm.
  const isCovered = db.prepare(`
    SELECT 1 FROM alarm WHERE node = ? AND code = ? AND component = ? AND kind = ?
      AND raised_ms <= ? AND (cleared_ms IS NULL OR cleared_ms > ?)`)
  const raise = db.prepare('INSERT OR IGNORE INTO alarm VALUES (?, ?, ?, ?, ?, NULL, ?)')
  const clear = db.prepare(`
    UPDATE alarm SET cleared_ms = ? WHERE node = ? AND code = ? AND component = ? AND kind = ?
      AND raised_ms <= ? AND cleared_ms IS NULL`)
  return {
    open: (node: string, code: string) =>
      open.all(node, code) as { component: string; kind: string }[],
    raise(node: string, code: string, component: string, kind: string, atMs: number, text = '') {
      if (isCovered.get(node, code, component, kind, atMs, atMs)) return
      raise.run(node, code, component, kind, atMs, text === '' ? null : text)
    },
    clear(node: string, code: string, component: string, kind: string, atMs: number) {
      clear.run(atMs, node, code, component, kind, atMs)
    },
  }
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, at) => value === b[at])
}

function json(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value)
}
