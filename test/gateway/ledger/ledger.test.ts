import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { type Ledger, openLedger } from '../../../gateway/ledger/ledger.ts'
import type { LedgerLimits } from '../../../gateway/ledger/limits.ts'
import { createPump } from '../../../gateway/ledger/pump.ts'
import { openLedgerReader } from '../../../gateway/ledger/reader.ts'

const payload = (text: string) => Buffer.from(JSON.stringify({ text }))
const topic = 'north/det-1/status/traffic.count/1min'

function makeDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ledger-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function open(dir: string, limits?: Partial<LedgerLimits>): Promise<Ledger> {
  const ledger = await openLedger({ dir, log: silentLog, ...(limits && { limits }) })
  onTestFinished(() => ledger.close().catch(() => {}))
  return ledger
}

function store(ledger: Ledger, text: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const answer = ledger.append({ receivedAtMs: 1000, topic, payload: payload(text) }, (error) =>
      error ? reject(error) : resolve(answer as number),
    )
    if (typeof answer !== 'number') reject(answer)
  })
}

test('what was stored is read again, in order, from memory, from the disk and after a restart', async () => {
  const dir = makeDir()
  const first = await open(dir, { tailBytesMax: 1 })
  const offsets = await Promise.all(['a', 'b', 'c'].map((text) => store(first, text)))
  expect(offsets).toEqual([0, 1, 2])
  await store(first, 'd')
  const bounds = { recordsMax: 10, bytesMax: 1000 }
  const texts = (records: readonly { payload: Uint8Array }[]) =>
    records.map((record) => JSON.parse(Buffer.from(record.payload).toString()).text)
  expect(texts(await first.read(0, bounds))).toEqual(['a', 'b', 'c', 'd'])
  const reader = openLedgerReader({ dir })
  expect(texts(reader.read(1, bounds))).toEqual(['b', 'c', 'd'])
  reader.close()
  await first.close()
  const second = await open(dir)
  expect(second.nextOffset).toBe(4)
  expect(texts(await second.read(2, { recordsMax: 1, bytesMax: 1000 }))).toEqual(['c'])
})

test('a pump hands out every record in order and its cursor survives a restart', async () => {
  const dir = makeDir()
  const ledger = await open(dir)
  const seen: number[] = []
  const pump = createPump({
    ledger,
    name: 'test',
    clock: createSystemClock(),
    log: silentLog,
    consume: (records) => void seen.push(...records.map((record) => record.offset)),
  })
  await pump.start(new AbortController().signal)
  await Promise.all(Array.from({ length: 1000 }, (_, i) => store(ledger, String(i))))
  await pump.drained()
  expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => i))
  await pump.stop(1000)
  await ledger.close()
  const again = await open(dir)
  expect(again.loadCursor('test')).toBe(1000)
  expect(again.accounts().readers).toEqual([
    { reader: 'test', position: 1000, written: 1000, rejected: 0, skipped: 0, pending: 0 },
  ])
})
