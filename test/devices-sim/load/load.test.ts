/** The load simulator: what is due when, what it sends, and a run against the real broker. */
import { dirname } from 'node:path'
import { describe, expect, test } from 'vitest'
import { createMessageSource } from '../../../devices-sim/load/messages.ts'
import { checkOpenFiles, openFilesMax } from '../../../devices-sim/load/open-files.ts'
import {
  type LoadOptions,
  loadProgram,
  type Phase,
  withScenario,
} from '../../../devices-sim/load/options.ts'
import { runLoad } from '../../../devices-sim/load/run.ts'
import { dueAtS, dueBy } from '../../../devices-sim/load/schedule.ts'
import { createRandom } from '../../../devices-sim/random.ts'
import { readCommandLine } from '../../../schemas/command-line.ts'
import { createCommandId, type NodeId } from '../../../schemas/ids.ts'
import { decodePayload, encodePayload } from '../../../schemas/payload.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { isTopic, parseTopic, topics } from '../../../schemas/topics.ts'
import { validateMessage } from '../../../schemas/validators.ts'
import { openHouse } from '../../broker/house.ts'

const phase = (more: Partial<Phase> = {}): Phase => ({
  name: 'p',
  kind: 'steady',
  seconds: 10,
  messagesPerSecond: 100,
  perWrite: 1,
  cutShare: 0,
  ...more,
})

describe('the schedule', () => {
  test.each(['steady', 'ramp'] as const)(
    '%s: moments and counts agree, and nothing else matters',
    (kind) => {
      const p = phase({ kind })
      expect(dueBy(p, 0)).toBe(0)
      expect(dueBy(p, 100)).toBe(dueBy(p, 10))
      expect(dueBy(p, 10)).toBe(kind === 'steady' ? 1000 : 500)
      for (const index of [0, 7, 123, 499]) {
        const atS = dueAtS(p, index)
        expect(dueBy(p, atS + 1e-9)).toBe(index + 1)
        expect(dueBy(p, atS - 1e-6)).toBe(index)
      }
    },
  )
})

describe('messages', () => {
  test('are of the real kinds, valid where they say so and damaged where they say so', () => {
    const shares = { malformedShare: 0.2, duplicateShare: 0.1, lateShare: 0.1 }
    const seen = new Map<string, number>()
    const codes = new Set<string>()
    for (const index of [0, 1, 2]) {
      const source = createMessageSource(
        'load/dev-00001' as NodeId,
        index,
        shares,
        createRandom(index),
      )
      for (let i = 0; i < 500; i++) {
        const message = source.next(1_763_800_000_000 + i * 1000)
        seen.set(message.class, (seen.get(message.class) ?? 0) + 1)
        const topic = parseTopic(message.topic)
        if (!isTopic(topic)) throw new Error(topic.reason)
        codes.add(topic.code)
        const decoded = decodePayload(Buffer.from(message.payload))
        const isValid =
          'value' in decoded && validateMessage('status', topic.code, decoded.value) === undefined
        expect([message.class, isValid]).toEqual([message.class, message.class !== 'malformed'])
      }
    }
    expect(codes).toEqual(
      new Set(['tlc.groups', 'traffic.queue', 'traffic.count', 'system.health']),
    )
    for (const count of ['ok', 'late', 'malformed', 'duplicate'].map(
      (kind) => seen.get(kind) ?? 0,
    )) {
      expect(count).toBeGreaterThan(50)
    }
  })
})

