import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const kit = (name: string) =>
  JSON.stringify(join(import.meta.dirname, '../../../gateway/kit', name))

/**
 * A process that keeps so many small objects, has V8 adapt to them, and goes on to keep more: the niceness of V8's helpers
 * (Linux), and by how much the heap had grown at each full collection since the one before.
 */
function processOf(objects: number) {
  const code = `
    import { readdirSync, readFileSync } from 'node:fs'
    import { setTimeout } from 'node:timers/promises'
    import { createSystemClock } from ${kit('clock.ts')}
    import { adaptToLargeHeap } from ${kit('large-heap.ts')}
    const kept = Array.from({ length: ${objects} }, (_, at) => ({ at, a: {}, b: {} }))
    adaptToLargeHeap(createSystemClock())
    await setTimeout(1_500)
    globalThis.gc()
    console.log('adapted')
    for (let turn = 0; turn < 600; turn++) {
      for (let at = 0; at < ${objects / 200}; at++) kept.push({ at, a: {}, b: {} })
      await setTimeout(2)
    }
    for (const thread of process.platform === 'linux' ? readdirSync('/proc/self/task') : []) {
      const stat = readFileSync('/proc/self/task/' + thread + '/stat', 'utf8')
      const [, name, rest] = /\\((.*)\\) (.*)/.exec(stat)
      if (name === 'V8Worker') console.log('helper ' + rest.split(' ')[16])
    }
    if (kept.length < ${objects}) throw new Error('gone')`
  const args = ['--expose-gc', '--trace-gc', '--input-type=module', '-e', code]
  const [, told = ''] = execFileSync(process.execPath, args, { encoding: 'utf8' }).split('adapted')
  const collections = [...told.matchAll(/Mark-Compact.*? ([\d.]+) \([\d.]+\) -> ([\d.]+) /g)]
  return {
    niceness: [...told.matchAll(/helper (\d+)/g)].map(([, niceness]) => Number(niceness)),
    growth: collections
      .slice(1)
      .map(([, heapMb], at) => Number(heapMb) / Number(collections[at]![2])),
  }
}

test('a large heap is walked through again when it has grown by half, and helpers give way', () => {
  const { growth, niceness } = processOf(1_000_000)
  expect(growth.length).toBeGreaterThan(0)
  for (const factor of growth) {
    // Some is kept while it is walked through. V8 by itself lets a heap that grows as fast have four times the room.
    expect(factor).toBeGreaterThan(1.35)
    expect(factor).toBeLessThan(1.9)
  }
  if (process.platform !== 'linux') return
  expect(new Set(niceness)).toEqual(new Set([10]))
})

test.skipIf(process.platform !== 'linux')('in a small heap they compile undisturbed', () => {
  expect(new Set(processOf(1_000).niceness)).toEqual(new Set([0]))
})
