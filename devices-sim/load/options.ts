/**
 * Options of the load simulator, and scenario files, which are the same options in a file; without one it is the crossing.
 *
 * A scenario is a list of phases, one after the other; each says how long it lasts, how many messages a second are
 * due, how many go into one write, and which share of the devices is cut off at its beginning.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramSchema } from '../../schemas/command-line.ts'
import { CommandLineInvalid } from '../../schemas/errors.ts'

export interface Phase {
  readonly name: string
  /** ramp: devices connect evenly, the rate grows to the given one. steady: the rate holds. */
  readonly kind: 'ramp' | 'steady'
  readonly seconds: number
  readonly messagesPerSecond: number
  /** Messages of one device that are due together and go out in one write. */
  readonly perWrite: number
  /** Share of the devices whose connection is cut when the phase begins; they come back at once. */
  readonly cutShare: number
}

export interface LoadOptions {
  readonly about: string
  readonly url: string
  readonly pkiDir: string
  readonly zone: string
  readonly center: string
  readonly devices: number
  readonly qos: 0 | 1
  readonly phases: readonly Phase[]
  readonly malformedShare: number
  readonly duplicateShare: number
  readonly lateShare: number
  readonly resume: boolean
  readonly seed: number
  readonly report: string
  readonly json: boolean
  readonly expectP99Ms: number
  readonly expectP999Ms: number
  readonly expectLost: number
  readonly expectConnectsPerS: number
}

const share = { type: 'number', minimum: 0, maximum: 1, default: 0 } as const
const limit = (what: string) =>
  ({ type: 'number', minimum: 0, default: 0, description: `${what}; 0: no limit` }) as const

export const loadProgram: ProgramSchema = {
  name: 'npm run load -- [SCENARIO]',
  summary: 'Many devices at once against a gateway: sends on schedule, however late the answers.',
  required: ['phases'],
  properties: {
    about: {
      type: 'string',
      default: '',
      description: 'what the load stands for; goes into the report',
    },
    url: {
      type: 'string',
      pattern: '^mqtts://',
      default: 'mqtts://localhost:8883',
      description: 'the gateway',
    },
    pkiDir: { type: 'string', default: 'data/pki', description: 'directory with the certificates' },
    zone: {
      type: 'string',
      pattern: '^[a-z0-9-]{1,32}$',
      default: 'load',
      description: 'simulator certificate all devices connect with, and first level of their nodes',
    },
    center: {
      type: 'string',
      default: 'center/desk-1',
      description: 'certificate to read the gateway\u2019s accounts with; empty: do not compare',
    },
    devices: {
      type: 'integer',
      minimum: 1,
      maximum: 200_000,
      default: 10,
      description: 'how many',
    },
    qos: { type: 'integer', enum: [0, 1], default: 1, description: 'quality of service' },
    phases: {
      type: 'array',
      minItems: 1,
      description: 'only in a file, see the end of this text',
      items: {
        type: 'object',
        properties: {
          name: { type: 'string' },
          kind: { type: 'string', enum: ['ramp', 'steady'], default: 'steady' },
          seconds: { type: 'number', minimum: 0.1, maximum: 86_400 },
          messagesPerSecond: { type: 'number', minimum: 0, maximum: 1_000_000, default: 0 },
          perWrite: { type: 'integer', minimum: 1, maximum: 1000, default: 1 },
          cutShare: share,
        },
        required: ['name', 'seconds'],
        additionalProperties: false,
      },
    },
    malformedShare: { ...share, description: 'share of messages that are damaged' },
    duplicateShare: { ...share, description: 'share of messages that are sent twice' },
    lateShare: { ...share, description: 'share of messages with a time ten minutes old' },
    resume: { type: 'boolean', default: true, description: 'resume TLS sessions on reconnect' },
    seed: { type: 'integer', minimum: 0, default: 1, description: 'of the messages\u2019 content' },
    report: {
      type: 'string',
      default: '',
      description: 'write the JSON report into this file too',
    },
    json: { type: 'boolean', default: false, description: 'no live line, only the report' },
    expectP99Ms: limit('longest p99 from due to PUBACK, in steady phases'),
    expectP999Ms: limit('longest p99.9'),
    expectLost: {
      type: 'integer',
      minimum: 0,
      default: 0,
      description: 'acknowledgements that may be missing',
    },
    expectConnectsPerS: limit('fewest connects per second in the ramp'),
  },
  positionals: undefined,
  notes: [
    '',
    'SCENARIO is crossing (12 devices, the default), district (1,000), city (19,500), or a file like those in',
    'devices-sim/load/scenarios/: these options in camelCase, and `phases`, one after the other, each with',
    '  name, kind (ramp: devices connect and the rate grows; steady: it holds), seconds, messagesPerSecond,',
    '  perWrite (messages that go out together: a burst), cutShare (devices whose connection is cut at its beginning: a storm).',
    'Flags outrank the file: npm run load -- district --url mqtts://gateway.example:8883 --expect-p99-ms 50 --report out.json',
    '',
    'Certificates: a gateway in development makes them; else npm run pki -- issue simulator load, and issue center center/desk-1,',
    'to compare with the gateway\u2019s accounts.',
    'A line about each second on a terminal; the last line of stdout is the report, as JSON. Latency counts from the moment a',
    'message was due, not from when it was sent. Steady phases without a cut are what --expect-p99-ms is held against.',
    'Exit codes: 0 all expectations met, 1 one was missed or nobody answered, 2 bad option, certificate or limit.',
  ],
}

/** The scenario named first on the command line becomes the file of options. */
export function withScenario(argv: readonly string[]): readonly string[] {
  const [first, ...rest] = argv
  const builtIn = (name: string) => join(import.meta.dirname, 'scenarios', `${name}.json`)
  if (first === undefined || first.startsWith('-')) {
    const hasFile = argv.some((word) => word === '--config' || word.startsWith('--config='))
    return hasFile ? argv : ['--config', builtIn('crossing'), ...argv]
  }
  const built = builtIn(first)
  if (existsSync(built)) return ['--config', built, ...rest]
  if (existsSync(first)) return ['--config', first, ...rest]
  throw CommandLineInvalid(first, 'is neither crossing, district, city nor a file')
}
