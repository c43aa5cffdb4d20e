import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { expect, onTestFinished, test, vi } from 'vitest'
import { type ArchiveOptions, startArchive } from '../../../gateway/archive/archive.ts'
import type { ArchiveAlarm } from '../../../gateway/archive/protocol.ts'
import { type Log, silentLog } from '../../../gateway/kit/log.ts'
import { openLedger } from '../../../gateway/ledger/ledger.ts'
import { eventually } from '../../support/eventually.ts'
import { startFaultyProxy } from '../../support/faulty-proxy.ts'
import { canMount, mountSmallDisk } from '../../support/small-disk.ts'
import { isVictoriaMetricsMissing, startVictoriaMetrics } from '../../support/victoria-metrics.ts'
import { count } from '../influx/memory-source.ts'
import { silentInfluxMetrics } from '../influx/silent-metrics.ts'

const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
const minuteMs = 60_000
const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

async function house() {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-archive-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const ledger = await openLedger({ dir, log: silentLog })
  onTestFinished(() => ledger.close())
  const cursors = { history: 0, influx: 0 }
  const alarms: ArchiveAlarm[] = []
  const posted = vi.spyOn(Worker.prototype, 'postMessage')
  onTestFinished(() => posted.mockRestore())

  async function start(more: Partial<ArchiveOptions> = {}) {
    const archive = await startArchive({
      ledgerDir: dir,
      dir: join(dir, 'archive'),
      log: silentLog,
      metrics: silentInfluxMetrics,
      onCursor(reader, cursor) {
        cursors[reader] = cursor
      },
      onAlarm: (alarm) => alarms.push(alarm),
      ...more,
    })
    onTestFinished(() => archive.stop(5_000))
    archive.durable(ledger.durableOffset)
    const cancel = ledger.onDurable((end) => archive.durable(end))
    onTestFinished(cancel)
    return archive
  }

  /** Puts `to` less `from` minutes of one detector into the ledger; resolves when they are durable. */
  async function append(from: number, to: number) {
    const durable: Promise<void>[] = []
    for (let at = from; at < to; at++) {
      const payload = Buffer.from(JSON.stringify(count(baseMs + (at + 1) * minuteMs, at)))
      const entry = {
        topic: 'north/det-1/status/traffic.count/1min',
        payload,
        receivedAtMs: baseMs,
      }
      durable.push(
        new Promise((resolve, reject) => {
          ledger.append(entry, (error) => (error ? reject(error) : resolve()))
        }),
      )
    }
    await Promise.all(durable)
  }

  /** Ends the archive's thread as a crash would. */
  async function killThread() {
    const archiveThread = posted.mock.contexts
      .map((context, at) => ({ context, message: posted.mock.calls[at]?.[0] }))
      .filter(({ message }) => (message as { wire?: string }).wire !== undefined)
      .at(-1)?.context as Worker
    await archiveThread.terminate()
  }
  return { ledger, cursors, alarms, start, append, killThread, dir }
}

async function withDatabase() {
  const database = await startVictoriaMetrics()
  onTestFinished(() => database.stop())
  const proxy = await startFaultyProxy(database.port)
  onTestFinished(() => proxy.close())
  const influx = {
    url: proxy.url,
    org: 'o',
    bucket: 'b',
    batchDelayMs: 20,
    requestTimeoutMs: 1_000,
  }
  async function expectStored(n: number) {
    const series = await database.export('traffic_count_vehicles')
    const values = series.flatMap((sample) => sample.values)
    expect(values.sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, at) => at))
  }
  return { database, proxy, influx, expectStored }
}

test('what is durable in the ledger can be asked of the history', async () => {
  const { start, append, cursors } = await house()
  const archive = await start()
  await append(0, 90)
  await eventually(() => expect(cursors.history).toBe(90))
  const rows = await archive.query('series', {
    node: 'north/det-1',
    component: 'dl/1',
    stepMs: 15 * minuteMs,
    fromMs: baseMs,
    toMs: baseMs + 90 * minuteMs,
  })
  expect(rows.map((row) => row.vehicles)).toEqual([105, 330, 555, 780, 1005, 1230])
  const training = await collect(archive.training(all))
  expect(training.length).toBe(90)
  expect((await archive.query('state')).history.accounts).toEqual({
    stored: 90,
    written: 90,
    rejected: 0,
    pending: 0,
    residual: 0,
  })
})

