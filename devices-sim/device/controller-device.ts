/**
 * A signal controller on the wire: commands in, results and what it really does out.
 *
 * `tlc.groups` on each change and each second, `tlc.plan` and `tlc.mode` on change, each minute (for who looks on since)
 * and whenever the connection is new, results as they come. The controller itself (devices-sim/controller) knows nothing of this.
 */
import { decodePayload } from '../../schemas/payload.ts'
import { isTopic, parseTopic } from '../../schemas/topics.ts'
import type { Controller } from '../controller/controller.ts'
import type { Random } from '../random.ts'
import { reportHealth, type SimDevice } from './detector-device.ts'
import type { DeviceFaults } from './faults.ts'
import type { Link } from './link.ts'
import { createReporter } from './reporter.ts'

export interface ControllerDeviceOptions {
  readonly controller: Controller
  readonly link: Link
  readonly faults: DeviceFaults
  readonly random: Random
  readonly startMs: number
  nowMs(): number
}

export interface ControllerDevice extends SimDevice {
  readonly controller: Controller
  /** Moves the controller on; before the lamps are shown to the world. */
  advance(nowMs: number): void
  readonly commandsReceived: () => number
}

const groupsPeriodMs = 1_000
const planPeriodMs = 60_000

export function createControllerDevice(options: ControllerDeviceOptions): ControllerDevice {
  const { controller, link, faults, startMs } = options
  const reporter = createReporter(link, faults, options.random)
  let shownPlan = ''
  let shownMode = ''
  let shownLamps = ''
  let groupsAtMs = Number.NEGATIVE_INFINITY
  let plannedAtMs = Number.NEGATIVE_INFINITY
  let commandsReceived = 0
  let hasLampFault = false

  link.onChange((isUp) => {
    controller.linkChanged(isUp, options.nowMs())
    if (!isUp) return
    shownPlan = ''
    shownMode = ''
    shownLamps = ''
    reporter.replay()
  })
  link.onMessage((topic, payload) => {
    const parsed = parseTopic(topic)
    if (!isTopic(parsed) || parsed.type !== 'command') return
    commandsReceived += 1
    const decoded = decodePayload(payload)
    const nowMs = deviceNowMs()
    controller.receive(parsed.code, 'value' in decoded ? decoded.value : undefined, nowMs)
  })
  link.onBeforeAcknowledge((topic) => {
    if (!topic.includes('/command/')) return true
    const nowMs = options.nowMs()
    if (faults.active('result-first', nowMs)) publishResults(nowMs)
    return !faults.active('puback-never', nowMs)
  })

  /** The device's clock, by which it judges what has expired. */
  function deviceNowMs(): number {
    const nowMs = options.nowMs()
    return nowMs + (faults.active('clock', nowMs)?.value ?? 0) * 1000
  }

  function publishResults(nowMs: number): void {
    for (const { code, ...result } of controller.takeResults()) {
      if (faults.active('result-never', nowMs)) continue
      reporter.result(code, result, nowMs)
      if (faults.active('result-twice', nowMs)) reporter.result(code, result, nowMs)
    }
  }

  function followFaults(nowMs: number): void {
    controller.switchControl(faults.active('manual', nowMs) ? 'manual' : 'central')
    const isFaulty = faults.active('lamp', nowMs) !== undefined
    if (isFaulty === hasLampFault) return
    hasLampFault = isFaulty
    controller.setFault(isFaulty)
    const group = Object.keys(controller.junction.groups)[0]
    reporter.alarm('tlc.lamp', isFaulty, { group, color: 'red', text: 'lamp failure' }, nowMs)
  }

  return {
    node: link.node,
    link,
    controller,
    commandsReceived: () => commandsReceived,
    advance(nowMs) {
      followFaults(nowMs)
      controller.advance(nowMs)
    },
    report(nowMs) {
      publishResults(nowMs)
      const isMinuteOver = nowMs - plannedAtMs >= planPeriodMs
      if (isMinuteOver) plannedAtMs = nowMs
      const plan = controller.plan()
      if (isMinuteOver || changed(plan, shownPlan)) {
        shownPlan = JSON.stringify(plan)
        reporter.status('tlc.plan', plan, nowMs)
      }
      const mode = controller.mode()
      if (isMinuteOver || changed(mode, shownMode)) {
        shownMode = JSON.stringify(mode)
        reporter.status('tlc.mode', mode, nowMs)
      }
      const groups = controller.groups(nowMs)
      const lamps = JSON.stringify(groups.groups)
      if (lamps !== shownLamps || nowMs - groupsAtMs >= groupsPeriodMs) {
        shownLamps = lamps
        groupsAtMs = nowMs
        reporter.status('tlc.groups', groups, nowMs)
      }
      reportHealth(reporter, nowMs, startMs, faults)
    },
  }
}

const changed = (values: object, shown: string) => JSON.stringify(values) !== shown
