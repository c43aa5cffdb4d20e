import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { openSinkStore } from '../../../gateway/influx/sink-store.ts'

function place() {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-sink-store-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'sink.db')
}

const letter = (offset: number) => ({
  atMs: 1,
  source: 'ledger',
  offset,
  topic: 'n/d/status/traffic.count',
  line: `m v=${offset}i`,
  message: 'no',
})
const told = (topic: string) => ({ receivedAtMs: 5, topic, payload: Buffer.from(topic) })

test('accounts and dead letters of a batch are there after a restart', () => {
  const path = place()
  const first = openSinkStore(path)
  const account = { cursor: 9, start: 2, written: 6, rejected: 1 }
  first.settle(new Map([['ledger', account]]), [letter(7)])
  first.close()
  const second = openSinkStore(path)
  onTestFinished(() => second.close())
  expect(second.load('ledger')).toEqual(account)
  expect(second.load('other')).toBeUndefined()
  expect(second.deadLetters(10)).toMatchObject([letter(7)])
})

test('dead letters are listed page by page, and the oldest gives way', () => {
  const store = openSinkStore(place(), { deadLettersMax: 5 })
  onTestFinished(() => store.close())
  for (let offset = 0; offset < 8; offset++) store.settle(new Map(), [letter(offset)])
  const page = store.deadLetters(3)
  expect(page.map(({ offset }) => offset)).toEqual([7, 6, 5])
  expect(store.deadLetters(3, page.at(-1)!.id).map(({ offset }) => offset)).toEqual([4, 3])
})

test('what was told is read in order until it is forgotten, and positions are never used again', () => {
  const path = place()
  const store = openSinkStore(path)
  expect(store.toldEnd()).toBe(0)
  store.tell([told('a'), told('b')])
  store.tell([told('c')])
  expect(store.toldEnd()).toBe(3)
  expect(store.readTold(1).map(({ offset, topic }) => [offset, topic])).toEqual([
    [1, 'b'],
    [2, 'c'],
  ])
  store.forgetTold(3)
  store.close()
  const again = openSinkStore(path)
  onTestFinished(() => again.close())
  expect(again.readTold(0)).toEqual([])
  again.tell([told('d')])
  expect(again.readTold(0).map(({ offset }) => offset)).toEqual([3])
})

test('there is no room for more than the limit until some is written', () => {
  const store = openSinkStore(place(), { toldMax: 2 })
  onTestFinished(() => store.close())
  expect(store.tell([told('a'), told('b')])).toBe(true)
  expect(store.tell([told('c')])).toBe(false)
  store.forgetTold(1)
  expect(store.tell([told('c')])).toBe(true)
})

test('a file of a newer version is IG_ERR_SINK_STORE_INVALID', () => {
  const path = place()
  const db = new DatabaseSync(path)
  db.exec('PRAGMA user_version = 99')
  db.close()
  const code = expect.objectContaining({ code: 'IG_ERR_SINK_STORE_INVALID' })
  expect(() => openSinkStore(path)).toThrow(code)
})
