/** What every corner of the house stands on: the configuration, the open ledger, the clock, the instruments. */
import type { TlsFiles } from '../../broker/credentials.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { Junctions } from '../control/junctions.ts'
import type { Clock, EventClock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { Instruments } from './instruments.ts'
import type { ChosenStrategies } from './strategies.ts'

export interface Foundation {
  readonly config: GatewayConfig
  readonly log: Log
  readonly instruments: Instruments
  readonly strategies: ChosenStrategies
  readonly junctions: Junctions
  readonly tls: TlsFiles
  readonly ledger: Ledger
  readonly clock: Clock
  /** The same clock where a simulator leads it. */
  readonly eventClock: EventClock | undefined
}

/** Something happened that a person at the screen may want to see. */
export interface GatewayEvent {
  readonly kind: 'decision' | 'command'
  readonly atMs: number
  readonly junction: string
  /** Decision, or state reached. */
  readonly what: string
  readonly why: string
}
