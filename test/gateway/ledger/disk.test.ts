/** Bounded disk, retention, and disks that say no. */
import { execFileSync } from 'node:child_process'
import { renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type Log, silentLog } from '../../../gateway/kit/log.ts'
import { ledgerFile } from '../../../gateway/ledger/file.ts'
import type { Ledger } from '../../../gateway/ledger/ledger.ts'
import { completeLimits } from '../../../gateway/ledger/limits.ts'
import type { FromWorker } from '../../../gateway/ledger/protocol.ts'
import { openStore } from '../../../gateway/ledger/store.ts'
import { reportAccounts } from '../../../gateway/ledger/tools/accounts.ts'
import { eventually } from '../../support/eventually.ts'
import { everything, makeDir, openIn, store, storeMany, textsOf } from './house.ts'

const MiB = 1024 * 1024
const filler = 'x'.repeat(20_000)

/** Stores until the ledger goes on saying no with nothing under way; the numbers that were acknowledged. */
async function fill(ledger: Ledger, receivedAtMs = 1_000): Promise<number[]> {
  const acknowledged: number[] = []
  for (;;) {
    try {
      const round = Array.from({ length: 10 }, () => store(ledger, filler, receivedAtMs))
      const settled = await Promise.allSettled(round)
      for (const one of settled) if (one.status === 'fulfilled') acknowledged.push(one.value)
      const failed = settled.find((one) => one.status === 'rejected')
      if (failed) throw failed.reason
    } catch (error) {
      expect((error as { code: string }).code).toMatch(/^IG_ERR_LEDGER_(FULL|DISK)$/)
      if (ledger.refusal() !== undefined) return acknowledged
    }
  }
}

test('a full ledger refuses, drops nothing, and takes again when the slowest reader has moved on', async () => {
  const dir = makeDir()
  const limits = { bytesMax: 8 * MiB, reserveBytes: MiB, retainMs: 0, tickMs: 20 }
  const ledger = await openIn(dir, { limits })
  ledger.loadCursor('slow')
  ledger.loadCursor('quick')
  const acknowledged = await fill(ledger)
  expect(ledger.refusal()).toMatchObject({
    code: 'IG_ERR_LEDGER_FULL',
    message: expect.stringContaining('slow'),
  })
  ledger.advanceCursor('quick', ledger.durableOffset)
  expect(await ledger.read(0, everything)).toHaveLength(acknowledged.length)
  expect(sizeOf(dir)).toBeLessThan(8 * MiB)
  ledger.advanceCursor('slow', ledger.durableOffset - 10)
  await eventually(() => expect(ledger.refusal()).toBeUndefined())
  expect(await store(ledger, 'again')).toBe(acknowledged.length)
  const rest = textsOf(await ledger.read(acknowledged.length - 10, everything))
  expect(rest).toHaveLength(11)
  // What was freed is used again: many times the size passes through, and the file stays bounded.
  for (let round = 0; round < 5; round++) {
    for (const reader of ['slow', 'quick']) ledger.advanceCursor(reader, ledger.durableOffset)
    await eventually(() => expect(ledger.refusal()).toBeUndefined())
    await fill(ledger)
  }
  expect(sizeOf(dir)).toBeLessThan(8 * MiB + MiB)
}, 60_000)

test('records that all readers have passed are kept for a while, and go before the ledger is full', async () => {
  const limits = { bytesMax: 8 * MiB, retainMs: 60_000, tickMs: 20 }
  const ledger = await openIn(makeDir(), { limits })
  ledger.loadCursor('reader')
  for (let i = 0; i < 20; i++) await store(ledger, 'young', 100_000)
  ledger.advanceCursor('reader', 20)
  await store(ledger, 'later', 150_000)
  await store(ledger, 'later', 150_000)
  expect(ledger.firstOffset).toBe(0)
  await store(ledger, 'much later', 170_000)
  await eventually(() => {
    ledger.advanceCursor('reader', ledger.durableOffset)
    expect(ledger.firstOffset).toBeGreaterThanOrEqual(20)
  })
  // Now within their time, but room is scarce.
  const before = ledger.firstOffset
  for (let i = 0; i < 60; i++) {
    await Promise.all(Array.from({ length: 10 }, () => store(ledger, filler, 170_000)))
    ledger.advanceCursor('reader', ledger.durableOffset)
  }
  expect(ledger.refusal()).toBeUndefined()
  expect(ledger.firstOffset).toBeGreaterThan(before)
})

