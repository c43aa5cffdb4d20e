/**
 * A commands room for tests: real outbox in a directory of its own, event clock, and a device that does what the test says.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  type CommandLimits,
  type Commands,
  type CommandsOptions,
  createCommands,
} from '../../../gateway/commands/commands.ts'
import type { CommandMetrics, LastWord } from '../../../gateway/commands/ports.ts'
import type { CommandRequest } from '../../../gateway/commands/record.ts'
import { createEventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { parseNodeId } from '../../../schemas/ids.ts'
import { decodePayload } from '../../../schemas/payload.ts'
import { formatTimestamp } from '../../../schemas/time.ts'

export const junction = parseNodeId('north/tlc-001')
export const startMs = Date.parse('2026-11-22T07:00:00.000Z')

export interface Sent {
  readonly topic: string
  readonly message: { id: string; epoch: number; expiresAt: string; values: object }
  answer(outcome: 'delivered' | 'offline' | 'timeout'): void
}

export function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-commands-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export function countingMetrics() {
  const counts: Record<string, number> = {}
  const bump = (name: string) => ({
    add(amount = 1, labels?: Record<string, string>) {
      const key = labels ? `${name} ${Object.values(labels).join(' ')}` : name
      counts[key] = (counts[key] ?? 0) + amount
    },
    set(value: number) {
      counts[name] = value
    },
    observe() {
      counts[name] = (counts[name] ?? 0) + 1
    },
  })
  const metrics: CommandMetrics = {
    transitions: bump('transitions'),
    pending: bump('pending'),
    appliedSeconds: bump('appliedSeconds'),
    staleResults: bump('staleResults'),
    deliveryTimeouts: bump('deliveryTimeouts'),
    durableSeconds: bump('durableSeconds'),
  }
  return { counts, metrics }
}

export interface Desk {
  readonly commands: Commands
  readonly clock: ReturnType<typeof createEventClock>
  readonly sent: Sent[]
  /** `<code of state>` per transition, oldest first, by command id. */
  readonly lives: Record<string, string[]>
  readonly counts: Record<string, number>
  /** Codes of the warnings. */
  readonly codes: readonly string[]
  readonly device: { isReachable: boolean; outcome: 'delivered' | 'offline' | 'timeout' | 'later' }
  readonly dir: string
}

export async function openDesk(
  options: {
    dir?: string
    lastWord?: LastWord
    limits?: Partial<CommandLimits>
    startMs?: number
    openOutbox?: CommandsOptions['openOutbox']
  } = {},
): Promise<Desk> {
  const dir = options.dir ?? tempDir()
  const clock = createEventClock(options.startMs ?? startMs)
  const sent: Sent[] = []
  const lives: Record<string, string[]> = {}
  const { counts, metrics } = countingMetrics()
  const codes: string[] = []
  const device: Desk['device'] = { isReachable: true, outcome: 'delivered' }
  const commands = createCommands({
    dir,
    clock,
    log: { ...silentLog, warn: (fields) => codes.push(fields.code ?? '') },
    metrics,
    outlet: {
      isReachable: () => device.isReachable,
      deliver(_node, topic, payload) {
        return new Promise((resolve) => {
          const decoded = decodePayload(payload) as { value: Sent['message'] }
          sent.push({ topic, message: decoded.value, answer: resolve })
          if (device.outcome !== 'later') resolve(device.outcome)
        })
      },
    },
    ...(options.lastWord && { lastWord: options.lastWord }),
    ...(options.limits && { limits: options.limits }),
    ...(options.openOutbox && { openOutbox: options.openOutbox }),
  })
  commands.onTransition(({ record }) => {
    lives[record.id] = [...(lives[record.id] ?? []), record.state]
  })
  await commands.start(new AbortController().signal)
  onTestFinished(() => commands.stop(1000))
  return { commands, clock, sent, lives, counts, codes, device, dir }
}

export function stageRequest(stage: number, changes: Partial<CommandRequest> = {}): CommandRequest {
  return {
    junction,
    code: 'tlc.stage.set',
    values: { stage },
    issuer: 'strategy:test',
    holdForMs: 15_000,
    expiresInMs: 10_000,
    ...changes,
  }
}

export function timingRequest(cycleS: number): CommandRequest {
  const values = { cycleS, offsetS: 0, greensS: { '1': 30, '2': cycleS - 40 } }
  return { ...stageRequest(0), code: 'tlc.timing.set', values, holdForMs: 180_000 }
}

export function status(code: string, atMs: number, values: object) {
  const entries = [{ ts: formatTimestamp(atMs), seq: 1, values }]
  return { node: junction, type: 'status' as const, code, value: { entries } }
}

export function result(id: string, state: string, atMs: number, reason?: string) {
  const value = { ts: formatTimestamp(atMs), id, state, ...(reason && { reason }) }
  return { node: junction, type: 'result' as const, code: 'tlc.stage.set', value }
}

/** tlc.mode of a device that holds a stage by this command. */
export function held(stage: number | null, atMs: number, commandId?: string) {
  const values = { mode: 'normal', control: 'central', stage, ...(commandId && { commandId }) }
  return status('tlc.mode', atMs, values)
}
