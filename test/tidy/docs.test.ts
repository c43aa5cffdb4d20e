/** The pages in docs/ say what the code does: printed pages are compared, written ones must name everything there is. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { schemaPaths } from '../../schemas/validators.ts'
import { pages } from './pages.ts'
import { root, sourceFiles } from './source-files.ts'

describe('printed from the code (npm run docs)', async () => {
  for (const page of await pages()) {
    test(`${page.path} is what the code says`, () => {
      expect(readFileSync(join(root, page.path), 'utf8')).toBe(page.text)
    })
  }
})

test('docs/topics.md names every code there is a schema for', () => {
  const text = readFileSync(join(root, 'docs/topics.md'), 'utf8')
  const codes = schemaPaths()
    .filter((path) => !path.startsWith('site/'))
    .map((path) => path.split('/')[1]!.replace('.schema.json', ''))
  expect(codes.filter((code) => !text.includes(code))).toEqual([])
})

test('every error code is met by a test', () => {
  const files = sourceFiles()
  const tests = files.filter((file) => file.path.startsWith('test/')).map((file) => file.text)
  const codes = files
    .filter((file) => file.path.endsWith('/errors.ts'))
    .flatMap((file) => [...file.text.matchAll(/code: '(IG_ERR_\w+)'/g)].map((match) => match[1]!))
  const unmet = codes.filter((code) => !tests.some((text) => text.includes(code)))
  expect(unmet).toEqual([])
})

test('every file that docs/ARCHITECTURE.md names exists', () => {
  const text = readFileSync(join(root, 'docs/ARCHITECTURE.md'), 'utf8')
  const paths = [
    ...text.matchAll(
      /`((?:schemas|broker|gateway|devices-sim|control-center|test|bench|docs)\/[\w./-]+\.\w+)`/g,
    ),
  ]
  const known = new Set(sourceFiles().map((file) => file.path))
  const lost = paths
    .map((match) => match[1]!)
    .filter((path) => path.endsWith('.ts') && !known.has(path))
  expect(lost).toEqual([])
})