test('what the gateway tells of itself is kept, also over the death of the thread', async () => {
  const { start, killThread } = await house()
  const archive = await start()
  const tell = (at: number) =>
    archive.append(
      'gateway/main/status/gateway.control',
      {
        entries: [
          {
            ts: new Date(baseMs + at).toISOString(),
            seq: at,
            values: {
              junction: 'north/tlc-001',
              strategy: 'predictive',
              rung: 'predictive',
              decision: 'timing',
              why: `reason ${at}`,
            },
          },
        ],
      },
      baseMs + at,
    )
  await archive.query('components')
  tell(0)
  await killThread()
  tell(1)
  await eventually(async () => {
    const rows = await archive.query('decisions', { junction: 'north/tlc-001', ...all })
    expect(rows.map((row) => row.why)).toEqual(['reason 1', 'reason 0'])
  })
})

const decision = (at: number) =>
  [
    'gateway/main/status/gateway.control',
    {
      entries: [
        {
          ts: new Date(baseMs + at).toISOString(),
          seq: at,
          values: {
            junction: 'north/tlc-001',
            strategy: 'predictive',
            rung: 'predictive',
            decision: 'timing',
            why: `reason ${at}`,
          },
        },
      ],
    },
    baseMs + at,
  ] as const

test.skipIf(!canMount)(
  'a full disk under the history (needs mount) is an alarm; readers wait, nothing is lost, and the order stays',
  async (context) => {
    const { start, append, cursors, alarms } = await house()
    const disk = mountSmallDisk(context, 4)
    const archive = await start({ dir: disk.dir })
    await append(0, 30)
    await eventually(() => expect(cursors.history).toBe(30))
    disk.fill()
    await append(30, 1_500)
    archive.append(...decision(0))
    await eventually(() => expect(alarms).toMatchObject([{ kind: 'history-disk', isActive: true }]))
    // Told in another message to the thread than the first, which is still held back.
    await archive.query('state')
    archive.append(...decision(1))
    await archive.query('state')
    expect(cursors.history).toBe(30)
    disk.makeRoom()
    await eventually(() => expect(cursors.history).toBe(1_500))
    expect(alarms.at(-1)).toMatchObject({ kind: 'history-disk', isActive: false })
    await eventually(async () => {
      const rows = await archive.query('decisions', { junction: 'north/tlc-001', ...all })
      expect(rows.map((row) => row.why)).toEqual(['reason 1', 'reason 0'])
    })
    const rows = await collect(archive.training(all))
    expect(rows.map((row) => row.vehicles)).toEqual(Array.from({ length: 1_500 }, (_, at) => at))
    expect((await archive.query('state')).history.accounts).toMatchObject({
      written: 1_500,
      pending: 0,
      residual: 0,
    })
  },
  60_000,
)

test('a question while the thread is dead is IG_ERR_ARCHIVE_UNAVAILABLE', async () => {
  const { start, killThread } = await house()
  const archive = await start()
  await archive.query('components')
  const dying = killThread()
  const code = { code: 'IG_ERR_ARCHIVE_UNAVAILABLE' }
  await expect(archive.query('components')).rejects.toMatchObject(code)
  await dying
  await eventually(() => archive.query('components'))
})

test('a question that makes no sense is answered with what is wrong', async () => {
  const { start } = await house()
  const archive = await start()
  const query = { node: 'n/d', component: 'dl/1', stepMs: 1, ...all }
  const code = { code: 'IG_ERR_HISTORY_QUERY_INVALID' }
  await expect(archive.query('series', query)).rejects.toMatchObject(code)
})

