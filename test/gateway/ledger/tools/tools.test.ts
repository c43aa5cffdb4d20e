/** The ledger's tools: they read what a gateway wrote, also while it runs. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { ledgerFile } from '../../../../gateway/ledger/file.ts'
import type { Ledger } from '../../../../gateway/ledger/ledger.ts'
import { openLedgerReader } from '../../../../gateway/ledger/reader.ts'
import {
  type LedgerProgramOptions,
  ledgerProgram,
  runLedger,
} from '../../../../gateway/ledger/tools/ledger-program.ts'
import { readCommandLine } from '../../../../schemas/command-line.ts'
import { everything, makeDir, openIn, topic } from '../house.ts'

const sevenMs = Date.parse('2026-11-22T07:00:00.000Z')

async function run(...argv: string[]): Promise<{ code: number; lines: string[] }> {
  const line = readCommandLine<LedgerProgramOptions>(ledgerProgram, argv, {})
  if (line.kind === 'help') throw new Error('help')
  const lines: string[] = []
  const print = (text: string) => void lines.push(text)
  const signal = new AbortController().signal
  const code = await runLedger(line.options, { positionals: line.positionals, print, signal })
  return { code, lines }
}

/** A record a minute from seven on; every fifth is CBOR, every seventh has notes. */
async function fill(ledger: Ledger, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    ledger.books.received += 1
    ledger.append(
      {
        receivedAtMs: sevenMs + i * 60_000,
        topic,
        payload:
          i % 5 === 4 ? Buffer.from([0xa1, 0x61, 0x6e, 0x18, i]) : Buffer.from(`{"n": ${i}}`),
        ...(i % 7 === 6 && { notes: { gap: i } }),
      },
      () => {},
    )
    if (i % 10 === 9) await new Promise<void>((resolve) => ledger.afterPending(() => resolve()))
  }
  await new Promise<void>((resolve) => ledger.afterPending(() => resolve()))
}

test('accounts: the books of a running gateway balance', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir, { limits: { tickMs: 10 } })
  ledger.loadCursor('history')
  await fill(ledger, 60)
  ledger.advanceCursor('history', 50, 2)
  await ledger.close()
  const { code, lines } = await run('accounts', '--data-dir', dir)
  expect(code).toBe(0)
  expect(JSON.parse(lines.join('\n'))).toMatchObject({
    received: 60,
    stored: 60,
    residual: 0,
    nextOffset: 60,
    readers: [{ reader: 'history', written: 48, rejected: 2, pending: 10 }],
    findings: [],
  })
})

test('accounts: books that were tampered with are found out', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir)
  await fill(ledger, 5)
  await ledger.close()
  const db = new DatabaseSync(ledgerFile(dir))
  db.exec(`UPDATE state SET value = json_set(value, '$.received', 7, '$.stored', 6)`)
  db.close()
  const { code, lines } = await run('accounts', '--data-dir', dir)
  expect(code).toBe(1)
  expect(JSON.parse(lines.join('\n')).findings).toEqual([
    "the door's residual is 1",
    'the books say 6 were stored, the ledger ends at 5',
  ])
})

test('verify: a whole ledger is whole, also while it is being written', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir)
  await fill(ledger, 60)
  const { code, lines } = await run('verify', '--data-dir', dir)
  expect(JSON.parse(lines.join('\n'))).toMatchObject({ records: 60, findings: [] })
  expect(code).toBe(0)
})

test('verify: a flipped bit and a missing commit are named', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir)
  await fill(ledger, 60)
  await ledger.close()
  const db = new DatabaseSync(ledgerFile(dir))
  const rows = db.prepare('SELECT first_offset AS n FROM commits ORDER BY 1').all() as {
    n: number
  }[]
  const [, second, third] = rows
  db.prepare(
    `UPDATE commits SET bytes = CAST(replace(bytes, '{"n"', '{"m"') AS BLOB) WHERE first_offset = ?`,
  ).run(second?.n as number)
  db.prepare('DELETE FROM commits WHERE first_offset = ?').run(third?.n as number)
  db.close()
  const { code, lines } = await run('verify', '--data-dir', dir)
  expect(code).toBe(1)
  const { findings } = JSON.parse(lines.join('\n'))
  expect(findings.join('\n')).toContain(`the commit at offset ${second?.n}: its checksum`)
  expect(findings.join('\n')).toContain(`offsets ${third?.n} to `)
  const reader = openLedgerReader({ dir })
  expect(() => reader.read(second?.n as number, everything)).toThrow(
    expect.objectContaining({ code: 'IG_ERR_LEDGER_CORRUPT' }),
  )
  reader.close()
  await expect(openIn(dir)).rejects.toMatchObject({ code: 'IG_ERR_LEDGER_CORRUPT' })
})

