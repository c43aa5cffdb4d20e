/**
 * The register of commands that have not ended, by id and by junction, with each junction's epoch and its
 * recent issues. Holds and moves records by the table of states.ts; knows no disk, no network and no clock.
 *
 * - A command that becomes `applied` replaces all older ones of its slot on that junction.
 * - Bounded: `issuesKept` issues per junction, `endedKept` ended commands in all.
 */
import type { CommandId, NodeId } from '../../schemas/ids.ts'
import { type CommandRecord, type Slot, slotOf } from './record.ts'
import { type CommandEvent, type CommandState, hasEnded, nextState } from './states.ts'

export interface Transition {
  readonly record: CommandRecord
  /** Undefined for the first one, to `issued`. */
  readonly from: CommandState | undefined
  readonly event: CommandEvent | 'issued'
}

const issuesKept = 128
const endedKept = 1000

export interface Book {
  open(record: CommandRecord): void
  /** All that follows from the event, or `undefined` when the table ignores it. */
  apply(
    id: string,
    event: CommandEvent,
    atMs: number,
    reason?: string,
  ): readonly Transition[] | undefined
  get(id: string): CommandRecord | undefined
  ended(id: string): CommandRecord | undefined
  live(junction?: string, slot?: Slot): readonly CommandRecord[]
  /** Of those that have not ended, the one with the highest epoch. */
  newest(junction: string, slot: Slot): CommandRecord | undefined
  issues(junction: string): readonly CommandRecord[]
  recent(): readonly CommandRecord[]
  nextEpoch(junction: NodeId, atLeast: number): number
  raiseEpoch(junction: string, epoch: number): void
}

export function createBook(): Book {
  const live = new Map<string, CommandRecord>()
  const ofJunction = new Map<string, Map<CommandId, CommandRecord>>()
  const ended = new Map<string, CommandRecord>()
  const issued = new Map<string, CommandRecord[]>()
  const epochs = new Map<string, number>()

  function put(record: CommandRecord) {
    let records = ofJunction.get(record.junction)
    if (!records) {
      records = new Map()
      ofJunction.set(record.junction, records)
    }
    if (hasEnded(record.state)) {
      live.delete(record.id)
      records.delete(record.id)
      ended.set(record.id, record)
      const [oldest] = ended.keys()
      if (ended.size > endedKept && oldest !== undefined) ended.delete(oldest)
    } else {
      live.set(record.id, record)
      records.set(record.id, record)
    }
  }

  function move(record: CommandRecord, event: CommandEvent, atMs: number, reason?: string) {
    const state = nextState(record.state, event)
    if (state === 'ignored') return undefined
    const { reason: _before, ...rest } = record
    const moved: CommandRecord = {
      ...rest,
      state,
      changedAtMs: atMs,
      ...(reason === undefined ? {} : { reason }),
      ...(state === 'applied' ? { appliedAtMs: atMs } : {}),
    }
    put(moved)
    return { record: moved, from: record.state, event } satisfies Transition
  }

  const book: Book = {
    open(record) {
      put(record)
      const issues = issued.get(record.junction) ?? []
      issues.push(record)
      if (issues.length > issuesKept) issues.shift()
      issued.set(record.junction, issues)
      book.raiseEpoch(record.junction, record.epoch)
    },
    apply(id, event, atMs, reason) {
      const record = live.get(id)
      const first = record && move(record, event, atMs, reason)
      if (!first) return undefined
      if (first.record.state !== 'applied') return [first]
      const older = book
        .live(first.record.junction, slotOf[first.record.code])
        .filter((other) => other.epoch < first.record.epoch)
      const replaced = older.map((other) => move(other, 'replaced', atMs, `by ${id}`))
      return [first, ...replaced.filter((transition) => transition !== undefined)]
    },
    get: (id) => live.get(id),
    ended: (id) => ended.get(id),
    live(junction, slot) {
      const records = junction === undefined ? live : (ofJunction.get(junction) ?? new Map())
      const all = [...(records as Map<string, CommandRecord>).values()]
      return slot === undefined ? all : all.filter((record) => slotOf[record.code] === slot)
    },
    newest: (junction, slot) =>
      book
        .live(junction, slot)
        .reduce<CommandRecord | undefined>(
          (best, record) => (best && best.epoch > record.epoch ? best : record),
          undefined,
        ),
    issues: (junction) => issued.get(junction) ?? [],
    recent: () => [...ended.values()],
    nextEpoch: (junction, atLeast) => Math.max((epochs.get(junction) ?? 0) + 1, atLeast),
    raiseEpoch(junction, epoch) {
      epochs.set(junction, Math.max(epochs.get(junction) ?? 0, epoch))
    },
  }
  return book
}
