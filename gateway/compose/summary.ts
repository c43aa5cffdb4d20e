/** What the gateway says of itself in figures: for the live summary, the JSON at the end, and its own accounts status. */
import type { GatewayAccounts, SimStreet } from '../../schemas/generated/messages.ts'
import type { Accounts } from '../ledger/accounts.ts'
import type { Score } from '../prediction/judges/scoreboard.ts'

export interface GatewaySummary {
  readonly devicesOnline: number
  readonly received: number
  readonly stored: number
  readonly duplicate: number
  readonly quarantined: number
  readonly refused: number
  readonly residual: number
  /** Commands that reached each state since the start. */
  readonly commands: Readonly<Record<string, number>>
  /** Mean absolute error 15 min ahead in vehicles per 5 min, undefined before the first judgement. */
  readonly forecastErrorVehicles15: number | undefined
  readonly delay: {
    readonly controlS: number | null
    readonly localPlanS: number | null
    readonly vehicles: number
    readonly monitorViolations: number
  }
}

export function accountsValues(accounts: Accounts): GatewayAccounts['entries'][number]['values'] {
  return {
    received: accounts.received,
    stored: accounts.stored,
    duplicate: accounts.duplicate,
    quarantined: accounts.quarantinedTotal,
    refused: accounts.refusedTotal,
    residual: accounts.residual,
  }
}

export function delayOf(street: SimStreet['entries'][number]['values']): GatewaySummary['delay'] {
  return {
    controlS: street.controlDelayS,
    localPlanS: street.localPlanDelayS,
    vehicles: street.vehicles,
    monitorViolations: street.monitorViolations ?? 0,
  }
}

export function summarizeGateway(facts: {
  readonly devicesOnline: number
  readonly accounts: Accounts
  readonly commands: ReadonlyMap<string, number>
  readonly scores: readonly Score[]
  readonly delay: GatewaySummary['delay'] | undefined
}): GatewaySummary {
  const judged = facts.scores.filter(
    (score) => score.quantity === 'vehiclesPer5Min' && score.horizonMin === 15 && score.judged > 0,
  )
  const error = judged.length === 0 ? undefined : Math.min(...judged.map((score) => score.mae))
  return {
    devicesOnline: facts.devicesOnline,
    ...accountsValues(facts.accounts),
    commands: Object.fromEntries(facts.commands),
    forecastErrorVehicles15: error,
    delay: facts.delay ?? { controlS: null, localPlanS: null, vehicles: 0, monitorViolations: 0 },
  }
}
