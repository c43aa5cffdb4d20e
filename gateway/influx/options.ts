/** How to reach the database: checked once, with errors that name the option. */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { SinkConfigInvalid } from './errors.ts'

export interface InfluxOptions {
  /** Base URL, without /api/v2. */
  readonly url: string
  readonly org: string
  readonly bucket: string
  /** File that holds the API token and nothing else; absent for a database that asks for none. */
  readonly tokenFile?: string
  /** Authorities to trust for https, PEM; absent for the machine's own. */
  readonly caFile?: string
  readonly requestTimeoutMs?: number
  /** Bodies larger than this are compressed; undefined as is usual for the address: not on the same machine. */
  readonly gzipThresholdBytes?: number
  readonly batchPointsMax?: number
  readonly batchDelayMs?: number
}

export const requestTimeoutMsDefault = 30_000 // Longer than a busy database needs for a batch of 5,000 lines.
export const gzipThresholdBytesDefault = 1_024 // Smaller bodies fit one packet as they are.
export const batchPointsMaxDefault = 5_000 // What InfluxDB recommends for a batch.
export const batchDelayMsDefault = 1_000 // Fewer and larger requests cost the database and us less; nobody acts on what is there.

/** @throws IG_ERR_SINK_CONFIG_INVALID */
export function checkInfluxOptions(options: InfluxOptions): void {
  const url = URL.canParse(options.url) ? new URL(options.url) : undefined
  if (!url || !/^https?:$/.test(url.protocol))
    throw SinkConfigInvalid('url', `${JSON.stringify(options.url)} is no http or https address`)
  if (url.username || url.password)
    throw SinkConfigInvalid('url', 'holds a secret; put the token into a file of its own')
  if (url.pathname.replace(/\/$/, '').endsWith('/api/v2'))
    throw SinkConfigInvalid('url', 'ends with /api/v2; leave that away')
  for (const name of ['org', 'bucket'] as const)
    if (!options[name]) throw SinkConfigInvalid(name, 'is empty')
  readToken(options)
  readAuthorities(options)
}

/** @throws IG_ERR_SINK_CONFIG_INVALID */
export function readToken({ tokenFile }: InfluxOptions): string | undefined {
  if (tokenFile === undefined) return undefined
  const token = read('tokenFile', tokenFile).trim()
  if (token === '') throw SinkConfigInvalid('tokenFile', `${tokenFile} is empty`)
  if (/\s/.test(token)) throw SinkConfigInvalid('tokenFile', `${tokenFile} holds more than a token`)
  return token
}

/** @throws IG_ERR_SINK_CONFIG_INVALID */
export function readAuthorities({ caFile }: InfluxOptions): string | undefined {
  if (caFile === undefined) return undefined
  const text = read('caFile', caFile)
  try {
    new X509Certificate(text)
    return text
  } catch (cause) {
    throw SinkConfigInvalid.from(cause, 'caFile', `${caFile} holds no certificate in PEM`)
  }
}

function read(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw SinkConfigInvalid.from(cause, name, `${path} cannot be read`)
  }
}
