/** What the main thread and the ledger's thread say to each other. Plain data only. */

import type { CommitRequest, StoredRow, StoreState, Usage } from './commit.ts'
import type { LedgerLimits } from './limits.ts'
import type { KeptItem } from './quarantine.ts'
import type { LogOffset } from './record.ts'

export interface WorkerData {
  readonly dir: string
  readonly limits: LedgerLimits
}

/** What retention may take, sent along with whatever is sent. */
export interface Passed {
  /** Every reader has passed what is before. */
  readonly passed: LogOffset
  /** Records received before this need not be kept. */
  readonly keepFromMs: number
}

/** As `keepFromMs` when room is scarce: what every reader has passed goes at once. */
export const keepNothing = Number.MAX_SAFE_INTEGER

export type ToWorker =
  | ({ readonly kind: 'commit'; readonly request: CommitRequest } & Passed)
  | {
      readonly kind: 'read'
      readonly id: number
      readonly from: LogOffset
      readonly bytesMax: number
    }
  | ({ readonly kind: 'tend' } & Passed)
  | { readonly kind: 'close' }

export type FromWorker =
  | { readonly kind: 'opened'; readonly state: StoreState; readonly usage: Usage }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'committed'; readonly usage: Usage; readonly fault?: Fault }
  /** Housekeeping without a commit has made room. */
  | { readonly kind: 'tended'; readonly usage: Usage }
  | { readonly kind: 'read'; readonly id: number; readonly rows: readonly StoredRow[] }
  | { readonly kind: 'read'; readonly id: number; readonly error: string }
  | { readonly kind: 'resubmitted'; readonly items: readonly KeptItem[] }
  | { readonly kind: 'closed' }

/** Why a commit failed; nothing of it was written. */
export interface Fault {
  readonly kind: 'full' | 'disk'
  readonly text: string
}
