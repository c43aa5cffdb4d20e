/**
 * The door's counters on their way to the metrics: counted as plain numbers, handed over a few times a second,
 * because a labelled counter costs more than judging the message.
 */
import type { MessageType } from '../../schemas/topics.ts'
import type { IngressMetrics, VerdictKind } from './metrics.ts'

const flushEveryMs = 250

type Kind = MessageType | 'unknown'

export class Tally {
  readonly #metrics: IngressMetrics
  readonly #verdicts: Record<VerdictKind, Partial<Record<Kind, number>>> = {
    accept: {},
    duplicate: {},
    quarantine: {},
    refuse: {},
  }
  #acceptedStatuses = 0
  #timer: NodeJS.Timeout | undefined

  constructor(metrics: IngressMetrics) {
    this.#metrics = metrics
  }

  verdict(kind: Kind, verdict: VerdictKind): void {
    const kinds = this.#verdicts[verdict]
    kinds[kind] = (kinds[kind] ?? 0) + 1
  }

  /** What the express lane counts: no look into a table. */
  statusAccepted(): void {
    this.#acceptedStatuses += 1
  }

  quarantined(code: string): void {
    this.#metrics.quarantined.add(1, { code })
  }

  refused(code: string): void {
    this.#metrics.refused.add(1, { code })
  }

  /** Soon: also what was counted last before a pause is handed over. */
  readonly flushSoon = (): void => {
    this.#timer ??= setTimeout(() => this.flush(), flushEveryMs).unref()
  }

  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { accept } = this.#verdicts
    accept.status = (accept.status ?? 0) + this.#acceptedStatuses
    this.#acceptedStatuses = 0
    for (const verdict of Object.keys(this.#verdicts) as VerdictKind[]) {
      const kinds = this.#verdicts[verdict]
      for (const kind of Object.keys(kinds) as Kind[]) {
        const amount = kinds[kind] ?? 0
        if (amount === 0) continue
        kinds[kind] = 0
        this.#metrics.messages.add(amount, { kind, verdict })
      }
    }
  }
}
