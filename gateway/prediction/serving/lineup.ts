/**
 * The models in service: who is loaded, who holds the seat for which quantity, who has been sent off.
 *
 * - New folders are read, checked, loaded and warmed; only then do they take part. What is in service is not touched
 *   by a newcomer that fails.
 * - A network whose answers are refused again and again is suspended until its folder changes; the profile takes its seat.
 * - Every such event is told once, with its facts (`onAudit`).
 */
import { basename } from 'node:path'
import type { Log } from '../../kit/log.ts'
import { Contest, type ContestEntry, type SeatChange } from '../judges/contest.ts'
import { InputCheck } from '../judges/input-check.ts'
import { profileModel, quantities } from '../online/book.ts'
import type { Quantity } from '../ports.ts'
import type { ModelFiles } from './model-card.ts'
import type { ModelHost } from './model-host.ts'
import { Registry } from './registry.ts'
import { tryModel } from './trial.ts'

/** Share of refused answers from which a batch is a strike, and strikes from which a model goes. */
const strikeShare = 0.2
const strikesMax = 3

export type AuditEvent =
  | 'modelCame'
  | 'modelWent'
  | 'modelRefused'
  | 'modelSuspended'
  | 'seatChanged'

export interface AuditEntry {
  readonly atMs: number
  readonly event: AuditEvent
  readonly model: string
  readonly facts: Readonly<Record<string, unknown>>
}

interface Member {
  readonly files: ModelFiles
  readonly inputCheck: InputCheck
  strikes: number
}

export interface LineupOptions {
  readonly host: ModelHost
  readonly log: Log
  /** Folders of models; the first are the house's own, whose first model takes an empty seat. */
  readonly shippedFolder: string | undefined
  readonly modelFolders: readonly string[]
  onAudit(event: AuditEvent, model: string, facts: Readonly<Record<string, unknown>>): void
}

export class Lineup {
  readonly #options: LineupOptions
  readonly #registry: Registry
  readonly #members = new Map<string, Member>()
  readonly #contests = new Map<Quantity, Contest>()
  /** Champions of before a restart, seated again when they come. */
  #remembered: ReadonlyMap<Quantity, string> = new Map()

  constructor(options: LineupOptions) {
    this.#options = options
    const { shippedFolder, modelFolders } = options
    this.#registry = new Registry([...(shippedFolder ? [shippedFolder] : []), ...modelFolders])
    for (const quantity of quantities)
      this.#contests.set(quantity, new Contest(quantity, profileModel))
  }

  contest(quantity: Quantity): Contest {
    return this.#contests.get(quantity)!
  }

  get entries(): readonly ContestEntry[] {
    return [...this.#contests.values()].map((contest) => contest.entry())
  }

  /** Takes part now; the profile always does. */
  has(model: string): boolean {
    return model === profileModel || this.#members.has(model)
  }

  /** All that take part now, the profile first. */
  get models(): readonly string[] {
    return [profileModel, ...this.#members.keys()]
  }

  networksFor(quantity: Quantity): readonly string[] {
    return [...this.#members]
      .filter(([, member]) => member.files.card.quantities.includes(quantity))
      .map(([id]) => id)
  }

  inputCheck(model: string): InputCheck | undefined {
    return this.#members.get(model)?.inputCheck
  }

  checksumOf(model: string): string | undefined {
    return this.#members.get(model)?.files.card.sha256
  }

  remember(champions: Readonly<Record<string, string>>): void {
    this.#remembered = new Map(Object.entries(champions) as [Quantity, string][])
    for (const [quantity, champion] of this.#remembered) {
      const isHere = champion === profileModel || this.#members.has(champion)
      if (isHere) this.#tell(this.contest(quantity).appoint(champion, 'remembered'))
    }
  }

  async scan(): Promise<void> {
    const { came, went, refused } = await this.#registry.scan()
    for (const { folder, reason } of refused)
      this.#options.onAudit('modelRefused', basename(folder), { folder, reason })
    for (const files of came) await this.#admit(files)
    // A folder that was renamed is one that went and one that came: its model stays.
    const isHere = new Set(came.map((files) => files.card.id))
    for (const id of went) if (!isHere.has(id)) await this.#dismiss(id, 'modelWent', {})
  }

  /** After each batch: how many of its answers had to be thrown away. */
  async note(model: string, answers: number, refused: number): Promise<void> {
    const member = this.#members.get(model)
    if (!member) return
    if (refused < strikeShare * answers) {
      member.strikes = 0
      return
    }
    member.strikes += 1
    if (member.strikes >= strikesMax)
      await this.#dismiss(model, 'modelSuspended', { answers, refused, strikes: member.strikes })
  }

  /** The thread hung on it: it is out until its folder changes. */
  hung(model: string): void {
    void this.#dismiss(model, 'modelSuspended', { why: 'the thread hung on it' })
  }

  checkSeats(): void {
    for (const contest of this.#contests.values()) this.#tell(contest.check())
  }

  async #admit(files: ModelFiles): Promise<void> {
    const { card } = files
    // What came with the house is trusted as its code is; it still has to answer its test vector, in the thread.
    const isShipped = files.folder.startsWith(`${this.#options.shippedFolder}/`)
    try {
      const trial = isShipped ? {} : await tryModel(files)
      const report = await this.#options.host.load(files)
      this.#members.set(card.id, { files, inputCheck: new InputCheck(card.inputRange), strikes: 0 })
      this.#options.onAudit('modelCame', card.id, {
        sha256: card.sha256,
        date: card.date,
        quantities: card.quantities,
        ...trial,
        ...report,
      })
    } catch (error) {
      const { message: reason } = error as Error
      this.#options.onAudit('modelRefused', card.id, { folder: files.folder, reason })
      return
    }
    for (const quantity of card.quantities) {
      const contest = this.contest(quantity)
      const remembered = this.#remembered.get(quantity)
      // A champion of before the restart that is not here any more leaves an empty seat; a seat lost to the profile is not.
      const isEmpty = contest.champion === profileModel && remembered !== profileModel
      if (remembered === card.id) this.#tell(contest.appoint(card.id, 'remembered'))
      else if (isShipped && isEmpty) this.#tell(contest.appoint(card.id, 'empty'))
    }
  }

  async #dismiss(
    model: string,
    event: 'modelWent' | 'modelSuspended',
    facts: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    if (!this.#members.delete(model)) return
    this.#options.onAudit(event, model, facts)
    for (const contest of this.#contests.values()) this.#tell(contest.withdraw(model, profileModel))
    if (!this.#options.host.has(model)) return
    await this.#options.host.unload(model).catch((err) => {
      this.#options.log.warn({ err, model }, 'a model could not be unloaded')
    })
  }

  #tell(change: SeatChange | undefined): void {
    if (change) this.#options.onAudit('seatChanged', change.to, { ...change })
  }
}
