import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const module = join(import.meta.dirname, '../../../gateway/kit/niceness.ts')
const clock = join(import.meta.dirname, '../../../gateway/kit/clock.ts')
const isLinux = process.platform === 'linux'

/** Name and niceness of each thread of a process of its own that has run `code`. */
function threadsAfter(code: string): { readonly name: string; readonly niceness: number }[] {
  const told = `
    import { createSystemClock } from ${JSON.stringify(clock)}
    import { readdirSync, readFileSync } from 'node:fs'
    import { archiveNiceness, giveWay, helpersGiveWay } from ${JSON.stringify(module)}
    ${code}
    const threads = readdirSync('/proc/self/task').map((thread) => {
      const [, name, rest] = /\\((.*)\\) (.*)/.exec(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8'))
      return { name, niceness: Number(rest.split(' ')[16]) }
    })
    console.log(JSON.stringify(threads))`
  return JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', told], { encoding: 'utf8' }),
  )
}

/** Each number in an object of its own: 200 MB of small objects, or next to nothing. */
const heapOf = (objects: number) => `
  const kept = Array.from({ length: ${objects} }, (_, at) => ({ at, a: {}, b: {} }))
  helpersGiveWay(createSystemClock())
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  if (kept.length !== ${objects}) throw new Error('gone')`

test.skipIf(!isLinux)(
  'V8’s helpers give way to the thread that answers once its heap is large, and only they',
  () => {
    const threads = threadsAfter(heapOf(2_000_000))
    const helpers = threads.filter(({ name }) => name === 'V8Worker')
    expect(helpers.length).toBeGreaterThan(0)
    expect(new Set(helpers.map(({ niceness }) => niceness))).toEqual(new Set([10]))
    const others = threads.filter(({ name }) => name !== 'V8Worker')
    expect(others.length).toBeGreaterThan(0)
    expect(new Set(others.map(({ niceness }) => niceness))).toEqual(new Set([0]))
  },
)

test.skipIf(!isLinux)('while the heap is small they compile undisturbed', () => {
  const threads = threadsAfter(heapOf(1))
  expect(new Set(threads.map(({ niceness }) => niceness))).toEqual(new Set([0]))
})

test.skipIf(!isLinux)('a thread gives way by itself', () => {
  const threads = threadsAfter('giveWay(archiveNiceness)')
  expect(threads.filter(({ niceness }) => niceness === 5)).toHaveLength(1)
  expect(threads.filter(({ niceness }) => niceness === 0).length).toBe(threads.length - 1)
})
