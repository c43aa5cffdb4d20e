/**
 * One write request after the other through the client library, each answered in full by what it means.
 *
 * The library's transport sends; what it lacks for a gateway is supplied around it (docs/decisions/0021-influx-client.md):
 * - its write buffer measures every line letter by letter and its retry buffer is memory that drops, so a batch goes to the
 *   transport as one body, past both;
 * - it takes Retry-After for milliseconds and 201 for success, so its transport is wrapped and the answer is read here;
 * - its timeout is one of silence and leaves the request open, so a deadline of ours closes the connection;
 * - an agent of ours keeps one connection alive.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { type ClientOptions, HttpError, InfluxDB } from '@influxdata/influxdb-client'
import type { Clock } from '../kit/clock.ts'
import { type Answer, type Meaning, meaningOf } from './answer.ts'
import {
  batchPointsMaxDefault,
  gzipThresholdBytesDefault,
  type InfluxOptions,
  readAuthorities,
  readToken,
  requestTimeoutMsDefault,
} from './options.ts'

export interface WriteRequests {
  /** Never rejects, never twice at once. */
  send(body: string, lines: number): Promise<Meaning>
  close(): void
}

type Transport = InfluxDB['transport']

/** On the same machine there is no wire to be spared. */
const loopback = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/

/** @throws IG_ERR_SINK_CONFIG_INVALID where a file it needs cannot be read. */
export function createWriteRequests(options: InfluxOptions, clock: Clock): WriteRequests {
  const timeoutMs = options.requestTimeoutMs ?? requestTimeoutMsDefault
  const keepAlive = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 }
  const isTls = options.url.startsWith('https:')
  const agent = isTls ? new HttpsAgent(keepAlive) : new HttpAgent(keepAlive)
  const linesMax = options.batchPointsMax ?? batchPointsMaxDefault
  let token = readToken(options)
  let isTokenDoubted = false
  const gzipThreshold =
    options.gzipThresholdBytes ??
    (loopback.test(new URL(options.url).hostname) ? undefined : gzipThresholdBytesDefault)
  const query = new URLSearchParams({ org: options.org, bucket: options.bucket, precision: 'ms' })
  const path = `/api/v2/write?${query}`
  const sendOptions = {
    method: 'POST',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    ...(gzipThreshold === undefined ? {} : { gzipThreshold }),
  }
  let transport = connect()

  function connect(): Transport {
    const connection: ClientOptions = {
      url: options.url,
      timeout: timeoutMs,
      transportOptions: { agent, ca: readAuthorities(options) },
      ...(token === undefined ? {} : { token }),
    }
    return new InfluxDB(connection).transport
  }

  /** The whole answer; rejects with the library's error. */
  function post(body: string): Promise<Answer> {
    const answer = { status: 204, headers: {} as Answer['headers'], body: '' }
    return new Promise((resolve, reject) => {
      transport.send(path, body, sendOptions, {
        responseStarted(headers, status) {
          answer.status = status ?? 204
          answer.headers = headers
        },
        next(data: Uint8Array) {
          answer.body += Buffer.from(data).toString('utf8')
        },
        complete: () => resolve(answer),
        error: reject,
      })
    })
  }

  /** A token is changed by writing its file anew; a file that is gone leaves the old one in use. */
  function renewToken(): void {
    try {
      const current = readToken(options)
      if (current === token) return
      token = current
      transport = connect()
    } catch {
      // Checked at start; while an operator replaces it the old one serves.
    }
  }

  return {
    async send(body, lines) {
      if (lines > linesMax) throw new RangeError(`${lines} lines in one request`)
      // Read now and not when it was refused: it is mended while the sink is parked.
      if (isTokenDoubted) renewToken()
      let isLate = false
      const cancel = clock.after(timeoutMs, () => {
        isLate = true
        agent.destroy()
      })
      try {
        return meaningOf(await post(body), clock.nowMs())
      } catch (error) {
        if (error instanceof HttpError && !isLate) {
          isTokenDoubted = error.statusCode === 401 || error.statusCode === 403
          return meaningOf(answerOf(error), clock.nowMs())
        }
        agent.destroy() // The connection may hold half an answer, or one that is still to come.
        return {
          kind: 'unreachable',
          message: isLate ? `no answer in ${timeoutMs} ms` : why(error),
        }
      } finally {
        cancel()
      }
    },
    close() {
      agent.destroy()
    },
  }
}

function answerOf(error: HttpError): Answer {
  return { status: error.statusCode, headers: error.headers ?? {}, body: error.body ?? '' }
}

function why(error: unknown): string {
  const { code, message, name } = error as NodeJS.ErrnoException
  return [code, message || name].filter(Boolean).join(' ')
}