test('what a reader that was forgotten has not read is no longer kept for it', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir, { limits: { retainMs: 0, tickMs: 20 } })
  ledger.loadCursor('gone')
  for (let i = 0; i < 5; i++) await store(ledger, 'old', 1_000)
  await store(ledger, 'new', 5_000)
  expect(ledger.firstOffset).toBe(0)
  ledger.forgetReader('gone')
  await eventually(async () => {
    await store(ledger, 'newer', 9_000)
    expect(ledger.firstOffset).toBeGreaterThan(0)
  })
  await ledger.close()
  const again = await openIn(dir)
  expect(again.accounts().readers).toEqual([])
  const skipped = again.firstOffset
  expect(again.loadCursor('new one')).toBe(skipped)
  expect(again.accounts().readers[0]).toMatchObject({ skipped })
})

function watchWorkers(): ReadonlySet<Worker> {
  const workers = new Set<Worker>()
  const post = Worker.prototype.postMessage
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message) {
    workers.add(this)
    post.call(this, message)
  })
  onTestFinished(() => void vi.restoreAllMocks())
  return workers
}

test('a thread that dies is started again, and no sender is told anything wrong', async () => {
  const workers = watchWorkers()
  const ledger = await openIn(makeDir(), { limits: { tickMs: 20 } })
  await storeMany(ledger, 10)
  const waiting = storeMany(ledger, 100, 'waits ')
  const [worker] = [...workers]
  await worker?.terminate()
  expect(await waiting).toEqual(Array.from({ length: 100 }, (_, i) => 10 + i))
  expect(await store(ledger, 'after')).toBe(110)
  expect(await ledger.read(0, everything)).toHaveLength(111)
  expect(workers.size).toBe(2)
})

/** The thread commits once more and is ended before anybody hears its answer. */
function endBeforeItsAnswer(worker: Worker): void {
  const emit = worker.emit
  worker.emit = function (this: Worker, event: string | symbol, ...said: unknown[]) {
    const isAnswer = event === 'message' && (said[0] as FromWorker).kind === 'committed'
    if (isAnswer) void this.terminate()
    return isAnswer || emit.call(this, event, ...said)
  }
}

const nonsense = { atMs: 1, code: 'IG_ERR_X', path: '', reason: '', node: 'n', topic: 't' }

function setAside(ledger: Ledger, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    ledger.books.received += 1
    const bytes = Buffer.from(text)
    const refusal = ledger.quarantine({ ...nonsense, bytes, wholeBytes: bytes.length }, (error) =>
      error ? reject(error) : resolve(),
    )
    if (refusal) reject(refusal)
  })
}

function receive(ledger: Ledger, text: string): Promise<number> {
  ledger.books.received += 1
  return store(ledger, text)
}

test.for([
  { what: 'a record', sends: [receive], quarantineRows: 0 },
  { what: 'a message set aside', sends: [setAside], quarantineRows: 1 },
  { what: 'both', sends: [receive, setAside], quarantineRows: 1 },
])(
  'what was committed by a thread that died before its answer is there once: $what',
  async ({ sends, quarantineRows }) => {
    const dir = makeDir()
    const workers = watchWorkers()
    const ledger = await openIn(dir, { limits: { tickMs: 20 } })
    await receive(ledger, 'before')
    endBeforeItsAnswer([...workers][0]!)
    await Promise.all(sends.map((send) => send(ledger, 'once')))
    expect(workers.size).toBe(1) // Its successor was told nothing: it found all of it on the disk.
    await receive(ledger, 'after')
    await ledger.close()
    expect(reportAccounts(dir)).toMatchObject({ quarantineRows, findings: [] })
  },
)

test('a ledger from before its commits were numbered is numbered from its first commit on', async () => {
  const dir = makeDir()
  const first = await openIn(dir)
  await receive(first, 'old')
  await first.close()
  const db = new DatabaseSync(ledgerFile(dir))
  db.exec("UPDATE state SET value = json_remove(value, '$.commitNumber') WHERE name = 'door'")
  db.close()
  const workers = watchWorkers()
  const ledger = await openIn(dir, { limits: { tickMs: 20 } })
  const isSent = setAside(ledger, 'lost on its way')
  await [...workers][0]?.terminate() // Before or after its commit: there is one message in the end.
  await isSent
  await ledger.close()
  expect(reportAccounts(dir)).toMatchObject({ stored: 1, quarantineRows: 1, findings: [] })
})

