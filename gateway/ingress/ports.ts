/**
 * What the door needs of others: a ledger to store in, somebody to judge what a schema cannot, and a way to
 * tell a device what was wrong. The broker calls `admit`; its arrivals and answers have the shapes below.
 */
import type { AskerRole } from '../../schemas/askers.ts'
import type { CodedError } from '../../schemas/coded-error.ts'
import type { NodeId } from '../../schemas/ids.ts'
import type { Topic } from '../../schemas/topics.ts'

/** Findings of the door that are stored with a message. */
export interface Notes {
  late?: true
  future?: true
  misaligned?: true
  gap?: number
  restarted?: true
  replay?: true
  askerRole?: AskerRole
  qualities?: Readonly<Record<string, 'recent' | 'old' | 'undefined' | 'unknown'>>
}

export interface StoredMessage {
  readonly receivedAtMs: number
  readonly topic: string
  readonly payload: Uint8Array
  readonly notes?: Readonly<Notes> | undefined
  /** Live readers do not want it. */
  readonly isQuiet?: boolean | undefined
}

export interface Parsed {
  readonly topic: Topic
  readonly value: unknown
}

export interface SetAside {
  readonly atMs: number
  readonly code: string
  readonly path: string
  readonly reason: string
  readonly node: string
  readonly topic: string
  readonly wholeBytes: number
  readonly bytes: Uint8Array
}

/** A message that was set aside and is to be judged anew. */
export interface Resubmitted extends SetAside {
  readonly id: number
}

type OnDurable = (error?: CodedError) => void

/** The part of the ledger that the door uses. */
export interface IngressLedger {
  append(
    entry: StoredMessage,
    onDurable: OnDurable,
    message?: Parsed,
    release?: { readonly id: number; readonly code: string },
  ): number | CodedError
  appendBytes(
    entry: {
      readonly receivedAtMs: number
      readonly topicBytes: Uint8Array
      readonly bytes: Buffer
      readonly from: number
      readonly to: number
      readonly isQuiet: boolean
    },
    listener: { stored(token: number): void; refused(error: CodedError): void },
    token: number,
  ): number | CodedError
  quarantine(item: SetAside, onDurable: OnDurable): CodedError | undefined
  onResubmitted(listener: (items: readonly Resubmitted[]) => void): () => void
  releaseDuplicate(release: { readonly id: number; readonly code: string }): void
  keepAside(id: number): void
  afterPending(onDurable: OnDurable): void
  refusal(): CodedError | undefined
  readonly durableOffset: number
  readonly books: {
    received: number
    duplicate: number
    isDirty: boolean
    book(side: 'refused', code: string): void
  }
  accounts(): Accounts
  read(
    from: number,
    bounds: { recordsMax: number; bytesMax: number },
  ): Promise<readonly (StoredMessage & { readonly offset: number; readonly message: Parsed })[]>
  onDurable(listener: () => void): () => void
  onTakesAgain(listener: () => void): () => void
  onRefused(listener: (records: readonly { readonly topic: string }[]) => void): () => void
}

export interface Accounts {
  readonly received: number
  readonly stored: number
  readonly duplicate: number
  readonly quarantined: Readonly<Record<string, number>>
  readonly quarantinedTotal: number
  readonly refused: Readonly<Record<string, number>>
  readonly refusedTotal: number
  readonly residual: number
}

/** Judges a valid status beyond its schema. Called once a message, in order of arrival; must be quick. */
export interface PlausibilityJudge {
  /** Quality by component where it changes, or undefined. */
  judge(topic: Topic, value: unknown, receivedAtMs: number): Notes['qualities'] | undefined
  /** False for a code it never has anything to say of. */
  concerns?(code: string): boolean
}

/** Publishes a reject notice under the node; may drop it. */
export type Notify = (node: NodeId, payload: Buffer) => void

export interface Arrival {
  readonly identity: { readonly role: string; readonly name: string }
  readonly clientId: string
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
}

export type GateAnswer =
  | { readonly kind: 'acknowledge'; readonly forward: boolean }
  | { readonly kind: 'close'; readonly error: CodedError }

/** A message's way from the bytes of a chunk to the ledger. True: taken; false: nothing has happened, `admit` judges it. */
export interface ExpressLane {
  admit(bytes: Buffer, from: number, to: number, sender: ExpressSender, packetId: number): boolean
  /** The topic is forgotten: ask anew. */
  readonly isGone: boolean
}

/** Whoever sent it; told once, in the order of all arrivals. */
export interface ExpressSender {
  stored(packetId: number): void
  refused(error: CodedError): void
}
