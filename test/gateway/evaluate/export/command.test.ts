import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { exportTrainingSet } from '../../../../gateway/evaluate/export/command.ts'
import { readDatasets } from '../../../../gateway/evaluate/forecast/dataset.ts'
import { openHistoryDatabase } from '../../../../gateway/history/database.ts'

const startMs = Date.UTC(2026, 2, 2, 7)

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'export-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** A history with two detectors: one complete, one with a hole of ten minutes. */
async function history(minutes: number, fromMs = startMs): Promise<string> {
  const dir = await folder()
  const db = openHistoryDatabase(join(dir, 'history.db'))
  const columns = (db.prepare('PRAGMA table_info(count_minute)').all() as { name: string }[]).map(
    ({ name }) => name,
  )
  for (const [id, component] of [
    [1, 'dl/1'],
    [2, 'dl/2'],
  ] as const) {
    db.prepare('INSERT INTO component (id, node, component) VALUES (?, ?, ?)').run(
      id,
      'north/det-001',
      component,
    )
    for (let minute = 0; minute < minutes; minute++) {
      if (id === 2 && minute >= 5 && minute < 15) continue
      const row: Record<string, number> = {
        component: id,
        window_ms: 60_000,
        minute_ms: fromMs + minute * 60_000,
        vehicles: 3 * id,
        covered_ms: 60_000,
        n: 1,
        quality: 0,
        occupancy_sum: 8 * 60_000,
        occupancy_ms: 60_000,
        speed_sum: 40 * 3 * id,
        speed_vehicles: 3 * id,
      }
      const values = columns.map((name) => row[name] ?? 0)
      db.prepare(
        `INSERT INTO count_minute (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
      ).run(...values)
    }
  }
  db.close()
  return dir
}

test('minutes of the history become five-minute rows, a column per detector, empty where unknown', async () => {
  const out = join(await folder(), 'set')
  const printed: string[] = []
  const code = await exportTrainingSet(
    { dataDir: await history(30), out, days: 400, timeZone: 'UTC', json: true },
    { print: (line) => printed.push(line) },
  )
  expect(code).toBe(0)
  expect(JSON.parse(printed[0]!)).toMatchObject({ detectors: 2, rows: 6 })
  expect((await readFile(join(out, 'flow.csv'), 'utf8')).split('\n')).toEqual([
    'time,north/det-001:dl/1,north/det-001:dl/2',
    '2026-03-02T07:00:00.000Z,15,30',
    '2026-03-02T07:05:00.000Z,15,',
    '2026-03-02T07:10:00.000Z,15,',
    '2026-03-02T07:15:00.000Z,15,30',
    '2026-03-02T07:20:00.000Z,15,30',
    '2026-03-02T07:25:00.000Z,15,30',
    '',
  ])
  expect(await readFile(join(out, 'speed.csv'), 'utf8')).toContain('T07:00:00.000Z,40,40')
  expect(await readFile(join(out, 'occupancy.csv'), 'utf8')).toContain('T07:25:00.000Z,8,8')
})

test('times are local with their offset, and the evaluator reads the time of day from them', async () => {
  const out = join(await folder(), 'set')
  const fromMs = Date.parse('2026-03-28T00:50:00Z')
  const dataDir = await history(3 * 24 * 60, fromMs)
  const options = { dataDir, out, days: 400, timeZone: 'Europe/Berlin', json: true }
  await exportTrainingSet(options, { print() {} })
  const lines = (await readFile(join(out, 'flow.csv'), 'utf8')).split('\n')
  const rowAt = (time: string) => lines.findIndex((line) => line.startsWith(time)) - 1
  const before = rowAt('2026-03-29T01:55:00.000+01:00')
  const after = rowAt('2026-03-29T03:00:00.000+02:00')
  expect(after).toBe(before + 1)
  const flow = readDatasets(out).find(({ name }) => name === 'flow')!
  expect([flow.slots[before], flow.slots[after]]).toEqual([23, 36])
  expect([flow.days[0], flow.days[after]]).toEqual([5, 6])
})

test('a data directory without a history is refused with its path', async () => {
  const dir = await folder()
  const run = exportTrainingSet(
    { dataDir: dir, out: dir, days: 1, timeZone: 'UTC', json: false },
    { print() {} },
  )
  await expect(run).rejects.toMatchObject({ code: 'IG_ERR_EVALUATE_DATA_INVALID' })
})
