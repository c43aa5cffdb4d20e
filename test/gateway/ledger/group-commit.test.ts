/** What group commit does when the disk says no; the thread is played by the test. */
import { expect, onTestFinished, test } from 'vitest'
import { silentLog } from '../../../gateway/kit/log.ts'
import { Books } from '../../../gateway/ledger/accounts.ts'
import type { Batch } from '../../../gateway/ledger/batch.ts'
import { Cursors } from '../../../gateway/ledger/cursors.ts'
import { LedgerDisk } from '../../../gateway/ledger/errors.ts'
import { GroupCommit } from '../../../gateway/ledger/group-commit.ts'
import { completeLimits, type LedgerLimits } from '../../../gateway/ledger/limits.ts'
import { silentLedgerMetrics } from '../../../gateway/ledger/metrics.ts'
import type { Fault, ToWorker } from '../../../gateway/ledger/protocol.ts'
import type { CommitRequest, Usage } from '../../../gateway/ledger/store.ts'
import type { CodedError } from '../../../schemas/coded-error.ts'
import { eventually } from '../../support/eventually.ts'
import { entry } from './house.ts'

const MiB = 1024 * 1024
const roomy: Usage = {
  usedBytes: 0,
  diskFreeBytes: 1_000 * MiB,
  firstOffset: 0,
  quarantineDropped: 0,
}
const state = { commitNumber: 0, nextOffset: 0, firstOffset: 0, accounts: {}, cursors: [] }

function build(limits: Partial<LedgerLimits> = {}) {
  const books = new Books()
  const cursors = new Cursors([])
  const requests: CommitRequest[] = []
  const refused: number[] = []
  const kept: Batch[] = []
  const commits = new GroupCommit(state, roomy, {
    limits: completeLimits({ gatherMs: 0, holdMs: 200, tickMs: 20, ...limits }),
    books,
    cursors,
    log: silentLog,
    metrics: silentLedgerMetrics,
    post: (message: ToWorker) => void (message.kind === 'commit' && requests.push(message.request)),
    durable: (batch) => void kept.push(batch),
    settled() {},
    takesAgain() {},
    refused: (batch) => void refused.push(batch.count),
  })
  const told: (string | CodedError | undefined)[] = []
  const answer = (fault?: Fault, usage = roomy) => commits.committed(usage, fault)
  const append = (text: string) =>
    commits.append(entry(text), (error) => void told.push(error?.code ?? text))
  /** Appends and lets the turn end, so that the batch is handed over. */
  const send = async (text: string) => {
    append(text)
    await new Promise((resolve) => setImmediate(resolve))
  }
  onTestFinished(() => commits.threadLost(LedgerDisk('end of test')))
  return { commits, books, cursors, requests, refused, kept, told, answer, append, send }
}

const broken: Fault = { kind: 'disk', text: 'disk I/O error' }

test('a batch that could not be written is tried again, the same, and its senders never notice', async () => {
  const { commits, requests, told, answer, append, send } = build()
  await send('a')
  answer(broken)
  expect(commits.refusal()).toMatchObject({ code: 'IG_ERR_LEDGER_DISK' })
  expect(append('b')).toMatchObject({ code: 'IG_ERR_LEDGER_DISK' })
  await eventually(() => expect(requests).toHaveLength(2))
  expect(requests[1]).toEqual(requests[0])
  expect(told).toEqual([])
  answer()
  expect(told).toEqual(['a'])
  expect(commits.refusal()).toBeUndefined()
  expect(append('b')).toBe(1)
})

test('what cannot be written for too long is refused with all that came after it, and leaves no hole', async () => {
  const { commits, books, requests, refused, told, answer, append, send } = build()
  await send('a')
  append('b')
  append('c')
  expect(requests).toHaveLength(1)
  answer(broken)
  while (told.length === 0) {
    const before = requests.length
    await eventually(() => expect(requests.length).toBeGreaterThan(before))
    answer(broken)
  }
  expect(told).toEqual(Array(3).fill('IG_ERR_LEDGER_DISK'))
  expect(refused).toEqual([1, 2])
  expect([commits.nextOffset, commits.durableOffset]).toEqual([0, 0])
  expect(books.snapshot()).toMatchObject({ stored: 0, refused: { IG_ERR_LEDGER_DISK: 3 } })
  // An empty commit finds out when the disk is well again.
  const before = requests.length
  await eventually(() => expect(requests.length).toBeGreaterThan(before))
  expect(requests.at(-1)?.rows).toEqual([])
  answer()
  expect(append('again')).toBe(0)
})

