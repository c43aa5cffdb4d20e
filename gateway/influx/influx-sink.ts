/**
 * The sink that writes to InfluxDB, and to what speaks its write API.
 *
 * - A refused batch is halved until the refused lines stand alone: a bad line never holds back its neighbours.
 *   Lines the database names, or a count that is the whole request, spare the search.
 * - When everything is refused, a line that cannot be wrong is tried: is it refused too, the request is to
 *   blame, nothing is given up, and the fault is `unauthorised`.
 * - Writing again what was written changes nothing, so half a batch may be sent twice on the way.
 */
import type { Clock } from '../kit/clock.ts'
import type { Meaning } from './answer.ts'
import { SinkThrottled, SinkUnauthorised, SinkUnreachable } from './errors.ts'
import { createSeries, formatLine } from './line.ts'
import { measurements } from './measurements.ts'
import { batchPointsMaxDefault, checkInfluxOptions, type InfluxOptions } from './options.ts'
import type { Rejection, Sink, SinkFault, WriteOutcome } from './ports.ts'
import { createWriteRequests, type WriteRequests } from './write-request.ts'

export interface InfluxSinkPorts {
  readonly clock: Clock
  /** For tests of the search; else the client library. */
  readonly requests?: WriteRequests
}

interface Line {
  readonly index: number
  readonly text: string
}

/** @throws IG_ERR_SINK_CONFIG_INVALID */
export function createInfluxSink(options: InfluxOptions, ports: InfluxSinkPorts): Sink {
  checkInfluxOptions(options)
  const linesMax = options.batchPointsMax ?? batchPointsMaxDefault
  let requests = ports.requests
  const probeSeries = createSeries(measurements.probe, {})

  function faultOf(meaning: Exclude<Meaning, { kind: 'written' | 'refused' }>): SinkFault {
    const { kind, message } = meaning
    switch (kind) {
      case 'throttled': {
        const { retryAfterMs } = meaning
        return { kind, error: SinkThrottled(options.url, retryAfterMs, message), retryAfterMs }
      }
      case 'unauthorised':
        return { kind, error: SinkUnauthorised(options.url, meaning.status, message) }
      case 'unreachable':
        return { kind, error: SinkUnreachable(options.url, message) }
    }
  }

  /** Undefined where a line that cannot be wrong is taken; else the fault. */
  async function probe(message: string): Promise<SinkFault | undefined> {
    const line = formatLine({ series: probeSeries, values: [1], atMs: ports.clock.nowMs() })!
    const meaning = await requests!.send(line, 1)
    if (meaning.kind === 'written') return undefined
    if (meaning.kind !== 'refused') return faultOf(meaning)
    return { kind: 'unauthorised', error: SinkUnauthorised(options.url, meaning.status, message) }
  }

  /** Sorts out lines of which the database said `first`, and which were not all taken. */
  async function writeLines(lines: readonly Line[], first: Meaning): Promise<WriteOutcome> {
    const accepted: number[] = []
    const rejected: Rejection[] = []
    let isRequestProven = false
    const open: (readonly Line[])[] = [lines]
    let said: Meaning | undefined = first
    while (open.length > 0) {
      const part = open.pop()!
      const meaning: Meaning =
        said ?? (await requests!.send(part.map(({ text }) => text).join('\n'), part.length))
      said = undefined
      if (meaning.kind === 'written') {
        for (const line of part) accepted.push(line.index)
        isRequestProven = true
        continue
      }
      if (meaning.kind !== 'refused') return { accepted, rejected, fault: faultOf(meaning) }
      const { message, lines: named, dropped } = meaning
      if (named.size > 0 && named.size < part.length) {
        // What is named is refused for good; the rest is sent once more, which changes nothing if it was taken.
        const bad = part.filter((_, at) => named.has(at))
        for (const [at, line] of part.entries())
          if (named.has(at)) rejected.push({ index: line.index, message: named.get(at)! })
        if (bad.length > 0) {
          isRequestProven = true
          open.push(part.filter((_, at) => !named.has(at)))
          continue
        }
      }
      const isWhole = part.length === 1 || dropped === part.length
      if (!isWhole) {
        const middle = part.length >> 1
        open.push(part.slice(middle), part.slice(0, middle))
        continue
      }
      if (!isRequestProven) {
        const fault = await probe(message)
        if (fault) return { accepted, rejected, fault }
        isRequestProven = true
      }
      for (const line of part) rejected.push({ index: line.index, message })
    }
    return { accepted, rejected }
  }

  return {
    name: 'influx',
    async open() {
      requests ??= createWriteRequests(options, ports.clock)
    },
    async write(lines) {
      const accepted: number[] = []
      const rejected: Rejection[] = []
      for (let from = 0; from < lines.count; from += linesMax) {
        const to = Math.min(from + linesMax, lines.count)
        const meaning = await requests!.send(lines.text(from, to), to - from)
        if (meaning.kind === 'written') {
          for (let index = from; index < to; index++) accepted.push(index)
          continue
        }
        const part: Line[] = []
        for (let index = from; index < to; index++) part.push({ index, text: lines.line(index) })
        const outcome = await writeLines(part, meaning)
        for (const index of outcome.accepted) accepted.push(index)
        rejected.push(...outcome.rejected)
        if (outcome.fault) return { accepted, rejected, fault: outcome.fault }
      }
      return { accepted, rejected }
    },
    async close() {
      requests?.close()
    },
  }
}
