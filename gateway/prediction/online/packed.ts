/** Typed arrays as text and back, for snapshots: a quarter of what numbers in JSON take, and exact. */

export function packFloats(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')
}

/** Missing or of another length: `into` stays as it is, as if nothing had been learned. */
export function unpackFloats(text: string | undefined, into: Float32Array): void {
  const bytes = Buffer.from(text ?? '', 'base64')
  if (bytes.length !== into.byteLength) return
  for (let at = 0; at < into.length; at++) into[at] = bytes.readFloatLE(at * 4)
}

export function packBytes(values: Uint8Array): string {
  return Buffer.from(values).toString('base64')
}

/** As with floats. */
export function unpackBytes(text: string | undefined, into: Uint8Array): void {
  const bytes = Buffer.from(text ?? '', 'base64')
  if (bytes.length === into.length) into.set(bytes)
}

/** Numbers of JSON; what is missing stays as it is. */
export function unpackNumbers(
  numbers: readonly number[] | undefined,
  into: Float32Array | Float64Array,
): void {
  if (numbers) for (let at = 0; at < into.length; at++) into[at] = numbers[at] ?? into[at]!
}
