/** Waits for something to become true, and says at the deadline why it did not. */
export async function eventually<T>(fn: () => T | Promise<T>, deadlineMs = 10_000): Promise<T> {
  const untilMs = performance.now() + deadlineMs
  for (;;) {
    try {
      return await fn()
    } catch (error) {
      if (performance.now() > untilMs) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}
