/**
 * Who holds the seat: for each quantity one champion forecasts for control, the others show what they could do.
 *
 * - Compared in pairs, on the same values at the same horizons: pinball loss over the loss of the champion.
 * - Hysteresis three times: enough pairs, a clear margin, and that for several hours of checks in a row. After a change
 *   the seat rests for a while.
 * - The profile always takes part, so a network that has lost its way loses to it.
 * - Every change is an audit entry with the figures it rests on.
 */
import type { Quantity } from '../ports.ts'

const pairsMin = 600
const pairMemory = 1_500
/** A challenger must lose this much less than the champion. */
const margin = 0.03
/** A champion that is this much worse than a challenger goes at the next check, without the wait. */
const landslide = 0.25
const checksInRow = 12
const restChecks = 36

export interface ContestEntry {
  readonly quantity: Quantity
  readonly champion: string
  readonly challengers: readonly {
    readonly model: string
    readonly pairs: number
    /** Its loss over the champion's on the same values; below 1 is better. */
    readonly ratio: number
    readonly wins: number
  }[]
}

export interface SeatChange {
  readonly quantity: Quantity
  readonly from: string
  readonly to: string
  /** `empty`: nobody but the profile sat there; `remembered`: it sat there before a restart. */
  readonly why: 'better' | 'landslide' | 'withdrawn' | 'empty' | 'remembered'
  readonly pairs: number
  readonly ratio: number
}

interface Pairing {
  pairs: number
  champion: number
  challenger: number
  wins: number
}

export class Contest {
  readonly quantity: Quantity
  #champion: string
  #rest = 0
  readonly #pairings = new Map<string, Pairing>()

  constructor(quantity: Quantity, champion: string) {
    this.quantity = quantity
    this.#champion = champion
  }

  get champion(): string {
    return this.#champion
  }

  add(challenger: string, championLoss: number, challengerLoss: number): void {
    let pairing = this.#pairings.get(challenger)
    if (!pairing) {
      pairing = { pairs: 0, champion: 0, challenger: 0, wins: 0 }
      this.#pairings.set(challenger, pairing)
    }
    pairing.pairs += 1
    const rate = Math.max(1 / pairing.pairs, 1 / pairMemory)
    pairing.champion += (championLoss - pairing.champion) * rate
    pairing.challenger += (challengerLoss - pairing.challenger) * rate
  }

  /** Called every 5 minutes of the street's time. */
  check(): SeatChange | undefined {
    this.#rest = Math.max(0, this.#rest - 1)
    let best: { model: string; pairing: Pairing; why: SeatChange['why'] } | undefined
    for (const [model, pairing] of this.#pairings) {
      const ratio = ratioOf(pairing)
      pairing.wins = pairing.pairs >= pairsMin && ratio < 1 - margin ? pairing.wins + 1 : 0
      const isLandslide = pairing.pairs >= pairsMin && ratio < 1 - landslide
      const isReady = isLandslide || (pairing.wins >= checksInRow && this.#rest === 0)
      if (isReady && (!best || ratio < ratioOf(best.pairing)))
        best = { model, pairing, why: isLandslide ? 'landslide' : 'better' }
    }
    return best && this.#seat(best.model, best.why, best.pairing)
  }

  /** A model leaves; if it held the seat, `heir` takes it. */
  withdraw(model: string, heir: string): SeatChange | undefined {
    const pairing = this.#pairings.get(heir)
    this.#pairings.delete(model)
    return model === this.#champion ? this.#seat(heir, 'withdrawn', pairing) : undefined
  }

  /** The seat of before a restart, or the first of a newcomer where only the profile sits. */
  appoint(model: string, why: 'empty' | 'remembered'): SeatChange | undefined {
    return model === this.#champion ? undefined : this.#seat(model, why, this.#pairings.get(model))
  }

  entry(): ContestEntry {
    return {
      quantity: this.quantity,
      champion: this.#champion,
      challengers: [...this.#pairings].map(([model, pairing]) => ({
        model,
        pairs: pairing.pairs,
        ratio: ratioOf(pairing),
        wins: pairing.wins,
      })),
    }
  }

  /** 1 while nobody does better than the champion, less the more somebody does. */
  trust(): number {
    let trust = 1
    for (const pairing of this.#pairings.values())
      if (pairing.pairs >= pairsMin) trust = Math.min(trust, ratioOf(pairing))
    return Math.max(0, trust)
  }

  #seat(to: string, why: SeatChange['why'], pairing: Pairing | undefined): SeatChange {
    const change: SeatChange = {
      quantity: this.quantity,
      from: this.#champion,
      to,
      why,
      pairs: pairing?.pairs ?? 0,
      ratio: pairing ? ratioOf(pairing) : 1,
    }
    this.#champion = to
    this.#rest = restChecks
    // All comparisons were with the old champion.
    this.#pairings.clear()
    return change
  }
}

function ratioOf(pairing: Pairing): number {
  return pairing.champion > 0 ? pairing.challenger / pairing.champion : 1
}
