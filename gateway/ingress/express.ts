/**
 * The express lane at the gate: an ordinary `traffic.queue` status, the message a city sends most, judged from its bytes.
 *
 * - It says yes only where the steps would accept the message without a note: in the form the scanner knows (and ajv would
 *   call valid), on time, next in its stream, of a sender who was found to be allowed. All else it leaves untouched to them.
 * - The message is remembered and counted as the steps do it, and its payload stays bytes.
 */
import { scanTrafficQueue, TrafficQueueScan } from '../../schemas/traffic-queue-scan.ts'
import type { Clock } from '../kit/clock.ts'
import type { IngressLimits } from './limits.ts'
import type { IngressMetrics } from './metrics.ts'
import type { ExpressLane, ExpressSender, IngressLedger } from './ports.ts'
import type { Route } from './routes.ts'
import { printOf } from './sequence.ts'
import type { Tally } from './tally.ts'

export interface ExpressOptions {
  readonly ledger: IngressLedger
  readonly clock: Clock
  readonly limits: IngressLimits
  readonly metrics: IngressMetrics
  readonly tally: Tally
  /** Somebody is held back: nobody overtakes. */
  isHolding(): boolean
}

/** One message in so many is measured: a clock reading costs as much as a step. */
const measureEvery = 64

export function createExpress(options: ExpressOptions): (route: Route) => ExpressLane {
  const { ledger, clock, limits, metrics, tally, isHolding } = options
  const scan = new TrafficQueueScan()
  let measured = 0
  const entry = {
    receivedAtMs: 0,
    topicBytes: undefined as unknown as Uint8Array,
    bytes: undefined as unknown as Buffer,
    from: 0,
    to: 0,
    isQuiet: false,
  }

  /** On time, and each number the one after the one before. */
  function isOrdinary({ sequence }: Route, nowMs: number): boolean {
    let last = sequence === undefined ? Number.NaN : sequence.last
    if (last < 0) return false // The first of its stream; the steps begin it.
    for (let i = 0; i < scan.entries; i++) {
      const aheadMs = (scan.tsMs[i] as number) - nowMs
      if (aheadMs > limits.futureMs || -aheadMs > limits.lateMs) return false
      if (scan.seqs[i] !== ++last) return false
    }
    return true
  }

  function remember({ sequence, node }: Route, nowMs: number): void {
    const print = printOf(entry.bytes.subarray(entry.from, entry.to))
    node.messages += 1
    node.lastReceivedAtMs = nowMs
    node.clock.observe(scan.tsMs[scan.entries - 1] as number, nowMs)
    for (let i = 0; i < scan.entries; i++)
      sequence?.remember(scan.seqs[i] as number, scan.tsMs[i] as number, print)
  }

  function timed(sender: ExpressSender): ExpressSender {
    const startMs = performance.now()
    return {
      stored(packetId) {
        metrics.gateSeconds.observe((performance.now() - startMs) / 1_000)
        sender.stored(packetId)
      },
      refused(error) {
        sender.refused(error)
      },
    }
  }

  return (route) => {
    const topicBytes = Buffer.from(route.text)
    return {
      get isGone() {
        return route.isGone
      },
      admit(bytes, from, to, sender, packetId) {
        if (route.isGone || isHolding()) return false
        if (!scanTrafficQueue(bytes, from, to, scan)) return false
        const nowMs = clock.nowMs()
        if (!isOrdinary(route, nowMs)) return false
        entry.receivedAtMs = nowMs
        entry.topicBytes = topicBytes
        entry.bytes = bytes
        entry.from = from
        entry.to = to
        entry.isQuiet = route.isQuiet
        const told = measured++ % measureEvery === 0 ? timed(sender) : sender
        // Counted before: a batch that is full leaves within the call, and takes the books along as they are.
        ledger.books.received += 1
        if (typeof ledger.appendBytes(entry, told, packetId) !== 'number') {
          ledger.books.received -= 1
          return false
        }
        route.isFresh = true
        remember(route, nowMs)
        tally.statusAccepted()
        return true
      },
    }
  }
}
