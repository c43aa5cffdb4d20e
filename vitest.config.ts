/** How the tests run: in forked processes (worker threads, sockets and SQLite are real), nothing shared between files. */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['test/support/chance.ts'],
    pool: 'forks',
    // Much of a test is waiting for disks, clocks and processes: two at a time use two cores well.
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
