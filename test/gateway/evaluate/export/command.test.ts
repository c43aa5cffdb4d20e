import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { gridOf, readColumns } from '../../../../gateway/evaluate/export/columns.ts'
import { exportTrainingSet } from '../../../../gateway/evaluate/export/command.ts'
import { readDatasets } from '../../../../gateway/evaluate/forecast/dataset.ts'
import { openHistoryDatabase, readHistoryDatabase } from '../../../../gateway/history/database.ts'
import { prepareQueries } from '../../../../gateway/history/queries.ts'

const startMs = Date.UTC(2026, 2, 2, 7)

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'export-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

interface Minute {
  readonly detector: 1 | 2
  readonly atMs: number
  readonly windowMs?: number
  readonly coveredMs?: number
  readonly vehicles?: number
}

/** A history of these minutes of two detectors. */
async function historyOf(minutes: Iterable<Minute>): Promise<string> {
  const dir = await folder()
  const db = openHistoryDatabase(join(dir, 'history.db'))
  const columns = (db.prepare('PRAGMA table_info(count_minute)').all() as { name: string }[]).map(
    ({ name }) => name,
  )
  const putComponent = db.prepare('INSERT INTO component (id, node, component) VALUES (?, ?, ?)')
  for (const id of [1, 2]) putComponent.run(id, 'north/det-001', `dl/${id}`)
  const putMinute = db.prepare(
    `INSERT INTO count_minute (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  )
  db.exec('BEGIN')
  for (const { detector, atMs, ...minute } of minutes) {
    const { windowMs = 60_000, coveredMs = 60_000, vehicles = 3 * detector } = minute
    const row: Record<string, number> = {
      component: detector,
      window_ms: windowMs,
      minute_ms: atMs,
      vehicles,
      covered_ms: coveredMs,
      n: 1,
      quality: 0,
      occupancy_sum: 8 * coveredMs,
      occupancy_ms: coveredMs,
      speed_sum: 40 * vehicles,
      speed_vehicles: vehicles,
    }
    putMinute.run(...columns.map((name) => row[name] ?? 0))
  }
  db.exec('COMMIT')
  db.close()
  return dir
}

/** Two detectors: one complete, one with a hole of ten minutes. */
async function history(minutes: number, fromMs = startMs): Promise<string> {
  return historyOf(
    ([1, 2] as const).flatMap((detector) =>
      Array.from({ length: minutes }, (_, at) => ({ detector, atMs: fromMs + at * 60_000 })).filter(
        (_, at) => detector === 1 || at < 5 || at >= 15,
      ),
    ),
  )
}

function minutesOf(detector: 1 | 2, fromMs: number, count: number, more: Partial<Minute> = {}) {
  return Array.from({ length: count }, (_, at) => ({
    detector,
    atMs: fromMs + at * 60_000,
    ...more,
  }))
}

async function exported(dataDir: string, days: number): Promise<readonly string[]> {
  const out = join(await folder(), 'set')
  await exportTrainingSet({ dataDir, out, days, timeZone: 'UTC', json: true }, { print() {} })
  return (await readFile(join(out, 'flow.csv'), 'utf8')).split('\n')
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

test('minutes that are the sum of shorter windows are whole minutes', async () => {
  const dataDir = await historyOf([
    ...minutesOf(1, startMs, 10, { windowMs: 5_000, vehicles: 4 }),
    // Half of each minute's windows are missing: too little to tell.
    ...minutesOf(2, startMs, 5, { windowMs: 20_000, coveredMs: 20_000, vehicles: 1 }),
    // One window of twenty seconds a minute is missing: scaled up.
    ...minutesOf(2, startMs + 300_000, 5, { windowMs: 20_000, coveredMs: 40_000, vehicles: 2 }),
  ])
  expect(await exported(dataDir, 400)).toEqual([
    'time,north/det-001:dl/1,north/det-001:dl/2',
    '2026-03-02T07:00:00.000Z,20,',
    '2026-03-02T07:05:00.000Z,20,15',
    '',
  ])
})

test('a detector that began to count in shorter windows keeps what it had counted before', async () => {
  const dataDir = await historyOf([
    ...minutesOf(1, startMs, 10),
    ...minutesOf(1, startMs + 300_000, 10, { windowMs: 10_000, vehicles: 7 }),
  ])
  expect((await exported(dataDir, 400)).slice(1, 4)).toEqual([
    '2026-03-02T07:00:00.000Z,15',
    '2026-03-02T07:05:00.000Z,35',
    '2026-03-02T07:10:00.000Z,35',
  ])
})

test('--days counts from the newest value, and a detector silent for longer is no column', async () => {
  const dayMs = 86_400_000
  const dataDir = await historyOf([
    ...minutesOf(2, startMs, 60),
    ...minutesOf(1, startMs, 3 * 1440),
  ])
  const lines = await exported(dataDir, 1)
  expect(lines[0]).toBe('time,north/det-001:dl/1')
  expect(lines.slice(1, -1)).toHaveLength(288)
  expect(lines[1]).toBe(`${new Date(startMs + 2 * dayMs).toISOString()},15`)
  expect((await exported(dataDir, 400)).slice(1, -1)).toHaveLength(3 * 288)
})

test('what is older than --days is not read at all', async () => {
  const dataDir = await historyOf([
    ...minutesOf(1, startMs, 2 * 1440),
    ...minutesOf(2, startMs, 2 * 1440),
  ])
  const db = readHistoryDatabase(join(dataDir, 'history.db'))
  onTestFinished(() => db.close())
  const queries = prepareQueries(db)
  let read = 0
  const counting = {
    ...queries,
    training(query: Parameters<typeof queries.training>[0]) {
      const page = queries.training(query)
      read += page.rows.length
      return page
    },
  }
  const grid = gridOf(queries.countSpan()!, 0.25)!
  expect(readColumns(counting, grid).map(({ vehicles }) => [...vehicles])).toEqual([
    Array.from({ length: 72 }, () => 15),
    Array.from({ length: 72 }, () => 30),
  ])
  expect(read).toBe(2 * 360)
})

test('a history without one whole bucket is refused', async () => {
  const dataDir = await historyOf(minutesOf(1, startMs, 4))
  await expect(exported(dataDir, 1)).rejects.toMatchObject({ code: 'IG_ERR_EVALUATE_DATA_INVALID' })
})
