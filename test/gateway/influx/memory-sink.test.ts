/** The conformance suite against the plainest driver there can be: it holds the suite to the port, not to InfluxDB. */
import { SinkUnreachable } from '../../../gateway/influx/errors.ts'
import { formatLine } from '../../../gateway/influx/line.ts'
import type { Point, Sink } from '../../../gateway/influx/ports.ts'
import { describeSink } from '../../conformance/sink.conformance.ts'

describeSink('memory', async () => {
  const kept = new Map<string, Point>()
  const refused = new Set<string>()
  let isAway = false
  const nodeOf = ({ series }: Point) => series.tags.find(([name]) => name === 'node')?.[1] ?? ''
  const sink: Sink = {
    name: 'memory',
    async open() {},
    async write(points) {
      if (isAway)
        return {
          accepted: [],
          rejected: [],
          fault: { kind: 'unreachable', error: SinkUnreachable('memory', 'away') },
        }
      const accepted: number[] = []
      const rejected: { index: number; message: string }[] = []
      for (const [index, point] of points.entries()) {
        if (refused.has(nodeOf(point))) rejected.push({ index, message: 'refused' })
        else {
          kept.set(`${point.series.head} ${point.atMs}`, point)
          accepted.push(index)
        }
      }
      return { accepted, rejected }
    },
    async close() {},
  }
  return {
    sink,
    async stored(node) {
      const points = [...kept.values()].filter((point) => nodeOf(point) === node)
      return new Map(
        points.map((point) => [
          point.atMs,
          Number(/queue_vehicles=(\d+)/.exec(formatLine(point)!)![1]),
        ]),
      )
    },
    refuse: (node) => refused.add(node),
    async interrupt() {
      isAway = true
    },
    async resume() {
      isAway = false
    },
    async stop() {},
  }
})
