import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const module = join(import.meta.dirname, '../../../gateway/kit/niceness.ts')
const isLinux = process.platform === 'linux'

/** Name and niceness of each thread of a process of its own that has run `code`. */
function threadsAfter(code: string): { readonly name: string; readonly niceness: number }[] {
  const told = `
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

test.skipIf(!isLinux)('a thread gives way by itself', () => {
  const threads = threadsAfter('giveWay(archiveNiceness)')
  expect(threads.filter(({ niceness }) => niceness === 5)).toHaveLength(1)
  expect(threads.filter(({ niceness }) => niceness === 0).length).toBe(threads.length - 1)
})

test.skipIf(!isLinux)('V8’s helpers give way to the threads that answer, and only they', () => {
  const threads = threadsAfter('helpersGiveWay()')
  const nicenessOf = (isHelper: boolean) =>
    threads.filter(({ name }) => (name === 'V8Worker') === isHelper).map((one) => one.niceness)
  expect(new Set(nicenessOf(true))).toEqual(new Set([10]))
  expect(new Set(nicenessOf(false))).toEqual(new Set([0]))
})