test('a count is told at the end of its window, and no two are the same message', () => {
  const shares = { malformedShare: 0, duplicateShare: 0, lateShare: 0.2 }
  const source = createMessageSource('load/dev-00001' as NodeId, 1, shares, createRandom(1))
  const startMs = 1_763_800_000_000
  const counts: string[] = []
  for (let i = 0; i < 2_000; i++) {
    const nowMs = startMs + i * 1_000
    const message = source.next(nowMs)
    if (!message.topic.includes('traffic.count')) continue
    const { ts, seq, values } = JSON.parse(message.payload).entries[0]
    const ageMs = nowMs - Date.parse(ts)
    expect(Date.parse(ts) % values.windowMs).toBe(0)
    expect(ageMs).toBeGreaterThanOrEqual(message.class === 'late' ? 600_000 : 0)
    expect(ageMs).toBeLessThan(values.windowMs + (message.class === 'late' ? 600_000 : 0))
    counts.push(`${ts} ${seq}`)
  }
  expect(counts.length).toBeGreaterThan(50)
  expect(new Set(counts).size).toBe(counts.length)
})

test('the scenarios that come with it are valid options', () => {
  for (const name of ['crossing', 'district', 'city']) {
    const line = readCommandLine<LoadOptions>(loadProgram, withScenario([name]), {})
    if (line.kind !== 'run') throw new Error('help')
    expect(line.options.phases[0]).toMatchObject({ kind: 'ramp', perWrite: 1, cutShare: 0 })
  }
  expect(() => withScenario(['village'])).toThrow(/village/)
})

test('without a scenario it is the crossing, and a file of one\u2019s own stays what it is', () => {
  const line = readCommandLine<LoadOptions>(loadProgram, withScenario(['--devices', '5']), {})
  if (line.kind !== 'run') throw new Error('help')
  expect(line.options).toMatchObject({ devices: 5, malformedShare: 0.01 })
  expect(withScenario(['--config', 'mine.json'])).toEqual(['--config', 'mine.json'])
  expect(withScenario(['--json', '--config=mine.json'])).toEqual(['--json', '--config=mine.json'])
})

test('more devices than files may be open is said before the first connects, with the number to set', () => {
  expect(openFilesMax()).toBeGreaterThan(100)
  expect(() => checkOpenFiles(1_000, 1_064)).not.toThrow()
  expect(() => checkOpenFiles(1_001, 1_064)).toThrow(
    expect.objectContaining({
      code: 'IG_ERR_SIM_FILES_TOO_FEW',
      blame: 'operator',
      message: expect.stringMatching(/1065 open files.*1064/),
    }),
  )
})

