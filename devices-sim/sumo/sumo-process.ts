/**
 * One SUMO program, started as a TraCI server on a free loopback-reachable port and connected to.
 *
 * - SUMO listens on every interface and, while it waits for its client, stops only on SIGKILL: `stop` sends exactly that.
 * - SUMO_HOME is set for the child (else SUMO looks for its XML schemas online and gives up).
 * - What SUMO writes on stderr is kept (its last lines) and put into the error when the start fails.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { connectTraci, type TraciClient } from './traci-client.ts'

const connectAttemptsMax = 200
const connectPauseMs = 50
const stderrCharsMax = 2000
/** The connection is gone a moment before the program is. */
const lastWordsMs = 1_000

export interface SumoProcess {
  readonly client: TraciClient
  readonly child: ChildProcess
  /** Ends the simulation as SUMO wants it (its outputs are written), then makes sure the program is gone. */
  close(): Promise<void>
  /** What it said when it ended by itself; undefined while it runs. */
  lastWords(): Promise<string | undefined>
  /** At once, without outputs. */
  kill(): void
}

export interface SumoOptions {
  readonly binary: string
  readonly sumoHome: string
  readonly args: readonly string[]
}

/** A free port may be taken by somebody else before SUMO has it; then another is tried. */
const portAttemptsMax = 5
const portTaken = 'Unable to create listening socket'

export async function startSumo(options: SumoOptions): Promise<SumoProcess> {
  for (let attempt = 1; ; attempt++) {
    let sumo: SumoProcess | undefined
    try {
      sumo = await startOnce(options)
      await sumo.client.version()
      return sumo
    } catch (error) {
      sumo?.kill()
      const isPortLost = sumo !== undefined || (error as Error).message.includes(portTaken)
      if (!isPortLost || attempt >= portAttemptsMax) throw error
    }
  }
}

async function startOnce(options: SumoOptions): Promise<SumoProcess> {
  const port = await freePort()
  const args = [...options.args, '--remote-port', String(port), '--num-clients', '1']
  const child = spawn(options.binary, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: '/usr/bin:/bin:/usr/local/bin', SUMO_HOME: options.sumoHome, LC_ALL: 'C' },
  })
  let words = ''
  let ended: Error | undefined
  child.stderr?.on('data', (chunk) => {
    words = (words + String(chunk)).slice(-stderrCharsMax)
  })
  const gone = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      ended = error
      resolve()
    })
    child.once('exit', (code, signal) => {
      ended ??= new Error(`SUMO ended (${signal ?? `exit code ${code}`}): ${words.trim()}`)
      resolve()
    })
  })
  const client = await connectWithPatience(port, () => ended).catch((error: unknown) => {
    child.kill('SIGKILL')
    throw error
  })
  return {
    client,
    child,
    async close() {
      await client.close().catch(() => undefined)
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await gone
      clearTimeout(late)
    },
    async lastWords() {
      await Promise.race([gone, delay(lastWordsMs)])
      return ended?.message
    },
    kill() {
      client.destroy()
      child.kill('SIGKILL')
    },
  }
}

async function connectWithPatience(
  port: number,
  ended: () => Error | undefined,
): Promise<TraciClient> {
  for (let attempt = 1; ; attempt++) {
    const failure = ended()
    if (failure !== undefined) throw failure
    try {
      return await connectTraci(port)
    } catch (error) {
      if (attempt >= connectAttemptsMax) throw error
      await delay(connectPauseMs)
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    // On all interfaces, as SUMO will.
    server.listen(0, '0.0.0.0', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}