test('books written with a batch say nothing of records that are not in it', async () => {
  const { requests, append, send } = build()
  await send('a')
  append('b')
  expect(JSON.parse(requests[0]?.door ?? '')).toMatchObject({ stored: 1 })
})

test('a ledger near its limit refuses before the disk does, and takes again when there is room for more than a moment', async () => {
  const { commits, answer, append, send } = build({ bytesMax: 100 * MiB, reserveBytes: 16 * MiB })
  await send('a')
  answer(undefined, { ...roomy, usedBytes: 84 * MiB })
  expect(append('b')).toMatchObject({ code: 'IG_ERR_LEDGER_FULL', retry: 'later' })
  expect(commits.room.freeBytes).toBe(0)
  answer(undefined, { ...roomy, usedBytes: 83 * MiB })
  expect(commits.refusal()).toMatchObject({ code: 'IG_ERR_LEDGER_FULL' })
  answer(undefined, { ...roomy, usedBytes: 80 * MiB })
  expect(commits.refusal()).toBeUndefined()
})

test('a disk that others have filled refuses like a full ledger', async () => {
  const { commits, answer, send } = build({ reserveBytes: 16 * MiB })
  await send('a')
  answer(undefined, { ...roomy, diskFreeBytes: 15 * MiB })
  expect(commits.refusal()).toMatchObject({ code: 'IG_ERR_LEDGER_FULL' })
})

test('when the thread died after its commit, the senders are told that it is done', async () => {
  const { commits, requests, told, append, send } = build()
  await send('a')
  append('b')
  commits.threadLost(LedgerDisk('died'))
  expect(append('c')).toMatchObject({ code: 'IG_ERR_LEDGER_DISK' })
  commits.threadReopened({ ...state, commitNumber: 1, nextOffset: 1 }, roomy)
  expect(told).toEqual(['a'])
  await eventually(() => expect(requests.at(-1)?.rows[0]?.firstOffset).toBe(1))
})

test('when the thread died before its commit, the batch is sent again', async () => {
  const { commits, requests, told, send, answer } = build()
  await send('a')
  commits.threadLost(LedgerDisk('died'))
  commits.threadReopened(state, roomy)
  expect(requests).toHaveLength(2)
  expect(requests[1]).toEqual(requests[0])
  answer()
  expect(told).toEqual(['a'])
})

test('closing while the disk ails refuses what waits, once it was tried a last time', async () => {
  const { commits, requests, told, answer, send } = build({ holdMs: 60_000 })
  await send('a')
  answer(broken)
  const before = requests.length
  const closed = commits.close()
  expect(requests.length).toBe(before + 1)
  answer(broken)
  await closed
  expect(told).toEqual(['IG_ERR_LEDGER_DISK'])
})

test('cursors that could not be written are written later', async () => {
  const { cursors, requests, answer, send } = build({ holdMs: 0 })
  cursors.load('reader', 0, 0)
  await send('a')
  expect(requests[0]?.extras?.cursors).toHaveLength(1)
  answer(broken)
  expect(cursors.isDirty).toBe(true)
  await eventually(() => {
    answer(broken)
    expect(requests.slice(1).some(({ extras }) => extras?.cursors.length === 1)).toBe(true)
  })
})

test('of what is durable only the records stay in memory: nobody who waited, and nothing set aside', async () => {
  const { commits, kept, told, answer, send } = build()
  const bytes = Buffer.alloc(64 * 1024)
  const item = { atMs: 1, code: 'IG_ERR_X', path: '', reason: '', node: 'n', topic: 't' }
  const setAside = () =>
    commits.quarantine({ ...item, wholeBytes: bytes.length, bytes }, () => void told.push('aside'))
  setAside()
  commits.deadLetter({ reader: 'reader', offset: 0, atMs: 1, error: 'poison' })
  commits.releaseDuplicate({ id: 1, code: 'IG_ERR_X' })
  commits.keepAside(2)
  await send('a')
  answer()
  setAside() // A batch without a record is nothing the tail could hand out, or would ever let go of.
  await new Promise((resolve) => setImmediate(resolve))
  answer()
  expect(told).toEqual(['aside', 'a', 'aside'])
  expect(kept.map(({ count }) => count)).toEqual([1])
  const [batch] = kept
  expect(batch).toMatchObject({ waiters: [], quarantine: [], deadLetters: [], released: [] })
  expect(batch?.hasExtras).toBe(false)
})
