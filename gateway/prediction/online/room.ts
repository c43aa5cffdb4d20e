/**
 * Typed arrays side by side in one buffer.
 *
 * A city's book holds 100,000 series. With a buffer for each of its arrays a series is two dozen objects that the garbage
 * collector has to walk, and the forecasts of a city would cost everybody a pause; in one room it is a dozen.
 */
/** What any array may begin at. */
const alignBytes = 8

/** What arrays of these lengths take together in one room. */
export interface RoomPlan {
  readonly doubles?: readonly number[]
  readonly floats?: readonly number[]
  readonly bytes?: readonly number[]
}

export function roomBytes({ doubles = [], floats = [], bytes = [] }: RoomPlan): number {
  const of = (lengths: readonly number[], each: number) =>
    lengths.reduce((sum, length) => sum + aligned(length * each), 0)
  return of(doubles, 8) + of(floats, 4) + of(bytes, 1)
}

export class Room {
  readonly #buffer: ArrayBuffer
  #taken = 0

  constructor(bytes: number) {
    this.#buffer = new ArrayBuffer(bytes)
  }

  doubles(length: number, fill = 0): Float64Array {
    return new Float64Array(this.#buffer, this.#take(length * 8), length).fill(fill)
  }

  floats(length: number, fill = 0): Float32Array {
    return new Float32Array(this.#buffer, this.#take(length * 4), length).fill(fill)
  }

  bytes(length: number): Uint8Array {
    return new Uint8Array(this.#buffer, this.#take(length), length)
  }

  #take(bytes: number): number {
    const from = this.#taken
    this.#taken += aligned(bytes)
    return from
  }
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignBytes) * alignBytes
}
