/**
 * A detector node on the wire: `traffic.queue/live` each step, `traffic.count/1min` at the end of each minute of
 * its time, `system.health` now and then. Windows are aligned to the minute.
 */
import type { NodeId } from '../../schemas/ids.ts'
import type { Random } from '../random.ts'
import type { LoopStep, SensorNode, SensorReading } from '../world.ts'
import type { DeviceFaults } from './faults.ts'
import type { Link } from './link.ts'
import { createReporter, type Reporter } from './reporter.ts'

export interface SimDevice {
  readonly node: NodeId
  readonly link: Link
  /** Says what there is to say at the end of a step. */
  report(nowMs: number): void
}

export const windowMs = 60_000
const healthPeriodMs = 300_000

interface Window {
  vehicles: number
  occupiedMs: number
  speedSumKmh: number
  lengthMs: number
}

export interface DetectorOptions {
  readonly sensor: SensorNode
  readonly link: Link
  readonly faults: DeviceFaults
  readonly random: Random
  readonly startMs: number
  read(): SensorReading
  stepMs(): number
}

export function createDetectorDevice(options: DetectorOptions): SimDevice {
  const { sensor, link, faults, startMs } = options
  const reporter = createReporter(link, faults, options.random)
  const windows = new Map<string, Window>(sensor.detectors.map((name) => [name, emptyWindow()]))
  link.onChange((isUp) => {
    if (isUp) reporter.replay()
  })

  function measured(name: string, window: Window, nowMs: number) {
    const vehicles = faults.active('stuck', nowMs, name)
      ? Math.max(0, Math.round(faults.active('stuck', nowMs, name)?.value ?? 0))
      : window.vehicles
    const share = window.lengthMs === 0 ? 0 : window.occupiedMs / window.lengthMs
    const occupancy = faults.active('occupied', nowMs, name) ? 100 : Math.min(100, share * 100)
    const speed = window.vehicles === 0 ? null : window.speedSumKmh / window.vehicles
    return { vehicles, occupancy: round(occupancy), speed: speed === null ? null : round(speed) }
  }

  return {
    node: link.node,
    link,
    report(nowMs) {
      const reading = options.read()
      for (const [name, window] of windows) add(window, reading.detectors[name], options.stepMs())
      if (sensor.lanes.length > 0) {
        reporter.status('traffic.queue', { lanes: reading.lanes }, nowMs, { channel: 'live' })
      }
      if (nowMs % windowMs === 0 && sensor.detectors.length > 0) {
        const detectors = Object.fromEntries(
          [...windows].map(([name, window]) => [name, measured(name, window, nowMs)]),
        )
        const values = { windowMs, detectors }
        reporter.status('traffic.count', values, nowMs, { channel: '1min', keep: true })
        for (const name of windows.keys()) windows.set(name, emptyWindow())
      }
      reportHealth(reporter, nowMs, startMs, faults)
    },
  }
}

/** What every device tells of itself. */
export function reportHealth(
  reporter: Reporter,
  nowMs: number,
  startMs: number,
  faults: DeviceFaults,
): void {
  if (nowMs % healthPeriodMs !== 0) return
  const clockOffsetMs = (faults.active('clock', nowMs)?.value ?? 0) * 1000
  const uptimeS = Math.round((nowMs - startMs) / 1000)
  reporter.status('system.health', { uptimeS, clockOffsetMs }, nowMs)
}

const emptyWindow = (): Window => ({ vehicles: 0, occupiedMs: 0, speedSumKmh: 0, lengthMs: 0 })
const round = (value: number) => Math.round(value * 10) / 10

function add(window: Window, step: LoopStep | undefined, stepMs: number): void {
  window.lengthMs += stepMs
  if (!step) return
  window.vehicles += step.vehicles
  window.occupiedMs += step.occupiedMs
  window.speedSumKmh += step.speedSumKmh
}
