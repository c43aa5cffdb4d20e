import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Meaning } from '../../../gateway/influx/answer.ts'
import { createInfluxSink } from '../../../gateway/influx/influx-sink.ts'
import { createEventClock, createSystemClock } from '../../../gateway/kit/clock.ts'
import { describeSink, linesOf, queueLine } from '../../conformance/sink.conformance.ts'
import { startFaultyProxy } from '../../support/faulty-proxy.ts'
import { isVictoriaMetricsMissing, startVictoriaMetrics } from '../../support/victoria-metrics.ts'

async function house(more: { gzipThresholdBytes?: number } = {}) {
  const database = await startVictoriaMetrics()
  onTestFinished(() => database.stop())
  const proxy = await startFaultyProxy(database.port)
  onTestFinished(() => proxy.close())
  const options = {
    url: proxy.url,
    org: 'city',
    bucket: 'traffic',
    requestTimeoutMs: 5_000,
    ...more,
  }
  const sink = createInfluxSink(options, { clock: createSystemClock() })
  return {
    sink,
    database,
    proxy,
    async stored(node: string) {
      const found = await database.export(`traffic_queue_queue_vehicles{node="${node}"}`)
      const samples = found.flatMap(({ timestamps, values }) =>
        timestamps.map((atMs, at) => [atMs, values[at]!] as const),
      )
      const stored = new Map(samples)
      if (stored.size !== samples.length) throw new Error('a point is stored twice')
      return stored
    },
    refuse(node: string) {
      const body = JSON.stringify({ code: 'invalid', message: 'unable to parse' })
      proxy.plan = (lines) =>
        lines.some((line) => line.includes(`node=${node},`))
          ? { kind: 'answer', status: 400, headers: { 'content-type': 'application/json' }, body }
          : { kind: 'pass' }
    },
    interrupt: () => proxy.down(),
    resume: () => proxy.up(),
    stop: () => sink.close(),
  }
}

describeSink('influx', () => house(), { skip: isVictoriaMetricsMissing })

test.skipIf(isVictoriaMetricsMissing)(
  'to a database on the same machine nothing is compressed unless asked for',
  async () => {
    const { sink, proxy } = await house()
    await sink.open()
    onTestFinished(() => sink.close())
    await sink.write(points(200, 'north/det-1'))
    expect(proxy.seen.map(({ isGzip, lines }) => [isGzip, lines])).toEqual([[false, 200]])
  },
)

test.skipIf(isVictoriaMetricsMissing)(
  'a large batch is compressed and travels on one connection with the next',
  async () => {
    const { sink, proxy } = await house({ gzipThresholdBytes: 1_024 })
    await sink.open()
    onTestFinished(() => sink.close())
    await sink.write(points(2_000, 'north/det-1'))
    await sink.write(points(2_000, 'north/det-1'))
    expect(proxy.seen.map(({ isGzip, lines }) => [isGzip, lines])).toEqual([
      [true, 2_000],
      [true, 2_000],
    ])
    expect(proxy.seen[0]?.path).toBe('/api/v2/write?org=city&bucket=traffic&precision=ms')
    expect(proxy.connections()).toBe(1)
  },
)

test.skipIf(isVictoriaMetricsMissing)(
  'a token that is changed in its file is used after the next refusal',
  async () => {
    const { proxy } = await house()
    const dir = mkdtempSync(join(tmpdir(), 'intergreen-token-'))
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
    const tokenFile = join(dir, 'token')
    writeFileSync(tokenFile, 'old')
    const options = { url: proxy.url, org: 'o', bucket: 'b', tokenFile }
    const sink = createInfluxSink(options, { clock: createSystemClock() })
    await sink.open()
    onTestFinished(() => sink.close())
    proxy.plan = () =>
      proxy.seen.at(-1)?.token === 'Token new' ? { kind: 'pass' } : { kind: 'answer', status: 401 }
    writeFileSync(tokenFile, 'new')
    const point = linesOf([queueLine('north/det-1', 0, 1)])
    expect((await sink.write(point)).fault?.kind).toBe('unauthorised')
    expect((await sink.write(point)).fault?.kind).toBe('unauthorised')
    expect((await sink.write(point)).accepted).toEqual([0])
    expect(proxy.seen.map(({ token }) => token)).toEqual(['Token old', 'Token new', 'Token new'])
  },
)

