/** Holds simulated time to the wall's: after each step it waits until the wall has caught up. */
export interface Pace {
  /** Resolves when `elapsedMs` of simulated time may have passed at this speed, or at once when `signal` aborts. */
  hold(stepMs: number, speed: number, signal: AbortSignal): Promise<void>
}

/** Lag beyond this is forgotten: no race to catch up after a pause. */
const lagMsMax = 1_000

export function createPace(): Pace {
  let dueAt = performance.now()
  return {
    async hold(stepMs, speed, signal) {
      const now = performance.now()
      dueAt = Math.max(dueAt + stepMs / speed, now - lagMsMax)
      const waitMs = dueAt - now
      if (waitMs <= 0 || signal.aborted) {
        // Sockets must be read in between, however fast it goes.
        await new Promise((resolve) => setImmediate(resolve))
        return
      }
      await new Promise<void>((resolve) => {
        const done = () => {
          clearTimeout(timer)
          signal.removeEventListener('abort', done)
          resolve()
        }
        const timer = setTimeout(done, waitMs)
        signal.addEventListener('abort', done)
      })
    },
  }
}
