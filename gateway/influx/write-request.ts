/**
 * One write request after the other through the client library, each answered in full by what it means.
 *
 * The library sends; what it lacks for a gateway is supplied through its own hooks (docs/decisions/0021-influx-client.md):
 * - its retry buffer is memory that drops, so maxRetries is 0 and `writeFailed` hands every failure back;
 * - it takes Retry-After for milliseconds and 201 for success, so its transport is wrapped and the answer is read here;
 * - its timeout is one of silence and leaves the request open, so a deadline of ours closes the connection;
 * - an agent of ours keeps one connection alive.
 */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { type ClientOptions, HttpError, InfluxDB, type WriteApi } from '@influxdata/influxdb-client'
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
  send(lines: readonly string[]): Promise<Meaning>
  close(): void
}

type Transport = InfluxDB['transport']

const bodyBytesMax = 1_000_000_000 // The library must not cut a batch in two on its own.

/** @throws IG_ERR_SINK_CONFIG_INVALID where a file it needs cannot be read. */
export function createWriteRequests(options: InfluxOptions, clock: Clock): WriteRequests {
  const timeoutMs = options.requestTimeoutMs ?? requestTimeoutMsDefault
  const keepAlive = { keepAlive: true, maxSockets: 1, maxFreeSockets: 1 }
  const isTls = options.url.startsWith('https:')
  const agent = isTls ? new HttpsAgent(keepAlive) : new HttpAgent(keepAlive)
  const linesMax = options.batchPointsMax ?? batchPointsMaxDefault
  let token = readToken(options)
  let answer: Answer | undefined
  let api = connect()

  function connect(): WriteApi {
    const connection: ClientOptions = {
      url: options.url,
      timeout: timeoutMs,
      transportOptions: { agent, ca: readAuthorities(options) },
      ...(token === undefined ? {} : { token }),
    }
    const { transport } = new InfluxDB(connection)
    const observed = observing(transport, (complete) => {
      answer = complete
    })
    return new InfluxDB({ url: options.url, transport: observed }).getWriteApi(
      options.org,
      options.bucket,
      'ms',
      {
        batchSize: linesMax + 1, // Never reached: a batch leaves by flush alone.
        maxBatchBytes: bodyBytesMax,
        flushInterval: 0,
        maxRetries: 0,
        maxBufferLines: 0,
        gzipThreshold: options.gzipThresholdBytes ?? gzipThresholdBytesDefault,
        writeFailed: (error) => Promise.reject(error),
      },
    )
  }

  /** A token is changed by writing its file anew; a file that is gone leaves the old one in use. */
  function renewToken(): void {
    try {
      const current = readToken(options)
      if (current === token) return
      token = current
      api = connect()
    } catch {
      // Checked at start; while an operator replaces it the old one serves.
    }
  }

  return {
    async send(lines) {
      if (lines.length > linesMax) throw new RangeError(`${lines.length} lines in one request`)
      answer = undefined
      let isLate = false
      const cancel = clock.after(timeoutMs, () => {
        isLate = true
        agent.destroy()
      })
      try {
        api.writeRecords(lines as string[])
        await api.flush()
        return meaningOf(answer ?? { status: 204, headers: {}, body: '' }, clock.nowMs())
      } catch (error) {
        if (error instanceof HttpError && !isLate) {
          if (error.statusCode === 401 || error.statusCode === 403) renewToken()
          return meaningOf(answer ?? answerOf(error), clock.nowMs())
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
      api.dispose()
      agent.destroy()
    },
  }
}

/** The library's transport, with the body of each successful answer kept. */
function observing(transport: Transport, onAnswer: (answer: Answer) => void): Transport {
  const chunkCombiner = transport.chunkCombiner
  return {
    chunkCombiner,
    request: transport.request.bind(transport),
    iterate: transport.iterate.bind(transport),
    send(path, body, options, callbacks) {
      const answer = { status: 0, headers: {} as Answer['headers'], body: '' }
      transport.send(path, body, options, {
        ...callbacks,
        responseStarted(headers, status) {
          answer.status = status ?? 0
          answer.headers = headers
          callbacks?.responseStarted?.(headers, status)
        },
        next(data: Uint8Array) {
          answer.body += Buffer.from(data).toString('utf8')
        },
        complete() {
          onAnswer(answer)
          callbacks?.complete?.()
        },
        error: (error) => callbacks?.error?.(error),
      })
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
