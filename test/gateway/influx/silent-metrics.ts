/** Instruments that count for nobody. */
import type { InfluxMetrics } from '../../../gateway/influx/ports.ts'

export const silentInfluxMetrics: InfluxMetrics = {
  points: { add() {} },
  writeSeconds: { observe() {} },
  retries: { add() {} },
  lagRecords: { set() {} },
  lagSeconds: { set() {} },
}
