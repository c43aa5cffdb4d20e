/** Typed arrays as text and back, for snapshots: a quarter of what numbers in JSON take, and exact. */

export function packFloats(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')
}

/** Missing or of another length: zeros, as if nothing had been learned. */
export function unpackFloats(text: string | undefined, length: number): Float32Array {
  const bytes = Buffer.from(text ?? '', 'base64')
  const values = new Float32Array(length)
  if (bytes.length === length * 4)
    for (let at = 0; at < length; at++) values[at] = bytes.readFloatLE(at * 4)
  return values
}

export function packBytes(values: Uint8Array): string {
  return Buffer.from(values).toString('base64')
}

export function unpackBytes(text: string | undefined, length: number): Uint8Array {
  const bytes = Buffer.from(text ?? '', 'base64')
  return bytes.length === length ? Uint8Array.from(bytes) : new Uint8Array(length)
}
