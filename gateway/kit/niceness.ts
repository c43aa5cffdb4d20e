/**
 * Who gives way where there are more threads to run than cores: the door and the ledger go first, nobody waits for the rest.
 *
 * - By the kernel's niceness, which on Linux is a thread's own; elsewhere it would be the whole process's, and nothing is done.
 * - A sandbox that forbids it costs some delay under full load, and is no reason not to start.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { setPriority } from 'node:os'

/** A third of the share of a thread that has none: what is kept for later. */
export const archiveNiceness = 5
/** A tenth of it: V8's helpers, which mark and compile. */
const helperNiceness = 10
/** What V8's platform calls its helpers. */
const helperName = 'V8Worker'
const tasks = '/proc/self/task'

/** The thread this is called in. */
export function giveWay(niceness: number): void {
  if (process.platform === 'linux') attempt(() => setPriority(niceness))
}

/** The helper threads V8 has begun with the process. */
export function helpersGiveWay(): void {
  if (process.platform !== 'linux') return
  attempt(() => {
    // Each by itself: one that has ended since it was listed must not keep the rest from it.
    for (const thread of readdirSync(tasks)) attempt(() => helperGivesWay(thread))
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
