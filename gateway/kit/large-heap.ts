/**
 * What V8 is told once a heap is large: that of some thousand devices, which a collection takes a second of the core to
 * walk through. In a small heap it is let be, since what it does by itself is cheaper there.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import type { Clock } from './clock.ts'
import { helpersGiveWay } from './niceness.ts'

/** To mark as much takes some 0.2 s of a core. About 4,000 devices that send. */
const largeHeapBytes = 128 * 1024 * 1024
const lookEveryMs = 1_000
/**
 * How much the heap may grow before it is walked through again. A large one that grows slowly V8 would let grow by a tenth,
 * and walk through the same 20,000 connections three times a minute. A small one that grows fast it lets grow to several
 * times its size: the choice is for all heaps of the process, so it is made late.
 */
const growingPercent = 50

/** Looks at the heap of the calling thread from now on, until it is large. */
export function adaptToLargeHeap(clock: Pick<Clock, 'every'>): void {
  const cancel = clock.every(lookEveryMs, () => {
    if (getHeapStatistics().used_heap_size < largeHeapBytes) return
    cancel()
    // Several helpers mark a heap at once, and with an equal share of one core each they held up 19,500 devices for half a
    // second at a time. While the heap is small they mostly compile, and code that waits for it is dearer.
    helpersGiveWay()
    // V8 reads this at the end of each collection, and nothing else hangs on it: it may be set while it runs.
    setFlagsFromString(`--heap-growing-percent=${growingPercent}`)
  })
}
