/** The option parser: precedence, types, freezing, and errors that name the source, the key and the problem. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { isCodedError } from '../../schemas/coded-error.ts'
import { type ProgramSchema, readCommandLine } from '../../schemas/command-line.ts'
import { errorLine, exitCodeOf } from '../../schemas/program.ts'

const program: ProgramSchema = {
  name: 'npm run thing --',
  summary: 'Does a thing.',
  properties: {
    url: { type: 'string', description: 'Where to' },
    pkiDir: { type: 'string', default: 'pki', description: 'Where the certificates are' },
    seed: { type: 'integer', minimum: 0, default: 1 },
    json: { type: 'boolean', default: false },
    fault: { type: 'array', items: { type: 'string' }, default: [] },
    certificates: { type: 'string', enum: ['own', 'zone'], default: 'own' },
    mqtt: {
      type: 'object',
      properties: { port: { type: 'integer', default: 8883, minimum: 0, maximum: 65535 } },
    },
  },
  required: ['url'],
}

interface Options {
  url: string
  pkiDir: string
  seed: number
  json: boolean
  fault: string[]
  certificates: 'own' | 'zone'
  mqtt: { port: number }
}

function run(argv: string[], env: Record<string, string> = {}): Options {
  const line = readCommandLine<Options>(program, argv, env)
  if (line.kind !== 'run') throw new Error('help was not asked for')
  return line.options
}

function fileWith(content: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-options-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const path = join(dir, 'options.json')
  writeFileSync(path, content)
  return path
}

function failure(argv: string[], env: Record<string, string> = {}): { code: string; text: string } {
  try {
    run(argv, env)
  } catch (error) {
    if (!isCodedError(error)) throw error
    expect(exitCodeOf(error)).toBe(2)
    expect(JSON.parse(errorLine(error))).toMatchObject({ code: error.code, hint: error.hint })
    return { code: error.code, text: error.message }
  }
  throw new Error('nothing was wrong')
}

describe('options', () => {
  test('what is not given has its default, in groups too', () => {
    expect(run(['--url', 'mqtts://a'])).toEqual({
      url: 'mqtts://a',
      pkiDir: 'pki',
      seed: 1,
      json: false,
      fault: [],
      certificates: 'own',
      mqtt: { port: 8883 },
    })
  })

  test('a flag outranks the environment, the environment the file, the file the default', () => {
    const file = fileWith('{"url":"file","pkiDir":"file","seed":5,"mqtt":{"port":1}}')
    const env = { INTERGREEN_URL: 'env', INTERGREEN_PKI_DIR: 'env', INTERGREEN_CONFIG: file }
    expect(run(['--url', 'flag'], env)).toMatchObject({
      url: 'flag',
      pkiDir: 'env',
      seed: 5,
      mqtt: { port: 1 },
    })
    expect(run(['--url', 'x', '--mqtt-port', '7'], env).mqtt.port).toBe(7)
  })

  test('lists come from repeated flags or commas, switches can be turned off', () => {
    expect(run(['--url', 'x', '--fault', 'a', '--fault', 'b,c']).fault).toEqual(['a', 'b', 'c'])
    expect(run(['--url', 'x', '--no-json'], { INTERGREEN_JSON: 'true' }).json).toBe(false)
  })

  test('the options are frozen to the ground', () => {
    const options = run(['--url', 'x'])
    expect(Object.isFrozen(options)).toBe(true)
    expect(Object.isFrozen(options.mqtt)).toBe(true)
  })

  test('what is wrong is named with its source, its key and the problem', () => {
    expect(failure([])).toMatchObject({
      code: 'IG_ERR_COMMAND_LINE_INVALID',
      text: expect.stringContaining('--url'),
    })
    expect(failure(['--url', 'x', '--sped', '1']).text).toContain('--sped')
    expect(failure(['--url', 'x', '--seed', 'one']).text).toContain('"one" is not a number')
    expect(failure(['--url', 'x', '--seed', '1.5']).text).toContain('--seed')
    expect(failure(['--url', 'x', '--certificates', 'all']).text).toContain('own, zone')
    expect(failure(['--url', 'x', 'word']).text).toContain('word')
    expect(failure(['--url', 'x'], { INTERGREEN_MQTT_PORT: '-1' }).text).toContain(
      'INTERGREEN_MQTT_PORT',
    )
  })

  test('a file that cannot be read, is no JSON or has an unknown or bad key is named', () => {
    expect(failure(['--config', '/does/not/exist'])).toMatchObject({
      code: 'IG_ERR_CONFIG_UNREADABLE',
      text: expect.stringContaining('/does/not/exist'),
    })
    expect(failure(['--config', fileWith('{')]).code).toBe('IG_ERR_CONFIG_UNREADABLE')
    const unknown = fileWith('{"url":"x","mqtt":{"prot":1}}')
    expect(failure(['--config', unknown])).toMatchObject({
      code: 'IG_ERR_CONFIG_INVALID',
      text: expect.stringContaining('mqtt.prot'),
    })
    const bad = fileWith('{"url":"x","mqtt":{"port":"x"}}')
    expect(failure(['--config', bad]).text).toMatch(/options\.json, key mqtt\.port/)
  })

  test('--help is made from the schema and asks for nothing', () => {
    const line = readCommandLine(program, ['--help'], {})
    expect(line.kind).toBe('help')
    if (line.kind !== 'help') return
    for (const flag of ['--url TEXT', '--pki-dir', '--certificates own|zone', '--mqtt-port N']) {
      expect(line.text).toContain(flag)
    }
    expect(line.text).toContain('(default 8883)')
    expect(line.text).toContain('(must be given)')
  })
})
