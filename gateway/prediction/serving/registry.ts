/**
 * The models on disk: those that came with the house, and those in the data directory, where a user drops more.
 *
 *   <data>/models/<any name>/model.onnx, card.json     a folder a model; taken in when it appears, let go when it is removed
 *   gateway/prediction/models/<flow|speed>/            shipped
 *
 * - `scan` tells what came and what went since the last scan; it reads and checks, it does not run anything.
 * - A folder that was refused is not tried again until one of its files changes.
 */
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { isCodedError } from '../../../schemas/coded-error.ts'
import { ModelRefused } from '../errors.ts'
import { type ModelFiles, readModel } from './model-card.ts'

export interface ScanResult {
  readonly came: readonly ModelFiles[]
  /** Ids of models whose folder is gone. A folder that changed into something bad is refused, and what runs goes on. */
  readonly went: readonly string[]
  readonly refused: readonly { readonly folder: string; readonly reason: string }[]
}

interface Known {
  readonly stamp: string
  /** Undefined where it was refused. */
  readonly id: string | undefined
}

export class Registry {
  readonly #roots: readonly string[]
  readonly #known = new Map<string, Known>()

  constructor(roots: readonly string[]) {
    this.#roots = roots
  }

  async scan(): Promise<ScanResult> {
    const came: ModelFiles[] = []
    const went: string[] = []
    const refused: { folder: string; reason: string }[] = []
    const stamps = await this.#stamps()
    for (const [folder, known] of this.#known) {
      if (stamps.has(folder)) continue
      this.#known.delete(folder)
      if (known.id !== undefined) went.push(known.id)
    }
    for (const [folder, stamp] of stamps) {
      const before = this.#known.get(folder)
      if (before?.stamp === stamp) continue
      try {
        const files = await readModel(folder)
        const { id } = files.card
        const isTaken = [...this.#known].some(
          ([where, known]) => where !== folder && known.id === id,
        )
        if (isTaken) throw ModelRefused(id, 'another folder holds a model of that name')
        if (before?.id !== undefined && before.id !== id) went.push(before.id)
        came.push(files)
        this.#known.set(folder, { stamp, id })
      } catch (error) {
        // Whatever is wrong with one folder, the others are not lost for it.
        const { message: reason } = isCodedError(error)
          ? error
          : ModelRefused.from(error, folder, (error as Error).message)
        refused.push({ folder, reason })
        this.#known.set(folder, { stamp, id: before?.id })
      }
    }
    return { came, went, refused }
  }

  /** Path → what its two files looked like; folders without a card are somebody's copy under way. */
  async #stamps(): Promise<Map<string, string>> {
    const stamps = new Map<string, string>()
    for (const root of this.#roots) {
      const entries = await readdir(root, { withFileTypes: true }).catch(() => [])
      for (const entry of entries.filter((one) => one.isDirectory())) {
        const folder = join(root, entry.name)
        const files = ['card.json', 'model.onnx'].map((name) => stat(join(folder, name)))
        const found = await Promise.all(files).catch(() => undefined)
        if (!found) continue
        // The time of change, because a file may become readable, or be copied together with its time, without a new mtime.
        stamps.set(folder, found.map((file) => `${file.size}@${file.ctimeMs}`).join(' '))
      }
    }
    return stamps
  }
}
