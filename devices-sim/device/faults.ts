/**
 * Things that can be broken on purpose, as text on the command line.
 *
 *   KIND:TARGET[=VALUE][@FROM-TO]       FROM and TO in simulated seconds since the start, TO may be left out
 *
 *   stuck:north/det-001:dl/1=0          the loop counts VALUE in each window (default 0)
 *   occupied:north/det-001:dl/1         the loop is occupied all the time
 *   clock:north/det-001=-300            the device's clock is off by VALUE seconds
 *   malformed:north/det-001=0.1         this share of its statuses is damaged
 *   duplicate:north/det-001=0.1         this share of its statuses is sent twice
 *   drop:north/tlc-001=60               its connection breaks every VALUE seconds
 *   offline:north/tlc-001@300-600       it is away from FROM to TO
 *   result-first:north/tlc-001          its result is out before it acknowledges the command
 *   result-twice, result-never, puback-never: likewise
 *   manual:north/tlc-001@300-600        somebody has switched it to manual control
 *   lamp:north/tlc-001@300-600          a lamp fails: alarm, flashing, commands refused
 */
import { FaultMalformed } from '../errors.ts'

export const faultKinds = [
  'stuck',
  'occupied',
  'clock',
  'malformed',
  'duplicate',
  'drop',
  'offline',
  'result-first',
  'result-twice',
  'result-never',
  'puback-never',
  'manual',
  'lamp',
] as const
export type FaultKind = (typeof faultKinds)[number]

export interface Fault {
  readonly kind: FaultKind
  readonly node: string
  readonly component: string | undefined
  readonly value: number | undefined
  readonly fromS: number
  readonly toS: number
}

/** The faults of one device, asked as time goes on. */
export interface DeviceFaults {
  /** The fault in force, or undefined. */
  active(kind: FaultKind, nowMs: number, component?: string): Fault | undefined
}

const pattern =
  /^([a-z-]+):([a-z0-9-]+(?:\/[a-z0-9-]+){0,2}?)(?::([a-z]{2,8}\/[0-9]{1,4}))?(?:=(-?[0-9.]+))?(?:@([0-9.]+)-([0-9.]*))?$/

/** @throws IG_ERR_SIM_FAULT_MALFORMED */
export function parseFault(text: string): Fault {
  const match = pattern.exec(text)
  if (!match) throw FaultMalformed(text, 'expected KIND:TARGET[=VALUE][@FROM-TO]')
  const [, kind = '', node = '', component, value, from, to] = match
  if (!(faultKinds as readonly string[]).includes(kind)) {
    throw FaultMalformed(text, `kinds are ${faultKinds.join(', ')}`)
  }
  if ((kind === 'stuck' || kind === 'occupied') && component === undefined) {
    throw FaultMalformed(text, 'name the detector, as in stuck:north/det-001:dl/1')
  }
  return {
    kind: kind as FaultKind,
    node,
    component,
    value: value === undefined ? undefined : Number(value),
    fromS: from === undefined ? 0 : Number(from),
    toS: to === undefined || to === '' ? Number.POSITIVE_INFINITY : Number(to),
  }
}

export function faultsOf(faults: readonly Fault[], node: string, startMs: number): DeviceFaults {
  const own = faults.filter((fault) => fault.node === node)
  return {
    active(kind, nowMs, component) {
      const atS = (nowMs - startMs) / 1000
      return own.find(
        (fault) =>
          fault.kind === kind &&
          atS >= fault.fromS &&
          atS < fault.toS &&
          (component === undefined || fault.component === component),
      )
    },
  }
}