test.skipIf(isVictoriaMetricsMissing)(
  'a partial write that names its lines costs one request more',
  async () => {
    const { sink, proxy, stored } = await house()
    await sink.open()
    onTestFinished(() => sink.close())
    const body = JSON.stringify({
      error: 'partial',
      data: [{ line_number: 2, error_message: 'type' }],
    })
    const headers = { 'content-type': 'application/json' }
    proxy.plan = (lines) =>
      lines.length === 3 ? { kind: 'answer', status: 201, headers, body } : { kind: 'pass' }
    const outcome = await sink.write(points(3, 'north/det-1'))
    expect(outcome.rejected).toEqual([{ index: 1, message: 'type' }])
    expect([...(await stored('north/det-1')).values()]).toEqual([0, 2])
    expect(proxy.seen.length).toBe(2)
  },
)

/** A sink whose requests are answered by `judge`; what it was sent is kept. */
function searching(judge: (lines: readonly string[]) => Meaning) {
  const sent: number[] = []
  const requests = {
    async send(body: string, lines: number) {
      sent.push(lines)
      return judge(body.split('\n'))
    },
    close() {},
  }
  const options = { url: 'http://127.0.0.1:1', org: 'o', bucket: 'b' }
  return { sent, sink: createInfluxSink(options, { clock: createEventClock(0), requests }) }
}

const refused = (more: Partial<Meaning> = {}): Meaning =>
  ({
    kind: 'refused',
    status: 400,
    message: 'no',
    lines: new Map(),
    dropped: undefined,
    ...more,
  }) as Meaning
function points(count: number, node = 'n/d') {
  return linesOf(Array.from({ length: count }, (_, at) => queueLine(node, at, at)))
}

test('one bad line among 5,000 is found in few requests', async () => {
  const { sink, sent } = searching((lines) =>
    lines.some((line) => line.includes('queue_vehicles=4321i')) ? refused() : { kind: 'written' },
  )
  const outcome = await sink.write(points(5_000))
  expect(outcome.rejected).toEqual([{ index: 4_321, message: 'no' }])
  expect(outcome.accepted.length).toBe(4_999)
  expect(sent.length).toBeLessThanOrEqual(2 * 13 + 2)
})

test('lines the database names are rejected without a search', async () => {
  const { sink, sent } = searching((lines) =>
    lines.length === 10 ? refused({ lines: new Map([[3, 'wrong type']]) }) : { kind: 'written' },
  )
  const outcome = await sink.write(points(10))
  expect(outcome.rejected).toEqual([{ index: 3, message: 'wrong type' }])
  expect(outcome.accepted.length).toBe(9)
  expect(sent).toEqual([10, 9])
})

test('a count that is the whole request spares the search', async () => {
  const { sink, sent } = searching((lines) =>
    lines.some((line) => line.startsWith('gateway_sink'))
      ? { kind: 'written' }
      : refused({ dropped: lines.length, message: `partial write: dropped=${lines.length}` }),
  )
  const outcome = await sink.write(points(100))
  expect(outcome.rejected.length).toBe(100)
  expect(sent).toEqual([100, 1])
})

test('a request that is refused whatever is in it blames the request, and gives up no point', async () => {
  const { sink } = searching(() => refused({ message: 'organization name "o" not found' }))
  const outcome = await sink.write(points(20))
  expect(outcome).toMatchObject({ accepted: [], rejected: [], fault: { kind: 'unauthorised' } })
  expect(outcome.fault?.error.code).toBe('IG_ERR_SINK_UNAUTHORISED')
})

test('a database that goes away during the search keeps what is decided and offers the rest again', async () => {
  let requests = 0
  const { sink } = searching((lines) => {
    requests += 1
    if (requests > 4) return { kind: 'unreachable', message: 'gone' }
    return lines.some((line) => line.includes('queue_vehicles=99i'))
      ? refused()
      : { kind: 'written' }
  })
  const outcome = await sink.write(points(100))
  expect(outcome.fault?.kind).toBe('unreachable')
  expect(outcome.accepted.length).toBe(75)
  expect(outcome.rejected).toEqual([])
})
