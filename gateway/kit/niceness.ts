/**
 * Who gives way where there are more threads to run than cores: the door and the ledger go first, nobody waits for the rest.
 *
 * - By the kernel's niceness, which on Linux is a thread's own; elsewhere it would be the whole process's, and nothing is done.
 * - A sandbox that forbids it costs some delay under full load, and is no reason not to start.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'
import { getHeapStatistics } from 'node:v8'
import type { Clock } from './clock.ts'

/** A third of the share of a thread that has none: what is kept for later. */
export const archiveNiceness = 5
/** A tenth of it: V8's helpers, which mark and compile. */
const helperNiceness = 10
/** What V8's platform calls its helpers. */
const helperName = 'V8Worker'
const tasks = '/proc/self/task'
/** To mark as much takes some 0.2 s of a core. About 4,000 devices that send. */
const largeHeapBytes = 128 * 1024 * 1024
const lookEveryMs = 1_000

/** The thread this is called in. */
export function giveWay(niceness: number): void {
  if (process.platform === 'linux') attempt(() => setPriority(niceness))
}

/**
 * The helper threads V8 has begun with the process, from when the heap of the calling thread is large. Several of them mark it
 * at once, and with an equal share of one core each they held up 19,500 devices for half a second at a time. In a small
 * heap they are let be: there they mostly compile, and code that waits for it is dearer.
 */
export function helpersGiveWay(clock: Pick<Clock, 'every'>): void {
  if (process.platform !== 'linux') return
  const cancel = clock.every(lookEveryMs, () => {
    if (getHeapStatistics().used_heap_size < largeHeapBytes) return
    cancel()
    attempt(() => {
      // Each by itself: one that has ended since it was listed must not keep the rest from it.
      for (const thread of readdirSync(tasks)) attempt(() => helperGivesWay(thread))
    })
  })
}

function helperGivesWay(thread: string): void {
  if (readFileSync(`${tasks}/${thread}/comm`, 'utf8').trim() === helperName)
    setPriority(Number(thread), helperNiceness)
}

function attempt(work: () => void): void {
  try {
    work()
  } catch {}
}
