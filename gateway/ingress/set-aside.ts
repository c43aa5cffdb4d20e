/**
 * What was set aside lately, so that the same message sent again is known: a connection that broke before PUBACK makes
 * its device resend what nobody understood as well as what everybody did.
 *
 * - Asked only for messages with the DUP flag: a device that says the same nonsense twice of its own accord said it twice.
 * - Bounded: the longest kept are forgotten first, and a restart forgets all; what is forgotten is set aside once more,
 *   which harms nobody.
 */
import { speaker } from './notices.ts'
import type { Arrival } from './ports.ts'
import { printOf } from './sequence.ts'

/** Of a storm of ten thousand devices a tenth may have had something malformed on its way. */
const knownMax = 1_024

export class SetAsideBefore {
  readonly #keys = new Set<string>()

  has(arrival: Arrival): boolean {
    return arrival.dup && this.#keys.has(keyOf(arrival))
  }

  add(arrival: Arrival): string {
    const key = keyOf(arrival)
    this.#keys.delete(key)
    this.#keys.add(key)
    if (this.#keys.size > knownMax) this.#keys.delete(this.#keys.values().next().value as string)
    return key
  }

  /** It could not be kept after all. */
  forget(key: string): void {
    this.#keys.delete(key)
  }
}

const keyOf = (arrival: Arrival) =>
  `${speaker(arrival)} ${printOf(Buffer.from(arrival.topic))} ${printOf(arrival.payload)}`