test('options that cannot work fail the start: IG_ERR_SINK_CONFIG_INVALID', async () => {
  const { start } = await house()
  const influx = { url: 'ftp://db', org: 'o', bucket: 'b' }
  const code = { code: 'IG_ERR_SINK_CONFIG_INVALID' }
  await expect(start({ influx })).rejects.toMatchObject(code)
})

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const row of rows) all.push(row)
  return all
}

const dbTest = test.skipIf(isVictoriaMetricsMissing)

dbTest('readings and decisions reach the database, and both accounts close', async () => {
  const { start, append, cursors } = await house()
  const { influx, database, expectStored } = await withDatabase()
  const archive = await start({ influx })
  archive.append(
    'gateway/main/status/gateway.commands',
    {
      entries: [
        {
          ts: new Date(baseMs).toISOString(),
          seq: 1,
          values: {
            id: '01JD9Z8V7B0000000000000000',
            junction: 'north/tlc-001',
            code: 'tlc.timing.set',
            state: 'issued',
            issuer: 'strategy:predictive',
          },
        },
      ],
    },
    baseMs,
  )
  await append(0, 500)
  await eventually(() => expect(cursors).toEqual({ history: 500, influx: 500 }))
  await eventually(async () => {
    const { influx: sink } = await archive.query('state')
    expect(sink?.accounts.told).toMatchObject({ stored: 1, written: 1, residual: 0 })
    expect(sink?.accounts.ledger).toMatchObject({ stored: 500, written: 500, residual: 0 })
  })
  await expectStored(500)
  expect(await database.export('command_count{node="north/tlc-001",state="issued"}')).toMatchObject(
    [{ values: [1], timestamps: [baseMs] }],
  )
})

dbTest('a thread that dies in the middle loses nothing and doubles nothing', async () => {
  const { start, append, cursors, killThread } = await house()
  const { influx, proxy, expectStored } = await withDatabase()
  const archive = await start({ influx: { ...influx, batchPointsMax: 50 } })
  proxy.plan = () => ({ kind: 'late', delayMs: 30 })
  for (let round = 0; round < 3; round++) {
    await append(round * 400, (round + 1) * 400)
    await eventually(() => expect(cursors.influx).toBeGreaterThan(round * 400))
    await killThread()
  }
  await eventually(() => expect(cursors).toEqual({ history: 1200, influx: 1200 }), 20_000)
  const state = await archive.query('state')
  expect(state.history.accounts).toMatchObject({ written: 1200, pending: 0, residual: 0 })
  expect(state.influx?.accounts.ledger).toMatchObject({ written: 1200, pending: 0, residual: 0 })
  const rows = await collect(archive.training(all))
  expect(rows.map((row) => row.vehicles)).toEqual(Array.from({ length: 1200 }, (_, at) => at))
  await expectStored(1200)
})

dbTest('an archive that is stopped tells how it stood, and ends without a fault', async () => {
  const { start, append, cursors } = await house()
  const { influx } = await withDatabase()
  const errors: unknown[] = []
  const log: Log = { ...silentLog, error: (...said) => void errors.push(said), child: () => log }
  const archive = await start({ influx, log })
  await append(0, 40)
  await eventually(() => expect(cursors).toEqual({ history: 40, influx: 40 }))
  await archive.stop(5_000)
  expect(errors).toEqual([])
  expect(archive.state()?.influx).toMatchObject({ phase: 'stopped', cursor: 40 })
})

dbTest(
  'the archive stops in time while the database is away, and the next one writes the rest',
  async () => {
    const { start, append, cursors } = await house()
    const { influx, proxy, expectStored } = await withDatabase()
    await proxy.down()
    const first = await start({ influx })
    await append(0, 40)
    await eventually(() => expect(cursors.history).toBe(40))
    const startedAtMs = performance.now()
    await first.stop(5_000)
    expect(performance.now() - startedAtMs).toBeLessThan(3_000)
    expect(cursors.influx).toBe(0)
    await proxy.up()
    await start({ influx })
    await eventually(() => expect(cursors.influx).toBe(40))
    await expectStored(40)
  },
)
