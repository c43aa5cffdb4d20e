/**
 * Senders held back while the ledger takes nothing: their answer is withheld for a while, then they are refused.
 *
 * - Oldest first; bounded in number and time. Who is one too many, or comes while the door closes, is refused at once.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import type { IngressLimits } from './limits.ts'
import type { IngressMetrics } from './metrics.ts'
import type { Arrival, GateAnswer } from './ports.ts'

type Answer = (answer: GateAnswer) => void

interface Held {
  readonly arrival: Arrival
  readonly answer: Answer
  readonly sinceMs: number
}

export interface WaitingRoomPorts {
  readonly limits: IngressLimits
  readonly metrics: IngressMetrics
  /** Why the ledger takes nothing, or undefined. */
  refusal(): CodedError | undefined
  decide(arrival: Arrival, answer: Answer): void
  refuse(error: CodedError, answer: Answer): void
}

const askEveryMs = 100

export class WaitingRoom {
  readonly #ports: WaitingRoomPorts
  readonly #held: Held[] = []
  #timer: NodeJS.Timeout | undefined
  #isClosing = false

  constructor(ports: WaitingRoomPorts) {
    this.#ports = ports
  }

  get size(): number {
    return this.#held.length
  }

  enter(arrival: Arrival, answer: Answer, refusal: CodedError): void {
    const { limits, metrics, refuse } = this.#ports
    if (this.#isClosing || this.#held.length >= limits.heldMax) {
      refuse(refusal, answer)
      return
    }
    this.#held.push({ arrival, answer, sinceMs: performance.now() })
    metrics.held.set(this.#held.length)
    this.#askLater()
  }

  /** Whoever the ledger still does not take is refused now. */
  close(): void {
    this.#isClosing = true
    clearTimeout(this.#timer)
    this.#askAgain()
  }

  #askLater(): void {
    this.#timer ??= setTimeout(() => this.#askAgain(), askEveryMs)
  }

  /** In if the ledger takes something again, out if they have waited too long. */
  #askAgain(): void {
    const { limits, metrics, refusal, decide, refuse } = this.#ports
    this.#timer = undefined
    for (const one of this.#held.splice(0)) {
      const reason = refusal()
      if (reason === undefined) decide(one.arrival, one.answer)
      else if (this.#isClosing || performance.now() - one.sinceMs >= limits.holdMs) {
        refuse(reason, one.answer)
      } else this.#held.push(one)
    }
    metrics.held.set(this.#held.length)
    if (this.#held.length > 0) this.#askLater()
  }
}
