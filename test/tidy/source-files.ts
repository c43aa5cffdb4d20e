/** The project's own source, as the tidy tests read it: paths from the root, text, and what each file imports. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'

export interface SourceFile {
  /** From the root, with forward slashes. */
  readonly path: string
  readonly text: string
  /** Root-relative paths of our own files it imports, types counted. */
  readonly ours: readonly string[]
  /** Packages and node: modules it imports. */
  readonly packages: readonly string[]
}

export const root = join(import.meta.dirname, '../..')

const folders = ['schemas', 'broker', 'gateway', 'devices-sim', 'control-center', 'bench', 'test']
const importPattern =
  /(?:^|\n)\s*(?:import|export)\s(?:[^'"]*?\sfrom\s*)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g

export function sourceFiles(): readonly SourceFile[] {
  return folders.flatMap((folder) => walk(folder)).map(read)
}

function walk(folder: string): string[] {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  return entries.flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory())
      return ['node_modules', 'generated'].includes(entry.name) ? [] : walk(path)
    return path.endsWith('.ts') ? [path] : []
  })
}

function read(path: string): SourceFile {
  const text = readFileSync(join(root, path), 'utf8')
  const ours: string[] = []
  const packages: string[] = []
  for (const match of text.matchAll(importPattern)) {
    const target = match[1] ?? match[2] ?? ''
    if (target.startsWith('.'))
      ours.push(normalize(join(dirname(path), target)).replaceAll('\\', '/'))
    else packages.push(target)
  }
  return { path, text, ours, packages }
}

export function exists(path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false }) !== undefined
}
