/** What `npm start` shows a person: the first commands in full, then one line every few seconds. */

import type { GatewayEvent } from '../compose/foundation.ts'
import type { GatewaySummary } from '../compose/summary.ts'

const eventsShown = 8 // Enough to see a command's life from decision to applied; then figures say more.

export interface LiveLines {
  event(event: GatewayEvent): void
  summary(summary: GatewaySummary, simulatedAtMs: number | undefined): void
}

export function createLiveLines(print: (line: string) => void): LiveLines {
  let shown = 0
  let last: { readonly stored: number; readonly atMs: number } | undefined
  return {
    event(event) {
      if (shown >= eventsShown || event.what === 'keep') return
      shown += 1
      const time = new Date(event.atMs).toISOString().slice(11, 19)
      print(`${time} ${event.junction} ${event.kind} ${event.what}: ${event.why}`)
      if (shown === eventsShown) print('… (npm run watch shows all of them)')
    },
    summary(summary, simulatedAtMs) {
      const nowMs = performance.now()
      const rate = last ? ((summary.stored - last.stored) / (nowMs - last.atMs)) * 1000 : 0
      last = { stored: summary.stored, atMs: nowMs }
      const { commands, delay } = summary
      const time = simulatedAtMs ? new Date(simulatedAtMs).toISOString().slice(11, 19) : '--:--:--'
      const error = summary.forecastErrorVehicles15
      print(
        [
          `${time}  ${summary.devicesOnline} devices`,
          `${rate.toFixed(0)} msg/s, ${summary.stored} stored, ${summary.quarantined} quarantined`,
          `forecast ${error === undefined ? 'learning' : `±${error.toFixed(1)} veh/5 min`}`,
          `commands ${commands.issued ?? 0} issued, ${commands.applied ?? 0} applied`,
          `delay ${secondsOf(delay.controlS)} (local plan ${secondsOf(delay.localPlanS)})`,
        ].join(' · '),
      )
    },
  }
}

const secondsOf = (value: number | null) => (value === null ? '–' : `${value.toFixed(1)} s`)