test('export: a time range as lines of JSON, beside a running gateway', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir)
  await fill(ledger, 60)
  const { lines } = await run(
    'export',
    '--data-dir',
    dir,
    '--from',
    '2026-11-22T07:10:00Z',
    '--to',
    '2026-11-22T07:15:00.000Z',
  )
  const records = lines.map((line) => JSON.parse(line))
  expect(records.map((record) => record.offset)).toEqual([10, 11, 12, 13, 14])
  expect(records[0]).toEqual({
    offset: 10,
    receivedAt: '2026-11-22T07:10:00.000Z',
    topic,
    payload: '{"n": 10}',
  })
  expect(records[3]).toMatchObject({ notes: { gap: 13 } })
  expect(records[4]).toMatchObject({
    payloadBase64: Buffer.from([0xa1, 0x61, 0x6e, 0x18, 14]).toString('base64'),
  })
  const none = await run('export', '--data-dir', dir, '--topic', 'south/')
  expect(none.lines).toEqual([])
})

test('replay: an hour in a new directory is the hour, byte for byte, from a ledger and from an export', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir)
  await fill(ledger, 60)
  const range = ['--from', '2026-11-22T07:10:00Z', '--to', '2026-11-22T07:40:00Z']
  const original = (await ledger.read(10, everything)).slice(0, 30)
  const exported = join(makeDir(), 'hour.ndjson')
  writeFileSync(
    exported,
    `${(await run('export', '--data-dir', dir, ...range)).lines.join('\n')}\n`,
  )
  const fromLedger = join(makeDir(), 'again')
  const fromFile = join(makeDir(), 'again')
  await run('replay', '--data-dir', dir, ...range, '--into', fromLedger)
  const { lines } = await run('replay', '--file', exported, '--into', fromFile)
  expect(JSON.parse(lines[0] as string)).toMatchObject({ records: 30 })
  for (const again of [fromLedger, fromFile]) {
    const reader = openLedgerReader({ dir: again })
    const records = reader.read(0, everything)
    reader.close()
    const plain = ({ receivedAtMs, topic, payload, notes }: (typeof records)[number]) => ({
      receivedAtMs,
      topic,
      payload: Buffer.from(payload).toString('hex'),
      notes,
    })
    expect(records.map(plain)).toEqual(original.map(plain))
    expect((await run('accounts', '--data-dir', again)).code).toBe(0)
  }
  await expect(run('replay', '--data-dir', dir, '--into', fromLedger)).rejects.toMatchObject({
    code: 'IG_ERR_LEDGER_NOT_EMPTY',
  })
})

test('what is asked wrongly is told with the remedy', async () => {
  const dir = makeDir()
  await expect(run('accounts', '--data-dir', dir)).rejects.toMatchObject({
    code: 'IG_ERR_LEDGER_UNREADABLE',
  })
  await (await openIn(dir)).close()
  await expect(run('explain', '--data-dir', dir)).rejects.toMatchObject({
    code: 'IG_ERR_COMMAND_LINE_INVALID',
  })
  await expect(run('export', '--data-dir', dir, '--from', 'seven')).rejects.toMatchObject({
    code: 'IG_ERR_COMMAND_LINE_INVALID',
  })
  const broken = join(dir, 'broken.ndjson')
  writeFileSync(broken, '{"topic":"a"}\n')
  await expect(run('replay', '--file', broken, '--into', join(dir, 'new'))).rejects.toMatchObject({
    code: 'IG_ERR_LEDGER_EXPORT_LINE',
    message: expect.stringContaining('line 1'),
  })
  const db = new DatabaseSync(ledgerFile(dir))
  db.exec('PRAGMA user_version = 99')
  db.close()
  await expect(run('verify', '--data-dir', dir)).rejects.toMatchObject({
    code: 'IG_ERR_LEDGER_VERSION',
  })
  await expect(openIn(dir)).rejects.toMatchObject({ code: 'IG_ERR_LEDGER_VERSION' })
})

test('a file that is no ledger is told so', async () => {
  const dir = makeDir()
  writeFileSync(
    ledgerFile(dir),
    'this is no database, but long enough to look like one at first sight'.repeat(20),
  )
  await expect(openIn(dir)).rejects.toMatchObject({ code: 'IG_ERR_LEDGER_CORRUPT' })
})
