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

export type FromWorker =
  | { readonly kind: 'loaded'; readonly id: number; readonly report: SessionReport }
  | { readonly kind: 'answer'; readonly id: number; readonly forecast: Float32Array }
  | { readonly kind: 'unloaded'; readonly id: number }
  | {
      readonly kind: 'failed'
      readonly id: number
      readonly code: string
      readonly message: string
    }
