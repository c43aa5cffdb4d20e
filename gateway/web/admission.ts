/**
 * How much strangers may ask of the web port: connections, and requests without a session, of one address and in all.
 *
 * - Connections are counted while they last, requests in windows of ten seconds.
 * - An IPv6 address counts with its /64: that is what one asker is given.
 * - Health costs nothing and is counted for its address only: a flood from elsewhere makes nobody look dead.
 */
import { isIPv6 } from 'node:net'

export interface Admission {
  /** False: no room for another connection of this address. */
  enter(address: string): boolean
  /** Once for every connection that entered. */
  leave(address: string): void
  /** False: it has asked enough for now. */
  mayAsk(address: string, isHealth: boolean): boolean
  /** Until it may ask again. */
  readonly retryAfterS: number
}

export interface AdmissionLimits {
  readonly connectionsMax: number
  readonly connectionsOfOneMax: number
  readonly requestsMax: number
  readonly requestsOfOneMax: number
}

/** A page takes a handful of connections, a control room may come through one proxy. */
export const admissionLimits: AdmissionLimits = {
  connectionsMax: 512,
  connectionsOfOneMax: 128,
  requestsMax: 2_000,
  requestsOfOneMax: 200,
}
const windowMs = 10_000

export function createAdmission(limits: AdmissionLimits, nowMs: () => number): Admission {
  const connections = new Map<string, number>()
  let connectionCount = 0
  const requests = new Map<string, number>()
  let requestCount = 0
  let windowSinceMs = nowMs()

  function turnWindow(): void {
    if (nowMs() - windowSinceMs < windowMs) return
    windowSinceMs = nowMs()
    requests.clear()
    requestCount = 0
  }

  return {
    retryAfterS: windowMs / 1_000,
    enter(address) {
      const asker = askerOf(address)
      const own = connections.get(asker) ?? 0
      if (connectionCount >= limits.connectionsMax || own >= limits.connectionsOfOneMax)
        return false
      connections.set(asker, own + 1)
      connectionCount += 1
      return true
    },
    leave(address) {
      const asker = askerOf(address)
      const left = (connections.get(asker) ?? 1) - 1
      if (left > 0) connections.set(asker, left)
      else connections.delete(asker)
      connectionCount -= 1
    },
    mayAsk(address, isHealth) {
      turnWindow()
      if (!isHealth && requestCount >= limits.requestsMax) return false
      const asker = askerOf(address)
      const own = requests.get(asker) ?? 0
      if (own >= limits.requestsOfOneMax) return false
      requests.set(asker, own + 1)
      if (!isHealth) requestCount += 1
      return true
    },
  }
}

function askerOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = ''] = address.split('%') // fe80::1%eth0
  const [before = '', after = ''] = head.split('::')
  const front = before === '' ? [] : before.split(':')
  const back = after === '' ? [] : after.split(':')
  const middle = head.includes('::') ? Array(8 - front.length - back.length).fill('0') : []
  return [...front, ...middle, ...back].slice(0, 4).join(':')
}
