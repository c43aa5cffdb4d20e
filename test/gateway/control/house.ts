/**
 * Control and commands put together as compose does it, on an event clock, with a device that is a script or
 * the simulator's own controller. The outbox forgets: durability has its own tests.
 */
import { onTestFinished } from 'vitest'
import { type Commands, createCommands } from '../../../gateway/commands/commands.ts'
import { type Control, createControl } from '../../../gateway/control/loop.ts'
import type {
  ControlRecord,
  Decision,
  FlowForecaster,
  ObservedMessage,
  Strategy,
} from '../../../gateway/control/ports.ts'
import { createEventClock, type EventClock } from '../../../gateway/kit/clock.ts'
import { type Log, silentLog } from '../../../gateway/kit/log.ts'
import type { AskerRole } from '../../../schemas/askers.ts'
import type { Junction, Result } from '../../../schemas/generated/messages.ts'
import { createCommandId, parseNodeId } from '../../../schemas/ids.ts'
import { decodePayload } from '../../../schemas/payload.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { validateMessage } from '../../../schemas/validators.ts'
import { crossing, lamps, mode, queues, startMs } from './junction.ts'

export interface SentCommand {
  readonly id: string
  readonly code: string
  readonly values: Record<string, unknown>
  readonly issuer: string
  readonly holdForMs: number
}

export interface House {
  readonly clock: EventClock
  readonly control: Control
  readonly commands: Commands
  readonly sent: SentCommand[]
  readonly records: ControlRecord[]
  readonly answers: (Result & { operator: string; code: string })[]
  readonly counts: Record<string, number>
  readonly errors: string[]
  readonly device: {
    isReachable: boolean
    /** Called for each command that arrives; its answer is how the delivery ends. */
    receive(command: SentCommand, raw: unknown): 'delivered' | 'offline' | 'timeout'
  }
  /** To both rooms, as the live reader does. */
  observe(...messages: (ObservedMessage | undefined)[]): void
  /** Time goes on by steps of a second, everything settled in between. */
  pass(seconds: number, each?: (nowMs: number) => void): Promise<void>
  request(
    code: string,
    values: object,
    options?: {
      from?: string
      /** Of the certificate; `none`: the gate has not said. An operator's at first. */
      role?: AskerRole | 'none'
      holdForMs?: number
      validMs?: number
      id?: string
      target?: string
    },
  ): Promise<string>
}

const noForecast: FlowForecaster = { forecast: () => undefined }

export interface HouseOptions {
  readonly junction?: Junction
  readonly predictive?: Strategy
  readonly plan?: Strategy
  readonly shadows?: readonly Strategy[]
  readonly forecaster?: FlowForecaster
  readonly ladderLimits?: object
  readonly looksOnNews?: boolean
}

/** A strategy that asks the test. */
export function scripted(
  decide: (nowMs: number) => Decision,
  name = 'scripted',
  periodMs = 1000,
): Strategy {
  return {
    name,
    periodMs,
    remember: () => undefined,
    decide: (view, memory) => ({ decision: decide(view.nowMs), memory }),
  }
}

export const keeping = scripted(() => ({ kind: 'keep', why: 'nothing to do' }), 'keeping')

export const stage = (number: number, holdForMs = 15_000): Decision => ({
  kind: 'stage',
  stage: number,
  holdForMs,
  why: `stage ${number} costs least`,
})

