/** The conformance suite against the plainest driver there can be: it holds the suite to the port, not to InfluxDB. */
import { SinkUnreachable } from '../../../gateway/influx/errors.ts'
import type { Sink } from '../../../gateway/influx/ports.ts'
import { describeSink } from '../../conformance/sink.conformance.ts'

describeSink('memory', async () => {
  const kept = new Map<string, string>()
  const refused = new Set<string>()
  let isAway = false
  const nodeOf = (line: string) => /,node=([^, ]+)/.exec(line)?.[1] ?? ''
  const sink: Sink = {
    name: 'memory',
    async open() {},
    async write(lines) {
      if (isAway)
        return {
          accepted: [],
          rejected: [],
          fault: { kind: 'unreachable', error: SinkUnreachable('memory', 'away') },
        }
      const accepted: number[] = []
      const rejected: { index: number; message: string }[] = []
      for (let index = 0; index < lines.count; index++) {
        const line = lines.line(index)
        const [head, , atMs] = line.split(' ')
        if (refused.has(nodeOf(line))) rejected.push({ index, message: 'refused' })
        else {
          kept.set(`${head} ${atMs}`, line)
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
      const lines = [...kept.values()].filter((line) => nodeOf(line) === node)
      return new Map(
        lines.map((line) => [
          Number(line.split(' ')[2]),
          Number(/queue_vehicles=(\d+)/.exec(line)![1]),
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
