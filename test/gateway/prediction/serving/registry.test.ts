import { cp, mkdir, mkdtemp, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { Registry } from '../../../../gateway/prediction/serving/registry.ts'

const still = join(import.meta.dirname, '../fixtures/still')

async function root(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'registry-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const idsOf = (came: readonly { readonly card: { readonly id: string } }[]) =>
  came.map(({ card }) => card.id)

/** A folder whose model cannot be read, by whomever: what stands there is no file. */
async function unreadable(folder: string): Promise<void> {
  await mkdir(join(folder, 'model.onnx'), { recursive: true })
  await cp(join(still, 'card.json'), join(folder, 'card.json'))
}

test('a model that cannot be read is refused, and shuts out no other', async () => {
  const dir = await root()
  await unreadable(join(dir, 'b'))
  await cp(still, join(dir, 'a'), { recursive: true })
  const registry = new Registry([dir])
  const { came, refused } = await registry.scan()
  expect(idsOf(came)).toEqual(['still'])
  expect(refused).toMatchObject([{ folder: join(dir, 'b') }])
  expect(refused[0]!.reason).toMatch(/model\.onnx cannot be read/)
  // Told once.
  expect(await registry.scan()).toEqual({ came: [], went: [], refused: [] })
})

test('a folder that cannot even be judged is refused', async () => {
  const dir = await root()
  await cp(still, join(dir, 'a'), { recursive: true })
  const card = JSON.parse(await readFile(join(still, 'card.json'), 'utf8'))
  await writeFile(
    join(dir, 'a', 'card.json'),
    JSON.stringify({ ...card, quantities: [{ toString: 1 }] }),
  )
  await cp(still, join(dir, 'c'), { recursive: true })
  const { came, refused } = await new Registry([dir]).scan()
  expect(idsOf(came)).toEqual(['still'])
  expect(refused).toMatchObject([{ folder: join(dir, 'a') }])
})

test('a refused folder is tried again when one of its files changes, whatever time that file shows', async () => {
  const dir = await root()
  const folder = join(dir, 'a')
  const file = join(folder, 'model.onnx')
  await cp(still, folder, { recursive: true })
  const bytes = await readFile(file)
  await writeFile(file, Buffer.alloc(bytes.length))
  await utimes(file, 1_700_000_000, 1_700_000_000)
  const registry = new Registry([dir])
  expect((await registry.scan()).refused).toHaveLength(1)
  await writeFile(file, bytes)
  await utimes(file, 1_700_000_000, 1_700_000_000)
  expect(idsOf((await registry.scan()).came)).toEqual(['still'])
})

test('a folder that is renamed is one that went and one that came', async () => {
  const dir = await root()
  await cp(still, join(dir, 'a'), { recursive: true })
  const registry = new Registry([dir])
  await registry.scan()
  await rename(join(dir, 'a'), join(dir, 'b'))
  const { came, went } = await registry.scan()
  expect([idsOf(came), went]).toEqual([['still'], ['still']])
})
