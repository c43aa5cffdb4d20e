/** What every sink must do, whatever it writes to. A new driver calls this from a test file of its own. */
import { expect, onTestFinished, test } from 'vitest'
import { createSeries, formatLine } from '../../gateway/influx/line.ts'
import { LineBuffer } from '../../gateway/influx/line-buffer.ts'
import { measurements } from '../../gateway/influx/measurements.ts'
import type { Lines, Sink } from '../../gateway/influx/ports.ts'

export interface SinkUnderTest {
  readonly sink: Sink
  /** All that is stored: value by time, of the measurement traffic_queue's field queue_vehicles of a node. */
  stored(node: string): Promise<ReadonlyMap<number, number>>
  /** From now on any point of this node is refused. */
  refuse(node: string): void
  /** The database goes away, and comes back. */
  interrupt(): Promise<void>
  resume(): Promise<void>
  stop(): Promise<void>
}

const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
const fields = measurements.trafficQueue.fields.map((field) => field.name)

export function queueLine(node: string, at: number, vehicles: number): string {
  const values = fields.map((name) => (name === 'queue_vehicles' ? vehicles : undefined))
  const series = createSeries(measurements.trafficQueue, { component: 'ln/1', node, zone: 'north' })
  return formatLine({ series, values, atMs: baseMs + at * 1000 })!
}

export function linesOf(texts: readonly string[]): Lines {
  const lines = new LineBuffer()
  for (const text of texts) lines.add(text)
  return lines
}

export function describeSink(
  name: string,
  build: () => Promise<SinkUnderTest>,
  options: { skip?: boolean } = {},
) {
  const sinkTest = test.skipIf(options.skip ?? false)
  async function open() {
    const house = await build()
    onTestFinished(() => house.stop())
    await house.sink.open()
    return house
  }
  const all = (count: number) => Array.from({ length: count }, (_, index) => index)

  sinkTest(`${name}: what it accepts is stored under its own time`, async () => {
    const { sink, stored } = await open()
    const lines = linesOf(all(300).map((at) => queueLine('north/det-1', at, at * 2)))
    const outcome = await sink.write(lines)
    expect(outcome).toMatchObject({ rejected: [] })
    expect([...outcome.accepted].sort((a, b) => a - b)).toEqual(all(300))
    const found = await stored('north/det-1')
    expect(found.size).toBe(300)
    expect(found.get(baseMs + 7000)).toBe(14)
  })

  sinkTest(`${name}: writing the same batch twice leaves one copy`, async () => {
    const { sink, stored } = await open()
    const lines = linesOf(all(50).map((at) => queueLine('north/det-1', at, at)))
    await sink.write(lines)
    await sink.write(lines)
    expect((await stored('north/det-1')).size).toBe(50)
  })

  sinkTest(`${name}: an empty batch is nothing`, async () => {
    const { sink } = await open()
    expect(await sink.write(linesOf([]))).toEqual({ accepted: [], rejected: [] })
  })

  sinkTest(`${name}: a rejected point does not hold back its neighbours`, async () => {
    const { sink, stored, refuse } = await open()
    refuse('north/det-bad')
    const lines = linesOf(
      all(201).map((at) => queueLine(at === 77 ? 'north/det-bad' : 'north/det-1', at, at)),
    )
    const outcome = await sink.write(lines)
    expect(outcome.fault).toBeUndefined()
    expect(outcome.rejected.map(({ index }) => index)).toEqual([77])
    expect(outcome.rejected[0]?.message).not.toBe('')
    expect(outcome.accepted.length).toBe(200)
    expect((await stored('north/det-1')).size).toBe(200)
  })

  sinkTest(
    `${name}: a batch of nothing but bad points is rejected, and the next one is written`,
    async () => {
      const { sink, stored, refuse } = await open()
      refuse('north/det-bad')
      const bad = await sink.write(linesOf(all(5).map((at) => queueLine('north/det-bad', at, at))))
      expect(bad.fault).toBeUndefined()
      expect(bad.rejected.length).toBe(5)
      await sink.write(linesOf([queueLine('north/det-1', 1, 1)]))
      expect((await stored('north/det-1')).size).toBe(1)
    },
  )

  sinkTest(`${name}: a database that is away is a fault, and nothing is accepted`, async () => {
    const { sink, stored, interrupt, resume } = await open()
    await sink.write(linesOf([queueLine('north/det-1', 0, 1)]))
    await interrupt()
    const outcome = await sink.write(linesOf([queueLine('north/det-1', 1, 2)]))
    expect(outcome).toMatchObject({ accepted: [], rejected: [], fault: { kind: 'unreachable' } })
    expect(outcome.fault?.error.code).toBe('IG_ERR_SINK_UNREACHABLE')
    await resume()
    expect((await sink.write(linesOf([queueLine('north/det-1', 1, 2)]))).accepted).toEqual([0])
    expect((await stored('north/det-1')).size).toBe(2)
  })

  sinkTest(`${name}: closing ends a write under way`, async () => {
    const { sink } = await open()
    const writing = sink.write(linesOf(all(100).map((at) => queueLine('north/det-1', at, at))))
    await sink.close()
    const outcome = await writing
    expect(outcome.accepted.length === 100 || outcome.fault !== undefined).toBe(true)
  })
}
