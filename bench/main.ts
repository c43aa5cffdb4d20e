#!/usr/bin/env node
/**
 * `npm run bench -- NAME [--json] [--keep] [options of the bench]`: one question a file, one JSON line an answer.
 *
 * - Without --json the answer is printed indented; with --keep it also goes to bench/results/NAME.json.
 * - A bench that wants a program that is missing says so in its answer (`skipped`) and ends with 0.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { machine } from './stand/machine.ts'

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
  for (const each of names) process.stdout.write(`  ${each.padEnd(14)}${questionOf(each)}\n`)
  process.exit(name === '' || name === '--help' ? 0 : 2)
}

const child = spawn(process.execPath, [join(here, `${name}.ts`), ...passedOn], {
  stdio: ['ignore', 'pipe', 'inherit'],
})
let out = ''
child.stdout.on('data', (text) => {
  out += text
})
const [code] = await once(child, 'close')
const last = out.trim().split('\n').at(-1) ?? ''
const answer = code === 0 ? { ...JSON.parse(last), machine: machine() } : undefined
if (answer !== undefined) {
  process.stdout.write(`${JSON.stringify(answer, null, words.includes('--json') ? 0 : 2)}\n`)
  if (words.includes('--keep')) {
    mkdirSync(join(here, 'results'), { recursive: true })
    writeFileSync(join(here, 'results', `${name}.json`), `${JSON.stringify(answer, null, 2)}\n`)
  }
}
process.exit(code ?? 1)

/** The first sentence of a bench's head comment. */
function questionOf(bench: string): string {
  const head =
    /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(join(here, `${bench}.ts`), 'utf8'))?.[1] ?? ''
  const text = head
    .replace(/\n\s*\*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return (/(?:Question: )?(.*?[?.])(?:\s|$)/.exec(text)?.[1] ?? text).replace(/^Question: /, '')
}
