import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const kit = (name: string) =>
  JSON.stringify(join(import.meta.dirname, '../../../gateway/kit', name))

/**
 * A process that keeps so many small objects and has V8 adapt to them: the niceness of V8's helpers (Linux), and the heap
 * at which V8 will walk through it again, in parts of what a full collection has left.
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
    globalThis.gc()
    for (const thread of process.platform === 'linux' ? readdirSync('/proc/self/task') : []) {
      const stat = readFileSync('/proc/self/task/' + thread + '/stat', 'utf8')
      const [, name, rest] = /\\((.*)\\) (.*)/.exec(stat)
      if (name === 'V8Worker') console.log('helper ' + rest.split(' ')[16])
    }
    if (kept.length !== ${objects}) throw new Error('gone')`
  const args = ['--expose-gc', '--trace-gc-nvp', '--max-semi-space-size=1', '--input-type=module']
  const told = execFileSync(process.execPath, [...args, '-e', code], { encoding: 'utf8' })
  const collection = told.split('\n').findLast((line) => line.includes('gc=mc')) ?? ''
  const bytes = (name: string) => Number(new RegExp(` ${name}=(\\d+)`).exec(collection)?.[1])
  return {
    niceness: [...told.matchAll(/helper (\d+)/g)].map(([, niceness]) => Number(niceness)),
    growth: bytes('old_gen_allocation_limit') / bytes('end_object_size'),
  }
}

test('a large heap is walked through again when it has grown by half, and helpers give way', () => {
  const { growth, niceness } = processOf(1_000_000)
  // V8 adds some room for the young generation.
  expect(growth).toBeGreaterThanOrEqual(1.5)
  expect(growth).toBeLessThan(1.6)
  if (process.platform !== 'linux') return
  expect(new Set(niceness)).toEqual(new Set([10]))
})

test.skipIf(process.platform !== 'linux')('in a small heap they compile undisturbed', () => {
  expect(new Set(processOf(1_000).niceness)).toEqual(new Set([0]))
})
