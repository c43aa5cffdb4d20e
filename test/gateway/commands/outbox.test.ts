/** The outbox on a real disk and thread: durable when it says so, bounded, and refused when it is not ours to read. */
import { spawn } from 'node:child_process'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test } from 'vitest'
import { openOutbox } from '../../../gateway/commands/outbox.ts'
import { openOutboxStore } from '../../../gateway/commands/outbox-store.ts'
import { openDesk, stageRequest, tempDir } from './desk.ts'
import { commandOf } from './record.ts'

const historyRowsMax = 1_000_000

test('a process killed at any moment has lost no command it called written, and no epoch', async () => {
  const dir = tempDir()
  const child = spawn(process.execPath, [join(import.meta.dirname, 'outbox-child.ts'), dir])
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk
    if (said.length > 20_000) child.kill('SIGKILL')
  })
  await once(child, 'exit')
  const lines = said.slice(0, said.lastIndexOf('\n')).split('\n')
  const store = openOutboxStore(dir, historyRowsMax)
  const { open, epochs } = store.load()
  store.close()
  const kept = new Set(open.map((record) => record.id as string))
  const lost = lines.map((line) => line.split(' ')[0] ?? '').filter((id) => !kept.has(id))
  expect(lines.length).toBeGreaterThan(100)
  expect(lost).toEqual([])
  const newest = Math.max(...lines.map((line) => Number(line.split(' ')[1])))
  expect(epochs['north/tlc-001']).toBeGreaterThanOrEqual(newest)
})

test('many that write at once share a commit, and their order is kept', async () => {
  const dir = tempDir()
  const outbox = await openOutbox({ dir, historyRowsMax })
  const written: number[] = []
  await Promise.all(
    Array.from({ length: 500 }, (_, at) =>
      outbox.write(commandOf(at)).then(() => written.push(at)),
    ),
  )
  expect(written).toEqual(Array.from({ length: 500 }, (_, at) => at))
  await outbox.close()
  const again = await openOutbox({ dir, historyRowsMax })
  expect(again.contents.open).toHaveLength(500)
  await again.close()
})

test('a thread that dies is started again, and its successor writes what was under way', async () => {
  const workers: Worker[] = []
  const remember = (message: unknown) => void workers.push((message as { worker: Worker }).worker)
  subscribe('worker_threads', remember)
  onTestFinished(() => void unsubscribe('worker_threads', remember))
  const dir = tempDir()
  let ended = 0
  const outbox = await openOutbox({ dir, historyRowsMax }, () => {
    ended += 1
  })
  await outbox.write(commandOf(0))
  const writing = Promise.all(
    Array.from({ length: 100 }, (_, at) => outbox.write(commandOf(at + 1))),
  )
  await workers.at(-1)?.terminate()
  await writing
  expect(ended).toBe(1)
  await outbox.write(commandOf(101))
  await outbox.close()
  const again = await openOutbox({ dir, historyRowsMax })
  expect(again.contents.open).toHaveLength(102)
  await again.close()
})

test('the newest state of a command is the one that is kept', () => {
  const store = openOutboxStore(tempDir(), historyRowsMax)
  const record = commandOf(1)
  store.write([record, { ...record, state: 'delivered' }])
  store.write([{ ...record, state: 'applied', appliedAtMs: 5 }])
  expect(store.load().open).toMatchObject([{ state: 'applied', appliedAtMs: 5 }])
  store.write([{ ...record, state: 'released' }])
  expect(store.load().open).toEqual([])
  store.close()
})

test('ended commands beyond the bound are removed, the newest stay, those under way are never touched', () => {
  const dir = tempDir()
  const store = openOutboxStore(dir, 20)
  const underWay = commandOf(0)
  store.write([underWay])
  for (let at = 1; at <= 100; at++) store.write([commandOf(at, { state: 'released' })])
  expect(store.load().open.map((it) => it.id)).toEqual([underWay.id])
  store.close()
  const db = new DatabaseSync(join(dir, 'commands.db'), { readOnly: true })
  const { count } = db.prepare('SELECT count(*) AS count FROM commands').get() as { count: number }
  db.close()
  expect(count).toBeGreaterThanOrEqual(20)
  expect(count).toBeLessThanOrEqual(24)
})

test('a file of a newer version is left alone: IG_ERR_COMMAND_STORE_UNUSABLE', async () => {
  const dir = tempDir()
  openOutboxStore(dir, 10).close()
  const db = new DatabaseSync(join(dir, 'commands.db'))
  db.exec('PRAGMA user_version = 99')
  db.close()
  await expect(openOutbox({ dir, historyRowsMax })).rejects.toMatchObject({
    code: 'IG_ERR_COMMAND_STORE_UNUSABLE',
    message: expect.stringMatching(/commands\.db cannot be used: version 99/),
  })
})

test('a command that cannot be made durable is not sent: IG_ERR_COMMAND_OUTBOX_FAILED', async () => {
  const desk = await openDesk({
    openOutbox: async (data) => {
      const outbox = await openOutbox(data)
      await outbox.close()
      return outbox
    },
  })
  const issued = desk.commands.issue(stageRequest(2))
  await desk.commands.settled()
  expect(desk.sent).toEqual([])
  const { id } = issued as { id: string }
  expect(desk.lives[id]).toEqual(['issued', 'rejected'])
  const outbox = await openOutbox({ dir: tempDir(), historyRowsMax })
  await outbox.close()
  await expect(outbox.write(commandOf(1))).rejects.toMatchObject({
    code: 'IG_ERR_COMMAND_OUTBOX_FAILED',
  })
})
