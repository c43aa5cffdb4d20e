/** Detectors and lanes by a small number, so that a row does not repeat their names. Numbers are never reused. */
import type { DatabaseSync } from 'node:sqlite'

export interface Components {
  /** Its number; a new one is written down at once. To be called inside a transaction. */
  idOf(node: string, component: string): number
  /** What a rolled back transaction wrote down is not known any more. */
  forget(): void
}

const knownMax = 200_000 // About 20 MiB.

export function createComponents(db: DatabaseSync): Components {
  const find = db.prepare('SELECT id FROM component WHERE node = ? AND component = ?')
  const add = db.prepare('INSERT INTO component (node, component) VALUES (?, ?)')
  const known = new Map<string, number>()
  return {
    idOf(node, component) {
      const key = `${node} ${component}`
      const remembered = known.get(key)
      if (remembered !== undefined) return remembered
      const found = find.get(node, component) as { id: number } | undefined
      const id = found?.id ?? Number(add.run(node, component).lastInsertRowid)
      if (known.size >= knownMax) known.clear()
      known.set(key, id)
      return id
    },
    forget: () => known.clear(),
  }
}
