/**
 * Senders held back while the ledger takes nothing: their answer is withheld for a while, then they are refused.
 *
 * - Oldest first, and nobody overtakes: while one waits all who come wait behind, so each connection keeps its order.
 * - They are let in as soon as the ledger takes again: it says so, and it is asked when somebody comes, and now and then.
 * - Bounded in number and time. Who is one too many, or comes while the door closes, is refused at once.
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
  /** What those who wait were last told of. */
  #reason: CodedError | undefined
  #timer: NodeJS.Timeout | undefined
  #isLettingIn = false
  #isClosing = false

  constructor(ports: WaitingRoomPorts) {
    this.#ports = ports
  }

  get size(): number {
    return this.#held.length
  }

  /** Straight on while the ledger takes and nobody waits; else behind those who do. */
  admit(arrival: Arrival, answer: Answer): void {
    const { limits, metrics, refusal, decide, refuse } = this.#ports
    if (this.#held.length > 0) this.letIn()
    const reason = refusal()
    if (reason !== undefined) this.#reason = reason
    else if (this.#held.length === 0) {
      decide(arrival, answer)
      return
    }
    if (this.#isClosing || this.#held.length >= limits.heldMax) {
      refuse(this.#reason as CodedError, answer)
      return
    }
    this.#held.push({ arrival, answer, sinceMs: performance.now() })
    metrics.held.set(this.#held.length)
    this.#askLater()
  }

  /** In if the ledger takes something again, out if they have waited too long. */
  letIn(): void {
    if (this.#isLettingIn || this.#held.length === 0) return
    this.#isLettingIn = true // An answer may bring the next message of its connection while others still wait.
    try {
      this.#letInTheOldest()
    } finally {
      this.#isLettingIn = false
      this.#ports.metrics.held.set(this.#held.length)
    }
    if (this.#held.length > 0) this.#askLater()
  }

  #letInTheOldest(): void {
    const { limits, refusal, decide, refuse } = this.#ports
    for (let one = this.#held[0]; one !== undefined; one = this.#held[0]) {
      const reason = refusal()
      const isOver = this.#isClosing || performance.now() - one.sinceMs >= limits.holdMs
      if (reason !== undefined && !isOver) return
      this.#held.shift()
      if (reason === undefined) decide(one.arrival, one.answer)
      else refuse(reason, one.answer)
    }
  }

  /** Whoever the ledger still does not take is refused now. */
  close(): void {
    this.#isClosing = true
    clearTimeout(this.#timer)
    this.letIn()
  }

  #askLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.letIn()
    }, askEveryMs)
  }
}
