/** What `npm start` can be told. Everything else has the gateway's and the simulator's defaults. */
import type { ProgramSchema } from '../../schemas/command-line.ts'

export interface StartOptions {
  readonly duration?: string
  readonly speed: string
  readonly seed: number
  readonly strategy: string
  readonly dataDir: string
  readonly mqttPort: number
  readonly webPort: number
  readonly influxUrl?: string
}

export const startProgram: ProgramSchema = {
  name: 'npm start --',
  summary:
    'Everything on one machine: certificates, broker on TLS, a simulated street, forecasts, commands, the page.',
  properties: {
    duration: {
      type: 'string',
      pattern: '^[0-9]+(s|m|h)$',
      description:
        'End by itself after this time, for example 60s; the last line is a JSON summary',
    },
    speed: {
      type: 'string',
      pattern: '^(max|[0-9]+(\\.[0-9]+)?)$',
      default: '10',
      description: 'Simulated seconds per second, or max',
    },
    seed: { type: 'integer', minimum: 0, default: 1, description: 'Seed of the street' },
    strategy: { type: 'string', default: 'predictive', description: 'Strategy that decides' },
    dataDir: {
      type: 'string',
      default: 'data',
      description: 'Folder for certificates and the data of each run',
    },
    mqttPort: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      default: 8883,
      description: 'Port for MQTT over TLS; 0 takes any free one',
    },
    webPort: {
      type: 'integer',
      minimum: 0,
      maximum: 65535,
      default: 8080,
      description: 'Port of the page, metrics and health; 0 takes any free one',
    },
    influxUrl: { type: 'string', description: 'InfluxDB 2 or compatible to write to as well' },
  },
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** `90s`, `5m`, `1h` in ms. */
export function durationMs(text: string): number {
  return Number(text.slice(0, -1)) * (unitMs[text.slice(-1)] ?? 1_000)
}