test('while there is no thread a reader is told so at once, and reads on when there is one again', async () => {
  const dir = makeDir()
  const away = `${dir}-away`
  const workers = watchWorkers()
  const said: string[] = []
  const log: Log = { ...silentLog, error: (_fields, text) => void said.push(text) }
  const ledger = await openIn(dir, { log, limits: { tailBytesMax: 1, tickMs: 20 } })
  await storeMany(ledger, 1_000)
  await storeMany(ledger, 10)
  const read = () => ledger.read(0, everything)
  renameSync(dir, away) // Its successor finds nothing to open, again and again.
  await [...workers][0]?.terminate()
  const noThread = { code: 'IG_ERR_LEDGER_DISK', retry: 'later' }
  await expect(read()).rejects.toMatchObject(noThread)
  await eventually(async () => {
    await expect(read()).rejects.toMatchObject(noThread)
    expect(said.filter((text) => text === 'the ledger cannot be opened again')).toHaveLength(2)
  })
  renameSync(away, dir)
  expect(await eventually(read)).toHaveLength(1_010)
})

test('a disk that cannot be asked how full it is does not end the thread', async () => {
  const dir = makeDir()
  const away = `${dir}-away`
  const store = openStore(dir, completeLimits())
  onTestFinished(() => store.close())
  const { usedBytes, firstOffset } = store.usage(0)
  renameSync(dir, away)
  onTestFinished(() => renameSync(away, dir))
  const bytes = Buffer.alloc(100_000)
  const row = { firstOffset: 0, lastOffset: 9, firstReceivedAtMs: 1, lastReceivedAtMs: 1, bytes }
  store.commit({ number: 1, rows: [row], door: '{}' })
  // What it knew, and what it has written since.
  for (const nowMs of [2_000, 4_000]) {
    const usage = store.usage(nowMs)
    expect(usage.firstOffset).toBe(firstOffset)
    expect(usage.usedBytes).toBeGreaterThanOrEqual(usedBytes + bytes.length)
  }
})

const canMount = tryMount()

test.skipIf(!canMount)(
  'a disk that is full (needs mount) refuses, drops nothing, and is used again when there is room',
  async () => {
    const dir = mountSmallDisk('16m')
    const ballast = join(dir, 'ballast')
    writeFileSync(ballast, Buffer.alloc(8 * MiB))
    // The ledger believes in a large disk without a reserve, so that it runs into the wall.
    const limits = { bytesMax: 1_000 * MiB, reserveBytes: 0, holdMs: 100, tickMs: 20 }
    const ledger = await openIn(dir, { limits })
    ledger.loadCursor('slow')
    const acknowledged = await fill(ledger)
    expect(acknowledged.length).toBeGreaterThan(10)
    expect(ledger.refusal()?.code).toMatch(/^IG_ERR_LEDGER_(FULL|DISK)$/)
    rmSync(ballast)
    await eventually(() => expect(ledger.refusal()).toBeUndefined())
    expect(await store(ledger, 'again')).toBe(acknowledged.length)
    const stored = await ledger.read(0, everything)
    expect(stored.map((record) => record.offset)).toEqual(stored.map((_, i) => i))
    expect(stored).toHaveLength(acknowledged.length + 1)
  },
  60_000,
)

test.skipIf(!canMount)('a read-only disk (needs mount) is told with the remedy', async () => {
  const dir = mountSmallDisk('8m')
  await (await openIn(dir)).close()
  execFileSync('mount', ['-o', 'remount,ro', dir])
  await expect(openIn(dir)).rejects.toMatchObject({ code: 'IG_ERR_LEDGER_UNREADABLE' })
})

function sizeOf(dir: string): number {
  const size = (name: string) => statSync(join(dir, name), { throwIfNoEntry: false })?.size ?? 0
  return size('ledger.db') + size('ledger.db-wal')
}

function mountSmallDisk(size: string): string {
  const dir = makeDir()
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir])
  onTestFinished(() => void execFileSync('umount', ['-l', dir]))
  return dir
}

function tryMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' })
    return process.getuid?.() === 0
  } catch {
    return false
  }
}
