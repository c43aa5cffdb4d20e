/** A message that could not be understood, as it is kept aside with the reason. */

export interface QuarantineItem {
  readonly atMs: number
  /** Of the error, `IG_ERR_…`. */
  readonly code: string
  /** JSON pointer of the member that did not fit; empty where the payload as a whole did not. */
  readonly path: string
  readonly reason: string
  /** Who sent it. */
  readonly node: string
  readonly topic: string
  /** How long the payload was; more than `bytes` holds when it was cut. */
  readonly wholeBytes: number
  /** The payload, or its beginning. */
  readonly bytes: Uint8Array
}