export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const junction = options.junction ?? crossing()
  const clock = createEventClock(startMs)
  const sent: SentCommand[] = []
  const records: ControlRecord[] = []
  const answers: House['answers'] = []
  const counts: Record<string, number> = {}
  const errors: string[] = []
  const device: House['device'] = { isReachable: true, receive: () => 'delivered' }
  const instrument = (name: string) => ({
    add(amount = 1, labels?: Record<string, string>) {
      const key = labels ? `${name} ${Object.values(labels).join(' ')}` : name
      counts[key] = (counts[key] ?? 0) + amount
    },
    set(value: number, labels?: Record<string, string>) {
      counts[labels ? `${name} ${Object.values(labels).join(' ')}` : name] = value
    },
    observe() {},
  })
  const metrics = new Proxy({}, { get: (_target, name) => instrument(String(name)) }) as never
  const log: Log = {
    ...silentLog,
    error: (fields) => errors.push(String(fields.code ?? fields.err)),
  }
  const ids = counting()
  const commands: Commands = createCommands({
    dir: '',
    clock,
    log,
    metrics,
    random: ids,
    lastWord: (command) => control.lastWord(command),
    openOutbox: async () => ({
      contents: { open: [], epochs: {} },
      write: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }),
    outlet: {
      isReachable: () => device.isReachable,
      async deliver(_node, topic, payload) {
        const { value } = decodePayload(payload) as { value: Omit<SentCommand, 'code'> }
        const command = { ...value, code: topic.split('/').at(-1) ?? '' }
        sent.push(command)
        return device.receive(command, value)
      },
    },
  })
  const control: Control = createControl({
    clock,
    looksOnNews: options.looksOnNews ?? false,
    junctions: new Map([[junction.node, junction]]),
    strategyFor: (_junction, rung) => options[rung] ?? keeping,
    shadowsFor: () => options.shadows ?? [],
    forecaster: options.forecaster ?? noForecast,
    commands,
    log,
    metrics,
    output: {
      decided(record) {
        const entries = [{ ts: formatTimestamp(record.atMs), seq: 0, values: record.values }]
        const misfits = validateMessage('status', 'gateway.control', { entries })
        if (misfits) throw new Error(`a record does not fit: ${JSON.stringify([misfits, record])}`)
        records.push(record)
      },
      answer(operator, code, answered) {
        const misfits = validateMessage('result', code, answered)
        if (misfits) throw new Error(`an answer does not fit: ${JSON.stringify(misfits)}`)
        answers.push({ ...answered, operator, code })
      },
    },
    ...(options.ladderLimits && { ladderLimits: options.ladderLimits }),
  })
  const signal = new AbortController().signal
  await commands.start(signal)
  await control.start(signal)
  onTestFinished(async () => {
    await control.stop(1000)
    await commands.stop(1000)
  })

  const house: House = {
    clock,
    control,
    commands,
    sent,
    records,
    answers,
    counts,
    errors,
    device,
    observe(...messages) {
      for (const message of messages) {
        if (!message) continue
        control.observe(message)
        commands.observe(message)
      }
    },
    async pass(seconds, each) {
      for (let second = 0; second < seconds; second++) {
        each?.(clock.nowMs() + 1000)
        clock.advanceTo(clock.nowMs() + 1000)
        await commands.settled()
      }
    },
    async request(code, values, asked = {}) {
      const nowMs = clock.nowMs()
      const id = asked.id ?? createCommandId(nowMs, ids)
      const value = {
        id,
        ts: formatTimestamp(nowMs),
        expiresAt: formatTimestamp(nowMs + (asked.validMs ?? 10_000)),
        target: asked.target ?? junction.node,
        ...(code === 'release' ? {} : { holdForMs: asked.holdForMs ?? 60_000 }),
        values,
      }
      const misfits = validateMessage('request', code, value)
      if (misfits) throw new Error(`a request does not fit: ${JSON.stringify(misfits)}`)
      const from = parseNodeId(asked.from ?? 'desk-2')
      const { role = 'operator' } = asked
      house.observe({
        node: from,
        type: 'request',
        code,
        value,
        receivedAtMs: nowMs,
        ...(role === 'none' ? {} : { notes: { askerRole: role } }),
      })
      await commands.settled()
      return id
    },
  }
  return house
}

/** A controller that obeys at once and shows it, once a second, with all lanes seen. */
export function obedient(house: House): (nowMs: number) => void {
  let shown = { stage: 1, id: undefined as string | undefined }
  let atMs = startMs
  house.device.receive = (command) => {
    if (command.code === 'tlc.stage.set') {
      if (command.values.stage !== shown.stage) atMs = house.clock.nowMs()
      shown = { stage: command.values.stage as number, id: command.id }
    }
    return 'delivered'
  }
  return (nowMs) => {
    const held = shown.id ? { stage: shown.stage, commandId: shown.id } : { stage: null }
    house.observe(lamps(nowMs, shown.stage, nowMs - atMs), mode(nowMs, held), queues(nowMs))
  }
}

function counting(): () => number {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}
