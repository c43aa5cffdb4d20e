/**
 * A message that could not be understood, as it is kept aside with the reason; and how it comes back to the door
 * once the schema was mended: an operator asks for it (quarantine-main.ts writes the request beside the running
 * gateway), the ledger's thread finds the request, the door judges the message anew at its own time of arrival.
 */

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

export interface KeptItem extends QuarantineItem {
  readonly id: number
}

/** What became of a message that was judged anew. */
export interface Release {
  readonly id: number
  /** The code it was kept aside under. */
  readonly code: string
}
