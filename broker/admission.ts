/**
 * How fast handshakes may begin: a token bucket that holds one second's worth, and a line before it.
 * Order of arrival is kept; who finds the line full is refused.
 */
import type { Socket } from 'node:net'

export interface Admission {
  enter(socket: Socket): void
  close(): void
}

export interface AdmissionOptions {
  readonly perSecondMax: number
  readonly waitingMax: number
  begin(socket: Socket): void
  refuse(socket: Socket): void
}

/** How often waiting sockets are let in: short against a handshake's own length. */
const stepMs = 20

export function createAdmission(options: AdmissionOptions): Admission {
  const { perSecondMax, waitingMax, begin, refuse } = options
  const waiting: Socket[] = []
  let tokens = perSecondMax
  let filledAtMs = performance.now()
  let timer: NodeJS.Timeout | undefined

  function fill(): void {
    const nowMs = performance.now()
    tokens = Math.min(perSecondMax, tokens + ((nowMs - filledAtMs) * perSecondMax) / 1000)
    filledAtMs = nowMs
  }

  function step(): void {
    timer = undefined
    fill()
    while (tokens >= 1 && waiting.length > 0) {
      const socket = waiting.shift()!
      if (socket.destroyed) continue
      tokens -= 1
      begin(socket)
    }
    if (waiting.length > 0) timer = setTimeout(step, stepMs)
  }

  return {
    enter(socket) {
      fill()
      if (waiting.length === 0 && tokens >= 1) {
        tokens -= 1
        begin(socket)
      } else if (waiting.length >= waitingMax) refuse(socket)
      else {
        waiting.push(socket)
        timer ??= setTimeout(step, stepMs)
      }
    },
    close() {
      clearTimeout(timer)
      waiting.length = 0
    },
  }
}
