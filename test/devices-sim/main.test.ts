/** The program as it is typed: help, the documents alone, and what is wrong with the command line. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { validateAgainst } from '../../schemas/validators.ts'

const program = join(import.meta.dirname, '../../devices-sim/main.ts')

function sim(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
    timeout: 25_000,
  })
  return { status, stdout, error: stderr.trim() === '' ? undefined : JSON.parse(stderr) }
}

function tempDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-sim-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  return dir
}

test('--help tells the worlds, and each world its options', () => {
  expect(sim('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('street') })
  const help = sim('street', '--help')
  expect(help.status).toBe(0)
  for (const word of ['--url', '--speed', '--fault', '--crossings', 'stuck:']) {
    expect(help.stdout).toContain(word)
  }
})

test('--describe writes the junction documents and connects to nobody', () => {
  const dir = tempDir()
  expect(sim('street', '--describe', '--junctions-out', dir, '--crossings', '2').status).toBe(0)
  const files = readdirSync(dir).sort()
  expect(files).toEqual(['north_tlc-001.json', 'north_tlc-002.json'])
  for (const file of files) {
    const document = JSON.parse(readFileSync(join(dir, file), 'utf8'))
    expect(validateAgainst('site/junction.schema.json', document)).toBeUndefined()
  }
})

test('what is wrong is a coded error with exit code 2', () => {
  const file = join(tempDir(), 'file')
  writeFileSync(file, '')
  const cases: readonly [string, string[]][] = [
    ['IG_ERR_SIM_WORLD_UNKNOWN', ['moon']],
    ['IG_ERR_COMMAND_LINE_INVALID', ['street', '--sped', '1']],
    ['IG_ERR_COMMAND_LINE_INVALID', ['street', '--start', 'yesterday']],
    ['IG_ERR_SIM_CERTIFICATE_MISSING', ['street', '--pki-dir', '/nowhere']],
    ['IG_ERR_SIM_OUTPUT_UNWRITABLE', ['street', '--describe', '--junctions-out', join(file, 'in')]],
  ]
  for (const [code, args] of cases) {
    const { status, error } = sim(...args)
    expect({ code: error?.code, status }).toEqual({ code, status: 2 })
    expect(error?.hint).toMatch(/.{10}/)
  }
})
