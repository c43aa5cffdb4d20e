/**
 * What may break, broken on purpose: each fault through a whole gateway as a process, over TLS, into a real database. They
 * run side by side, since most of them is waiting. docs/faults.md has the table; `npm run test:faults` prints it anew.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import {
  isVictoriaMetricsMissing,
  startVictoriaMetrics,
  type VictoriaMetrics,
} from '../support/victoria-metrics.ts'
import { clientFaults } from './clients.ts'
import { clockFaults } from './clock.ts'
import { databaseFaults } from './database.ts'
import { diskFaults } from './disk.ts'
import { killFaults } from './kill.ts'
import { patienceFaults } from './patience.ts'
import { threadFaults } from './threads.ts'

describe.skipIf(isVictoriaMetricsMissing)(
  'every acknowledged reading is one point (needs victoria-metrics)',
  () => {
    let database: VictoriaMetrics
    beforeAll(async () => {
      database = await startVictoriaMetrics()
    })
    afterAll(() => database.stop())
    describe('whatever breaks', { concurrent: true }, () => {
      for (const register of [
        patienceFaults, // The longest first.
        killFaults,
        databaseFaults,
        diskFaults,
        threadFaults,
        clockFaults,
      ]) {
        register(() => database)
      }
    })
    // Alone: here the test's own clients are loud enough to be in each other's way.
    describe('whoever misbehaves', () => clientFaults(() => database))
  },
)