describe('against a broker', () => {
  async function load(
    { stopAfterMs, ...more }: Partial<LoadOptions> & { stopAfterMs?: number } = {},
    prepare?: (house: Awaited<ReturnType<typeof openHouse>>) => void,
  ) {
    const house = await openHouse()
    await house.issue('simulator', 'load')
    prepare?.(house)
    const options: LoadOptions = {
      about: '',
      url: house.url,
      pkiDir: dirname(house.authority.paths.caCert),
      zone: 'load',
      center: '',
      devices: 20,
      qos: 1,
      phases: [
        phase({ name: 'ramp', kind: 'ramp', seconds: 1, messagesPerSecond: 50 }),
        phase({ name: 'steady', seconds: 1, messagesPerSecond: 200 }),
        phase({ name: 'burst', seconds: 0.5, messagesPerSecond: 1000, perWrite: 10 }),
        phase({ name: 'storm', seconds: 1.5, messagesPerSecond: 50, cutShare: 0.5 }),
      ],
      malformedShare: 0.05,
      duplicateShare: 0.05,
      lateShare: 0.05,
      resume: true,
      seed: 1,
      report: '',
      json: true,
      expectP99Ms: 0,
      expectP999Ms: 0,
      expectLost: 0,
      expectConnectsPerS: 0,
      ...more,
    }
    const stop = new AbortController()
    if (stopAfterMs !== undefined) setTimeout(() => stop.abort(), stopAfterMs)
    const report = await runLoad(options, { signal: stop.signal, live: () => {} })
    return { house, report }
  }

  test('every message is acknowledged and every figure is there', async () => {
    const { house, report } = await load()
    expect(report).toMatchObject({ isMet: true, lost: 0, gateway: null, devices: 20 })
    expect(report.phases.map(({ name }) => name)).toEqual(['ramp', 'steady', 'burst', 'storm'])
    const [ramp, steady, burst, storm] = report.phases
    expect(ramp?.connects).toBe(20)
    expect(steady?.due).toBe(200)
    expect(steady?.sent).toBe(200)
    expect(burst?.sent).toBe(500)
    expect(storm?.connects).toBe(10)
    expect(steady?.latencyMs.p50).toBeGreaterThan(0)
    expect(steady?.latencyMs.p99).toBeGreaterThanOrEqual(steady?.latencyMs.p50 ?? 0)
    const sum = (of: Record<string, number>) => Object.values(of).reduce((a, b) => a + b, 0)
    expect(sum(report.acknowledged)).toBe(sum(report.sent))
    expect(house.arrivals.length).toBeGreaterThanOrEqual(sum(report.sent))
    expect(Object.values(report.sent).every((count) => count > 5)).toBe(true)
  })

  test('an answer that comes late does not slow the sender down, and is measured from when it was due', async () => {
    const { report } = await load(
      {
        phases: [
          phase({ kind: 'ramp', seconds: 1, messagesPerSecond: 20 }),
          phase({ seconds: 1, name: 'slow', messagesPerSecond: 100 }),
        ],
        expectP99Ms: 50,
      },
      (house) => {
        house.judge = (_arrival, answer) => {
          setTimeout(() => answer({ kind: 'acknowledge', forward: false }), 200)
        }
      },
    )
    const slow = report.phases[1]
    expect(slow?.sent).toBe(100)
    expect(slow?.latencyMs.p50).toBeGreaterThan(190)
    expect(report.isMet).toBe(false)
    expect(report.expectations.find(({ name }) => name === 'slow.p99Ms')?.isMet).toBe(false)
  })

  test('what is acknowledged after its phase is over counts in the phase it was sent in, the last one too', async () => {
    const { report } = await load(
      {
        phases: [
          phase({ name: 'ramp', kind: 'ramp', seconds: 1, messagesPerSecond: 20 }),
          phase({ name: 'slow', seconds: 1, messagesPerSecond: 100 }),
          phase({ name: 'idle', seconds: 0.2, messagesPerSecond: 0 }),
          phase({ name: 'last', seconds: 1, messagesPerSecond: 100 }),
        ],
      },
      (house) => {
        let judged = 0
        house.judge = (_arrival, answer) => {
          const delayMs = judged++ % 10 === 0 ? 700 : 100
          setTimeout(() => answer({ kind: 'acknowledge', forward: false }), delayMs)
        }
      },
    )
    expect(report.lost).toBe(0)
    for (const { sent, acknowledged, latencyMs, resentMs } of report.phases) {
      expect([acknowledged, latencyMs.count + resentMs.count]).toEqual([sent, sent])
    }
    const [, slow, idle, last] = report.phases
    expect(idle?.latencyMs.count).toBe(0)
    for (const one of [slow, last]) {
      expect(one?.latencyMs.max).toBeGreaterThan(650)
      // A rate is of the time the phase lasted, and so is what it lasted.
      expect(one?.acknowledgedPerS).toBeLessThan(98)
      expect(one?.seconds).toBeLessThan(1.5)
    }
  })

  test('at QoS 0 no answer is waited for or judged', async () => {
    const { house, report } = await load({ qos: 0, expectP99Ms: 0.001 })
    const sum = (of: Record<string, number>) => Object.values(of).reduce((a, b) => a + b, 0)
    expect(report).toMatchObject({ isMet: true, lost: 0, acknowledged: { ok: 0 } })
    expect(report.expectations.map(({ name }) => name)).not.toContain('steady.p99Ms')
    // A cut takes with it what was on its way.
    expect(house.arrivals.length).toBeGreaterThan(0.9 * sum(report.sent))
  })

  test('a ramp too steep for the machine goes on until everybody is connected', async () => {
    const { report } = await load({
      devices: 100,
      phases: [
        phase({ name: 'ramp', kind: 'ramp', seconds: 0.2, messagesPerSecond: 100 }),
        phase({ name: 'steady', seconds: 0.5, messagesPerSecond: 100 }),
      ],
    })
    expect(report.phases[0]).toMatchObject({ connected: 100, connects: 100, due: 10, errors: {} })
    expect(report.phases[0]?.seconds).toBeGreaterThan(0.2)
    expect(report.phases[0]?.ownDelayMs.max).toBeGreaterThan(0)
    expect(report.expectations).toContainEqual({
      name: 'ramp.connected',
      limit: 100,
      value: 100,
      isMet: true,
    })
  })

  test('stopped in its middle it reports what there is, and waits for nothing', async () => {
    const { report } = await load({
      phases: [
        phase({ name: 'ramp', kind: 'ramp', seconds: 1, messagesPerSecond: 20 }),
        phase({ name: 'long', seconds: 600, messagesPerSecond: 20 }),
      ],
      stopAfterMs: 3_000,
    })
    expect(report.phases.map(({ name }) => name)).toEqual(['ramp', 'long'])
    expect(report.phases[1]?.seconds).toBeLessThan(60)
    expect(report.phases[1]?.sent).toBeGreaterThan(0)
  })

  test('where nobody listens it says so at once', async () => {
    const house = await openHouse()
    await house.issue('simulator', 'load')
    const line = readCommandLine<LoadOptions>(loadProgram, withScenario([]), {})
    if (line.kind !== 'run') throw new Error('help')
    const pkiDir = dirname(house.authority.paths.caCert)
    const options = { ...line.options, url: 'mqtts://localhost:1', pkiDir }
    await expect(
      runLoad(options, { signal: new AbortController().signal, live: () => {} }),
    ).rejects.toMatchObject({ code: 'IG_ERR_SIM_BROKER_UNREACHABLE' })
  })

  test('a connection the broker closes is counted, opened again, and its messages are sent again', async () => {
    let refused = 0
    const { report } = await load(
      {
        malformedShare: 0,
        duplicateShare: 0,
        phases: [
          phase({ kind: 'ramp', seconds: 1, messagesPerSecond: 20 }),
          phase({ seconds: 3, messagesPerSecond: 50 }),
        ],
      },
      (house) => {
        house.judge = (arrival, answer) => {
          if (arrival.topic.includes('dev-00003') && refused++ < 3)
            house.broker.disconnect(arrival.clientId)
          else answer({ kind: 'acknowledge', forward: false })
        }
      },
    )
    expect(refused).toBeGreaterThanOrEqual(3)
    expect(report.lost).toBe(0)
    expect(report.totals.resent).toBeGreaterThan(0)
    const errors = report.phases.flatMap(({ errors }) => Object.values(errors))
    expect(errors.reduce((a, b) => a + b, 0)).toBeGreaterThanOrEqual(1)
  })

  test('commands are answered', async () => {
    const id = createCommandId(Date.now(), createRandom('load test'))
    const payload = encodePayload({
      id,
      ts: formatTimestamp(Date.now()),
      expiresAt: formatTimestamp(Date.now() + 60_000),
      holdForMs: 15_000,
      epoch: 1,
      values: { stage: 1 },
      issuer: 'operator:test',
    })
    const results: string[] = []
    const { report } = await load({ malformedShare: 0 }, (house) => {
      let isSent = false
      house.judge = (arrival, answer) => {
        answer({ kind: 'acknowledge', forward: false })
        if (arrival.topic.includes('/result/')) results.push(String(arrival.payload))
        if (isSent) return
        isSent = true
        const node = arrival.clientId
        void house.broker.deliver(
          node,
          topics.command(node as NodeId, 'tlc.stage.set'),
          payload,
          2_000,
        )
      }
    })
    expect(results.map((text) => JSON.parse(text).state)).toEqual(['accepted', 'applied'])
    expect(report.totals.commandsAnswered).toBe(1)
    expect(report.lost).toBe(0)
  })
})
