/**
 * Who may import whom. The graph is a star: rooms import downward only, say what they need of others in their
 * own ports.ts, and only a composition looks sideways. Data may run in a circle; imports may not.
 */
import { expect, test } from 'vitest'
import { exists, type SourceFile, sourceFiles } from './source-files.ts'

interface Rule {
  readonly ours: readonly string[]
  readonly packages: readonly string[]
}

const house = ['schemas', 'gateway/kit']
/** Longest matching prefix decides. `node:` modules are allowed everywhere; a package needs a room that owns it. */
const rooms: Readonly<Record<string, Rule>> = {
  schemas: {
    ours: [],
    packages: ['ajv/dist/2020.js', 'cborg', 'ulid', 'json-schema-to-typescript'],
  },
  broker: {
    ours: ['schemas'],
    packages: ['aedes', 'aedes-persistence', 'mqtt-packet', '@peculiar/x509'],
  },
  'gateway/kit': { ours: ['schemas'], packages: [] },
  'gateway/config': { ours: house, packages: [] },
  'gateway/observe': { ours: house, packages: ['pino', 'prom-client'] },
  'gateway/doors': { ours: house, packages: [] },
  'gateway/ingress': { ours: house, packages: [] },
  'gateway/ledger': { ours: house, packages: ['mqtt'] },
  'gateway/prediction': { ours: house, packages: ['onnxruntime-node'] },
  'gateway/control': { ours: house, packages: [] },
  'gateway/commands': { ours: house, packages: [] },
  'gateway/channels': { ours: house, packages: [] },
  'gateway/history': { ours: house, packages: [] },
  'gateway/influx': { ours: house, packages: ['@influxdata/influxdb-client'] },
  // One thread carries what the ledger holds to history and database.
  'gateway/archive': {
    ours: [...house, 'gateway/ledger', 'gateway/history', 'gateway/influx'],
    packages: [],
  },
  'gateway/web': { ours: house, packages: ['ws'] },
  'devices-sim': {
    ours: ['schemas'],
    packages: ['mqtt', 'mqtt-packet', 'pino', 'hdr-histogram-js'],
  },
  'control-center': { ours: ['schemas'], packages: ['mqtt'] },
}

/** Files whose work is to put rooms together; they alone may import any of them. */
const compositions = [
  'gateway/compose.ts',
  'gateway/compose/',
  'gateway/main.ts',
  'gateway/start.ts',
  'gateway/start/',
  'gateway/doors/door-process.ts',
  'gateway/evaluate/',
  'bench/',
  'test/',
]

const files = sourceFiles()
const isComposition = (path: string) => compositions.some((prefix) => path.startsWith(prefix))

function roomOf(path: string): string | undefined {
  const names = Object.keys(rooms).filter((room) => path.startsWith(`${room}/`))
  return names.sort((a, b) => b.length - a.length)[0]
}

function complaints(file: SourceFile): string[] {
  const room = roomOf(file.path)
  if (room === undefined) return [`${file.path} stands in no room of the table`]
  const rule = rooms[room]!
  const ours = file.ours
    .filter((target) => ![room, ...rule.ours].some((allowed) => target.startsWith(`${allowed}/`)))
    .map((target) => `${file.path} imports ${target}`)
  const packages = file.packages
    .filter((name) => !name.startsWith('node:') && !rule.packages.includes(name))
    .map((name) => `${file.path} imports package ${name}`)
  return [...ours, ...packages]
}

test('no room imports sideways, and each package has rooms that own it', () => {
  expect(files.filter((file) => !isComposition(file.path)).flatMap(complaints)).toEqual([])
})

test('every import of ours leads to a file that exists, by its full name', () => {
  const lost = files.flatMap((file) =>
    file.ours.filter((target) => !exists(target)).map((target) => `${file.path} → ${target}`),
  )
  expect(lost).toEqual([])
})

test('nothing in the product imports a test', () => {
  const product = files.filter((file) => !/^(test|bench)\//.test(file.path))
  expect(product.filter((file) => file.ours.some((target) => target.startsWith('test/')))).toEqual(
    [],
  )
})

test('no import ring, types counted', () => {
  expect(rings(new Map(files.map((file) => [file.path, file.ours])))).toEqual([])
})

test('a ring would be found', () => {
  const graph = new Map([
    ['a', ['b']],
    ['b', ['c']],
    ['c', ['a']],
    ['d', ['a']],
  ])
  expect(rings(graph).map((ring) => [...ring].sort())).toEqual([['a', 'b', 'c']])
})

/** Strongly connected groups of two or more (Tarjan 1972). */
function rings(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const index = new Map<string, number>()
  const low = new Map<string, number>()
  const stack: string[] = []
  const found: string[][] = []
  const visit = (node: string) => {
    index.set(node, index.size)
    low.set(node, index.get(node)!)
    stack.push(node)
    for (const next of graph.get(node) ?? []) {
      if (!index.has(next)) {
        visit(next)
        low.set(node, Math.min(low.get(node)!, low.get(next)!))
      } else if (stack.includes(next)) {
        low.set(node, Math.min(low.get(node)!, index.get(next)!))
      }
    }
    if (low.get(node) !== index.get(node)) return
    const group = stack.splice(stack.indexOf(node))
    if (group.length > 1) found.push(group)
  }
  for (const node of graph.keys()) if (!index.has(node)) visit(node)
  return found
}
