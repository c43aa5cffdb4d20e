/** Options that every simulated world has, as data for schemas/command-line.ts; a world adds its own. */
import type { OptionSchema } from '../schemas/command-line.ts'
import { parseTimestamp } from '../schemas/time.ts'
import type { CertificateChoice } from './device/credentials.ts'

export interface CommonOptions {
  readonly url: string
  readonly pkiDir: string
  readonly zone: string
  readonly seed: number
  readonly speed: string
  readonly aloneSpeed: number
  readonly clock: 'event' | 'system'
  readonly start: string
  readonly durationS: number
  readonly certificates: CertificateChoice
  readonly gatewayTimeoutS: number
  readonly junctionsOut: string
  readonly describe: boolean
  readonly fault: readonly string[]
  readonly twin: boolean
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
}

export const commonOptions: Readonly<Record<keyof CommonOptions, OptionSchema>> = {
  url: {
    type: 'string',
    pattern: '^mqtts://',
    default: 'mqtts://localhost:8883',
    description: 'the gateway (mqtts://host:port)',
  },
  pkiDir: {
    type: 'string',
    default: 'data/pki',
    description: 'directory with ca.crt and issued/<name>.crt and .key',
  },
  zone: {
    type: 'string',
    pattern: '^[a-z0-9-]{1,32}$',
    default: 'north',
    description: 'first level of every node',
  },
  seed: {
    type: 'integer',
    minimum: 0,
    default: 1,
    description: 'the same seed, the same vehicles',
  },
  speed: {
    type: 'string',
    pattern: '^(max|[0-9]+(\\.[0-9]+)?)$',
    default: '10',
    description: 'simulated seconds per second, or max',
  },
  aloneSpeed: {
    type: 'number',
    minimum: 0.1,
    maximum: 1000,
    default: 10,
    description: 'the most of it while no gateway is there to be in step with',
  },
  clock: {
    type: 'string',
    enum: ['event', 'system'],
    default: 'event',
    description: 'event: in lock-step with a gateway --clock event; system: real time',
  },
  start: {
    type: 'string',
    default: '2026-11-23T07:00:00.000Z',
    description: 'first simulated moment (not with --clock system)',
  },
  durationS: {
    type: 'number',
    minimum: 0,
    default: 0,
    description: 'end after this many simulated seconds; 0: go on',
  },
  certificates: {
    type: 'string',
    enum: ['own', 'zone', 'mixed'],
    default: 'zone',
    description: 'one per device, one simulator certificate, or own for controllers only',
  },
  gatewayTimeoutS: {
    type: 'number',
    minimum: 0,
    default: 120,
    description: 'give up when the gateway is away for longer; 0: never',
  },
  junctionsOut: {
    type: 'string',
    default: '',
    description: 'write the junction documents into this directory',
  },
  describe: {
    type: 'boolean',
    default: false,
    description: 'only write the junction documents, connect to nobody',
  },
  fault: {
    type: 'array',
    items: { type: 'string' },
    default: [],
    description: 'break something: KIND:TARGET[=VALUE][@FROM-TO], see the notes',
  },
  twin: {
    type: 'boolean',
    default: true,
    description: 'run the same demand under the local plans beside it',
  },
  logLevel: {
    type: 'string',
    enum: ['debug', 'info', 'warn', 'error'],
    default: 'info',
    description: 'what is logged to stderr',
  },
}

/** Simulated seconds per second of the wall; Infinity for `max`. */
export function speedOf(options: CommonOptions): number {
  if (options.clock === 'system') return 1
  return options.speed === 'max' ? Number.POSITIVE_INFINITY : Number(options.speed)
}

/** First simulated moment, at a whole second; undefined when `--start` is no timestamp. */
export function startMsOf(options: CommonOptions, wallNowMs: number): number | undefined {
  if (options.clock === 'system') return Math.ceil(wallNowMs / 1000) * 1000
  const atMs = parseTimestamp(options.start)
  return atMs === undefined ? undefined : Math.floor(atMs / 1000) * 1000
}
