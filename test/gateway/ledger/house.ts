/** A ledger in a directory of its own, and short ways to store and to read. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { silentLog } from '../../../gateway/kit/log.ts'
import { type Ledger, type LedgerOptions, openLedger } from '../../../gateway/ledger/ledger.ts'
import type { ParsedRecord } from '../../../gateway/ledger/record.ts'

export const topic = 'north/det-1/status/traffic.count/1min'
export const everything = { recordsMax: 1_000_000, bytesMax: 1_000_000_000 }

export function makeDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-ledger-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export async function openIn(dir: string, options: Partial<LedgerOptions> = {}): Promise<Ledger> {
  const ledger = await openLedger({ dir, log: silentLog, ...options })
  onTestFinished(() => ledger.close())
  return ledger
}

export function entry(text: string, receivedAtMs = 1_000) {
  return { receivedAtMs, topic, payload: Buffer.from(JSON.stringify({ text })) }
}

/** Resolves with the offset when it is durable; rejects when it was not appended or given up. */
export function store(ledger: Ledger, text: string, receivedAtMs?: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const answer = ledger.append(entry(text, receivedAtMs), (error) =>
      error ? reject(error) : resolve(answer as number),
    )
    if (typeof answer !== 'number') reject(answer)
  })
}

export function storeMany(ledger: Ledger, count: number, prefix = ''): Promise<number[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => store(ledger, `${prefix}${i}`)))
}

export function textsOf(records: readonly ParsedRecord[]): string[] {
  return records.map((record) => JSON.parse(Buffer.from(record.payload).toString()).text)
}
