/**
 * When handshakes may begin: few in a turn of the event loop, so that between them everybody else has their turn, and
 * so many a second (a token bucket that holds one second's worth). Before it is a line.
 *
 * - In a storm established connections wait for a few handshakes, not for all that have come, and the rate finds itself:
 *   a slow machine takes longer turns.
 * - Order of arrival is kept; who finds the line full is refused.
 */
import type { Socket } from 'node:net'

export interface Admission {
  enter(socket: Socket): void
  close(): void
}

export interface AdmissionOptions {
  readonly perSecondMax: number
  readonly perTurnMax: number
  readonly waitingMax: number
  begin(socket: Socket): void
  refuse(socket: Socket): void
}

/** How often the line is looked at when the second's worth is used up: short against a handshake's own length. */
const stepMs = 20

export function createAdmission(options: AdmissionOptions): Admission {
  const { perSecondMax, perTurnMax, waitingMax, begin, refuse } = options
  const waiting: Socket[] = []
  let tokens = perSecondMax
  let filledAtMs = performance.now()
  let timer: NodeJS.Timeout | undefined
  /** Set while a turn lasts in which handshakes have begun. */
  let turn: NodeJS.Immediate | undefined
  let begunInTurn = 0

  function mayBegin(): boolean {
    const nowMs = performance.now()
    tokens = Math.min(perSecondMax, tokens + ((nowMs - filledAtMs) * perSecondMax) / 1000)
    filledAtMs = nowMs
    return tokens >= 1 && begunInTurn < perTurnMax
  }

  function start(socket: Socket): void {
    tokens -= 1
    begunInTurn += 1
    turn ??= setImmediate(nextTurn)
    begin(socket)
  }

  function nextTurn(): void {
    turn = undefined
    begunInTurn = 0
    goOn()
  }

  function goOn(): void {
    while (waiting.length > 0 && mayBegin()) {
      const socket = waiting.shift()!
      if (!socket.destroyed) start(socket)
    }
    if (waiting.length > 0 && turn === undefined) timer ??= setTimeout(later, stepMs)
  }

  function later(): void {
    timer = undefined
    goOn()
  }

  return {
    enter(socket) {
      if (waiting.length === 0 && mayBegin()) start(socket)
      else if (waiting.length >= waitingMax) refuse(socket)
      else {
        waiting.push(socket)
        goOn()
      }
    },
    close() {
      clearTimeout(timer)
      clearImmediate(turn)
      waiting.length = 0
    },
  }
}
