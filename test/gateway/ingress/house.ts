/** A door with a real ledger behind it, on an event clock, and short ways to knock. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import {
  createIngress,
  type Ingress,
  type IngressOptions,
} from '../../../gateway/ingress/ingress.ts'
import type { Arrival, GateAnswer } from '../../../gateway/ingress/ports.ts'
import { createEventClock, type EventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { type Ledger, type LedgerOptions, openLedger } from '../../../gateway/ledger/ledger.ts'
import type { ParsedRecord } from '../../../gateway/ledger/record.ts'

export const startMs = Date.parse('2026-11-22T07:00:00.000Z')
export const passOn = { kind: 'acknowledge', forward: true }
export const keepQuiet = { kind: 'acknowledge', forward: false }
export const at = (offsetMs: number) => new Date(startMs + offsetMs).toISOString()

export interface House {
  readonly dir: string
  readonly ledger: Ledger
  readonly ingress: Ingress
  readonly clock: EventClock
  readonly notices: { node: string; payload: Record<string, unknown> }[]
  close(): Promise<void>
}

export interface HouseOptions {
  readonly dir?: string
  readonly ingress?: Partial<IngressOptions>
  readonly ledger?: Partial<LedgerOptions>
}

export async function build(options: HouseOptions = {}): Promise<House> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'intergreen-ingress-'))
  const ledger = await openLedger({ dir, log: silentLog, ...options.ledger })
  const clock = createEventClock(startMs)
  const notices: House['notices'] = []
  const ingress = createIngress({
    ledger,
    clock,
    log: silentLog,
    notify: (node, payload) => notices.push({ node, payload: JSON.parse(payload.toString()) }),
    ...options.ingress,
  })
  await ingress.start(new AbortController().signal)
  const close = async () => {
    await ingress.stop(1_000)
    await ledger.close()
  }
  onTestFinished(async () => {
    await close()
    rmSync(dir, { recursive: true, force: true })
  })
  return { dir, ledger, ingress, clock, notices, close }
}

export function count(seq: number, ts = at(0), vehicles = 3) {
  const values = { windowMs: 60_000, detectors: { 'dl/1': { vehicles } } }
  return { entries: [{ ts, seq, values }] }
}

export const countTopic = 'north/det-1/status/traffic.count/1min'
export const replayTopic = 'north/det-1/replay/traffic.count/1min'

export function arrival(payload: unknown, topic = countTopic, node = 'north/det-1'): Arrival {
  return {
    identity: { role: 'device', name: node },
    clientId: node,
    topic,
    payload: Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload)),
    qos: 1,
    retain: false,
    dup: false,
  }
}

export function ask(house: House, one: Arrival): Promise<GateAnswer> {
  return new Promise((resolve) => house.ingress.admit(one, resolve))
}

/** Hands in one after the other and answers what was stored. */
export async function send(house: House, ...messages: readonly Arrival[]): Promise<ParsedRecord[]> {
  const from = house.ledger.nextOffset
  for (const one of messages) await ask(house, one)
  return [...(await house.ledger.read(from, { recordsMax: 10_000, bytesMax: 10_000_000 }))]
}

export function notesOf(records: readonly ParsedRecord[]) {
  return records.map((record) => record.notes)
}
