/**
 * What a gateway can be told: one schema, read by schemas/command-line.ts with its precedence (flags, environment,
 * file, default), frozen. docs/config.md is printed from it and compared by a test.
 *
 * - Secrets are paths of files, never values.
 * - Every limit has its unit in its name; the reason for each default stands beside it.
 */
import { type ProgramSchema, readCommandLine } from '../../schemas/command-line.ts'

export interface GatewayConfig {
  /** Name of this gateway: its node is `gateway/<name>`. */
  readonly name: string
  readonly dataDir: string
  readonly junctions?: string
  readonly production: boolean
  readonly clock: 'system' | 'event'
  readonly log: { readonly level: 'debug' | 'info' | 'warn' | 'error' }
  readonly mqtt: {
    readonly host: string
    readonly port: number
    readonly tlsMin: '1.2' | '1.3'
    readonly connectionsMax: number
    readonly processes: number
  }
  /** Which statuses devices are to send, and how often (docs/topics.md). */
  readonly channels: readonly string[]
  readonly pki: {
    /** Folder with `ca.crt`, `server.crt`, `server.key` and, where certificates were revoked, `crl.pem`. */
    readonly dir?: string
    /** Names and addresses beside localhost by which devices reach a gateway that made its own certificate. */
    readonly hostNames: readonly string[]
  }
  readonly web: {
    readonly host: string
    readonly port: number
    readonly tls: boolean
    readonly isOperator: boolean
  }
  readonly ledger: {
    readonly bytesMax: number
    readonly reserveBytes: number
    readonly retainHours: number
  }
  readonly history: { readonly retainDays: number }
  readonly influx: {
    readonly url?: string
    readonly org: string
    readonly bucket: string
    readonly tokenFile?: string
    /** Authorities to trust for https, PEM; without it the machine's own. */
    readonly caFile?: string
    readonly requestTimeoutMs?: number
    readonly gzipThresholdBytes?: number
    readonly batchPointsMax?: number
    readonly batchDelayMs?: number
  }
  /** Where the street is: its local time is the detectors' time of day. */
  readonly forecast: { readonly timeZone: string }
  readonly control: {
    readonly strategy: string
    readonly shadow: readonly string[]
    readonly isEnabled: boolean
    readonly seed: number
  }
}

const GiB = 1024 ** 3
const MiB = 1024 ** 2

