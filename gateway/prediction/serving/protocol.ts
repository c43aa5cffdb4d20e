/** What the gateway's thread and the model thread say to each other. Features and forecasts are moved, not copied. */
import type { ModelCard } from './model-card.ts'
import type { SessionReport } from './session.ts'

export type ToWorker =
  | {
      readonly kind: 'load'
      readonly id: number
      readonly card: ModelCard
      readonly bytes: Uint8Array
    }
  | {
      readonly kind: 'run'
      readonly id: number
      readonly model: string
      readonly features: Float32Array
      readonly series: number
    }
  | { readonly kind: 'unload'; readonly id: number; readonly model: string }
  /** Lets go of everything and ends: a thread is never ended from outside while native code runs in it. */
  | { readonly kind: 'end'; readonly id: number }
  /** For drills: fails as a thread fails. */
  | { readonly kind: 'crash'; readonly id: number }

export type FromWorker =
  /** Once, when it can take messages. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'loaded'; readonly id: number; readonly report: SessionReport }
  | { readonly kind: 'answer'; readonly id: number; readonly forecast: Float32Array }
  | { readonly kind: 'unloaded'; readonly id: number }
  | { readonly kind: 'ended'; readonly id: number }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly code: string
      readonly message: string
    }
