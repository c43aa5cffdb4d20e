#!/usr/bin/env node
/**
 * `npm run bench -- NAME [--json] [--keep] [options of the bench]`: one question a file, one JSON line an answer.
 *
 * - Without --json the answer is printed indented; with --keep it also goes to bench/results/NAME.json.
 * - A bench that wants a program that is missing says so in its answer (`skipped`) and ends with 0.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { machine } from './stand/machine.ts'
import { questionOf } from './stand/options.ts'

const here = import.meta.dirname
const notBenches = new Set(['main.ts'])
const names = readdirSync(here)
  .filter((file) => file.endsWith('.ts') && !notBenches.has(file))
  .map((file) => file.slice(0, -3))
  .sort()

const words = process.argv.slice(2)
const [name = ''] = words
const own = new Set(['--json', '--keep'])
const passedOn = words.slice(1).filter((word) => !own.has(word))

if (!names.includes(name)) {
  process.stdout.write(`npm run bench -- NAME [--json] [--keep] [options of the bench]\n\n`)
  for (const each of names)
    process.stdout.write(`  ${each.padEnd(14)}${questionOf(join(here, `${each}.ts`))}\n`)
  process.stdout.write('\nnpm run bench -- NAME --help says what each takes.\n')
  process.exit(name === '' || name === '--help' ? 0 : 2)
}
// The text of a bench's own help is not an answer to be read as JSON.
const isHelp = passedOn.includes('--help') || passedOn.includes('-h')

const child = spawn(process.execPath, [join(here, `${name}.ts`), ...passedOn], {
  stdio: ['ignore', isHelp ? 'inherit' : 'pipe', 'inherit'],
})
let out = ''
child.stdout?.on('data', (text) => {
  out += text
})
const [code] = await once(child, 'close')
const last = out.trim().split('\n').at(-1) ?? ''
const answer = code === 0 && !isHelp ? { ...JSON.parse(last), machine: machine() } : undefined
if (answer !== undefined) {
  process.stdout.write(`${JSON.stringify(answer, null, words.includes('--json') ? 0 : 2)}\n`)
  if (words.includes('--keep')) {
    mkdirSync(join(here, 'results'), { recursive: true })
    writeFileSync(join(here, 'results', `${name}.json`), `${JSON.stringify(answer, null, 2)}\n`)
  }
}
process.exit(code ?? 1)