export const gatewayProgram: ProgramSchema = {
  name: 'npm run gateway --',
  summary: 'The gateway: broker, ledger, forecasts, guarded commands, history and InfluxDB.',
  properties: {
    name: {
      type: 'string',
      pattern: '^[a-z0-9-]{1,32}$',
      default: 'main',
      description: 'Name of this gateway; its node is gateway/<name>',
    },
    dataDir: {
      type: 'string',
      default: 'data',
      description: 'Folder of the ledger, the outbox, the history and the development certificates',
    },
    junctions: {
      type: 'string',
      description: 'Junction document (JSON) or a folder of them; without it nothing is controlled',
    },
    production: {
      type: 'boolean',
      default: false,
      description: 'Refuse certificates made for development',
    },
    clock: {
      enum: ['system', 'event'],
      type: 'string',
      default: 'system',
      description: "The machine's time, or simulated time led by a simulator",
    },
    log: {
      type: 'object',
      properties: {
        level: {
          enum: ['debug', 'info', 'warn', 'error'],
          type: 'string',
          default: 'info',
          description: 'Least important log line that is written',
        },
      },
    },
    mqtt: {
      type: 'object',
      properties: {
        host: {
          type: 'string',
          default: '127.0.0.1',
          description: 'Address the broker listens on',
        },
        port: {
          type: 'integer',
          minimum: 0,
          maximum: 65535,
          default: 8883,
          description: 'Port for MQTT over TLS; 0 takes any free one',
        },
        tlsMin: {
          enum: ['1.2', '1.3'],
          type: 'string',
          default: '1.3',
          description: 'Oldest TLS version that is spoken',
        },
        connectionsMax: {
          type: 'integer',
          minimum: 1,
          maximum: 1_000_000,
          default: 50_000,
          description: 'Connections at once; a further one is closed',
        },
        processes: {
          type: 'integer',
          minimum: 1,
          maximum: 64, // More doors than one gate and one ledger can keep up with.
          default: 1,
          description:
            "Processes for TLS and MQTT that share the port; 1 is the gateway's own, 2 and more leave it the rest",
        },
      },
    },
    channels: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description:
        'Statuses that devices send, hold back or pace: north/+/channel/traffic.queue/live=5s',
    },
    pki: {
      type: 'object',
      properties: {
        dir: {
          type: 'string',
          description: 'Folder of ca.crt, server.crt, server.key, crl.pem (default <dataDir>/pki)',
        },
        hostNames: {
          type: 'array',
          items: { type: 'string' },
          default: [],
          description: 'Host names and addresses for the development certificate beside localhost',
        },
      },
    },
    web: {
      type: 'object',
      properties: {
        host: { type: 'string', default: '127.0.0.1', description: 'Address of the web port' },
        port: {
          type: 'integer',
          minimum: 0,
          maximum: 65535,
          default: 8080,
          description: 'Port for metrics, health and the page; 0 takes any free one',
        },
        tls: {
          type: 'boolean',
          default: false,
          description: "Speak HTTPS with the broker's server certificate",
        },
        isOperator: {
          type: 'boolean',
          default: false,
          description: 'Whoever opens the page may also give commands',
        },
      },
    },
    ledger: {
      type: 'object',
      properties: {
        bytesMax: {
          type: 'integer',
          minimum: 4 * MiB,
          default: 8 * GiB,
          description: 'Size of the ledger at which the gate refuses',
        },
        reserveBytes: {
          type: 'integer',
          minimum: 0,
          default: 64 * MiB,
          description: 'Free space on the disk that is never used up',
        },
        retainHours: {
          type: 'number',
          minimum: 0,
          default: 24,
          description: 'How long records stay after every reader has passed them',
        },
      },
    },
    history: {
      type: 'object',
      properties: {
        retainDays: {
          type: 'number',
          minimum: 1,
          default: 400,
          description: 'How long minute roll-ups stay',
        },
      },
    },
    influx: {
      type: 'object',
      properties: {
        url: {
          type: 'string',
          description: 'InfluxDB 2 (or compatible); without it none is written',
        },
        org: { type: 'string', default: 'intergreen', description: 'Organisation' },
        bucket: { type: 'string', default: 'traffic', description: 'Bucket' },
        tokenFile: { type: 'string', description: 'File that holds the token' },
        caFile: {
          type: 'string',
          description: "Authorities to trust for https (PEM), instead of the machine's own",
        },
        requestTimeoutMs: {
          type: 'integer',
          minimum: 1_000,
          maximum: 600_000,
          description: 'Longest wait for an answer (default 30000)',
        },
        gzipThresholdBytes: {
          type: 'integer',
          minimum: 0,
          description:
            'Larger requests are compressed (default 1024; to the same machine none unless set)',
        },
        batchPointsMax: {
          type: 'integer',
          minimum: 1,
          maximum: 50_000, // A request of about 7 MB; two of them are in memory.
          description: 'Points of one request (default 5000)',
        },
        batchDelayMs: {
          type: 'integer',
          minimum: 0,
          maximum: 60_000,
          description: 'Longest time a point waits for others (default 1000)',
        },
      },
    },
    forecast: {
      type: 'object',
      properties: {
        timeZone: {
          type: 'string',
          default: 'UTC', // Right for nobody's rush hours, but the same everywhere.
          description:
            'Time zone of the street (IANA name, Europe/Berlin) for time of day and week',
        },
      },
    },
    control: {
      type: 'object',
      properties: {
        isEnabled: {
          type: 'boolean',
          default: true,
          description: 'Send commands; with --no-control-is-enabled the gateway only listens',
        },
        strategy: {
          type: 'string',
          default: 'predictive',
          description: 'Strategy that decides',
        },
        shadow: {
          type: 'array',
          items: { type: 'string' },
          default: [],
          description: 'Strategies that decide beside it without being sent',
        },
        seed: {
          type: 'integer',
          minimum: 0,
          default: 1,
          description: 'Seed of what is chosen by chance in simulated time',
        },
      },
    },
  },
  notes: ['Exit codes: 0 stopped in order, 2 a bad option or file, 70 a bug, 1 anything else.'],
}

/** What a program that starts a gateway itself may choose; everything else has its default. */
export interface GatewayChoices {
  readonly dataDir: string
  readonly pkiDir?: string
  readonly junctions?: string
  readonly clock?: 'system' | 'event'
  readonly mqttPort?: number
  readonly mqttProcesses?: number
  readonly webPort?: number
  readonly isOperator?: boolean
  readonly channels?: readonly string[]
  readonly strategy?: string
  readonly shadow?: readonly string[]
  readonly seed?: number
  readonly influxUrl?: string
  readonly ledgerBytesMax?: number
}

/** A configuration made in code, with the defaults of the schema. */
export function gatewayConfig(choices: GatewayChoices): GatewayConfig {
  const line = readCommandLine<GatewayConfig>(gatewayProgram, flagsOf(choices), {})
  if (line.kind === 'help') throw new Error('help was not asked for')
  return line.options
}

function flagsOf(choices: GatewayChoices): readonly string[] {
  const flags: Readonly<Record<keyof GatewayChoices, string>> = {
    dataDir: 'data-dir',
    pkiDir: 'pki-dir',
    junctions: 'junctions',
    clock: 'clock',
    mqttPort: 'mqtt-port',
    mqttProcesses: 'mqtt-processes',
    webPort: 'web-port',
    isOperator: 'web-is-operator',
    channels: 'channels',
    strategy: 'control-strategy',
    shadow: 'control-shadow',
    seed: 'control-seed',
    influxUrl: 'influx-url',
    ledgerBytesMax: 'ledger-bytes-max',
  }
  return Object.entries(choices).flatMap(([key, value]) => {
    const flag = flags[key as keyof GatewayChoices]
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return []
    return typeof value === 'boolean' ? [`--${value ? '' : 'no-'}${flag}`] : [`--${flag}=${value}`]
  })
}
