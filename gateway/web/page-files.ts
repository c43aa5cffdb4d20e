/** The files of the page, from the folders it may ask for and from nowhere else. */
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
}

export interface PageFile {
  readonly type: string
  readonly body: Buffer
}

/** `folders` by URL prefix, the longest first; undefined for what is not there or not to be shown. */
export async function readPageFile(
  folders: Readonly<Record<string, string>>,
  path: string,
): Promise<PageFile | undefined> {
  const prefix = Object.keys(folders)
    .sort((a, b) => b.length - a.length)
    .find((candidate) => path.startsWith(candidate))
  const type = contentTypes[extname(path)]
  if (prefix === undefined || type === undefined || normalize(path) !== path) return undefined
  const folder = normalize(`${folders[prefix]}/`)
  const file = join(folder, path.slice(prefix.length))
  if (!file.startsWith(folder)) return undefined
  const body = await readFile(file).catch(() => undefined)
  return body && { type, body }
}
