/**
 * A minimal gateway for tests of the simulator: the real broker, a gate that accepts and checks everything against
 * the schemas, and an answer to each step of the simulated clock.
 */
import { dirname } from 'node:path'
import type { SimLog } from '../../devices-sim/log.ts'
import type { CommonOptions } from '../../devices-sim/options.ts'
import { createRandom } from '../../devices-sim/random.ts'
import { type RunSummary, runSimulation } from '../../devices-sim/runner.ts'
import { createStreet } from '../../devices-sim/street/street.ts'
import { createCommandId, type NodeId } from '../../schemas/ids.ts'
import { decodePayload, encodePayload } from '../../schemas/payload.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { isTopic, parseTopic, type Topic, topics } from '../../schemas/topics.ts'
import { validateMessage } from '../../schemas/validators.ts'
import { type House, kept, openHouse } from '../broker/house.ts'

export interface Heard {
  readonly topic: Topic
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape.
  readonly value: any
}

export interface TestGateway {
  readonly house: House
  readonly heard: Heard[]
  readonly invalid: string[]
  readonly outcomes: string[]
  of(node: string, code: string): Heard[]
  /** Called at each step before it is answered. */
  onStep: (atMs: number, step: number) => Promise<void> | void
  /** False: the gateway keeps silent. */
  answers: boolean
  /** False: it takes what comes, and acknowledges nothing until this is true again. */
  acknowledges: boolean
  command(node: string, code: string, values: object, more?: object): Promise<string>
  run(
    options?: Partial<CommonOptions>,
    more?: { junctions?: number; signal?: AbortSignal },
  ): Promise<RunSummary>
  readonly lines: string[]
}

export const startMs = Date.parse('2026-11-23T07:00:00.000Z')

export async function openGateway(): Promise<TestGateway> {
  const house = await openHouse()
  await house.issue('simulator', 'north')
  const random = createRandom('test gateway')
  let step = 0
  let answeredSeq = 0
  let atMs = startMs
  const gateway: TestGateway = {
    house,
    heard: [],
    invalid: [],
    outcomes: [],
    lines: [],
    onStep: () => {},
    answers: true,
    acknowledges: true,
    of: (node, code) =>
      gateway.heard.filter(({ topic }) => topic.node === node && topic.code === code),
    async command(node, code, values, more = {}) {
      const id = createCommandId(atMs, random)
      const ts = formatTimestamp(atMs)
      const expiresAt = formatTimestamp(atMs + 30_000)
      const base = { id, ts, expiresAt, holdForMs: 60_000, epoch: 1, issuer: 'strategy:test' }
      const payload = encodePayload({ ...base, values, ...more })
      const topic = topics.command(node as NodeId, code)
      gateway.outcomes.push(await house.broker.deliver(node, topic, payload, 2_000))
      return id
    },
    run(options = {}, { junctions = 2, signal = new AbortController().signal } = {}) {
      const layout = { zone: 'north', junctions, linkM: [300], entryM: 300 }
      const make = () => createStreet({ layout, seed: 1, startMs, demandFactor: 1 })
      const all: CommonOptions = {
        url: house.url,
        pkiDir: dirname(house.authority.paths.caCert),
        zone: 'north',
        seed: 1,
        speed: 'max',
        clock: 'event',
        start: formatTimestamp(startMs),
        durationS: 60,
        certificates: 'zone',
        gatewayTimeoutS: 20,
        aloneSpeed: 10,
        describe: false,
        junctionsOut: '',
        fault: [],
        twin: true,
        logLevel: 'error',
        ...options,
      }
      return runSimulation({ world: make(), twin: make() }, all, {
        worldName: 'street',
        signal,
        log: silentLog,
        print: (line) => void gateway.lines.push(line),
      })
    },
  }

  function judge(topicText: string, bytes: Buffer): void {
    const topic = parseTopic(topicText)
    const decoded = decodePayload(bytes)
    if (!isTopic(topic) || 'error' in decoded) {
      gateway.invalid.push(`${topicText} ${bytes}`)
      return
    }
    const errors = validateMessage(topic.type, topic.code, decoded.value)
    if (errors) gateway.invalid.push(`${topicText} ${JSON.stringify(errors)} ${bytes}`)
    // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape.
    const value = decoded.value as any
    gateway.heard.push({ topic, text: bytes.toString(), value })
    if (topic.code === 'sim.clock') void answer(Date.parse(value.entries[0].ts))
  }

  async function answer(ts: number): Promise<void> {
    atMs = ts
    house.nowMs = ts // A command's age is told by the clock it was dated by.
    step += 1
    await gateway.onStep(ts, step)
    if (!gateway.answers) return
    const entry = {
      ts: formatTimestamp(ts),
      seq: answeredSeq++,
      values: { upTo: formatTimestamp(ts) },
    }
    const topic = topics.status('gateway/test' as NodeId, 'gateway.clock')
    house.broker.publish(topic, encodePayload({ entries: [entry] }), { qos: 1, retain: false })
  }

  const held: (() => void)[] = []
  house.judge = (arrival, done) => {
    judge(arrival.topic, Buffer.from(arrival.payload))
    if (gateway.acknowledges) for (const late of held.splice(0)) late()
    if (gateway.acknowledges) done(kept)
    else held.push(() => done(kept))
  }
  return gateway
}

const silentLog: SimLog = { debug() {}, info() {}, warn() {}, error() {} }
