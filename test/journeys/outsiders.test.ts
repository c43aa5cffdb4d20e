/** Clients that nobody here wrote: mosquitto's, with certificates of ours, of others, and none. */
import { expect, test } from 'vitest'
import { formatTimestamp } from '../../schemas/time.ts'
import { eventually } from '../support/eventually.ts'
import { type Certificates, type House, openHouse } from '../support/house.ts'
import { isMissing, run } from '../support/programs.ts'

const isMosquittoMissing = isMissing('mosquitto_pub')
const minuteMs = 60_000

const reading = () =>
  JSON.stringify({
    entries: [
      {
        ts: formatTimestamp(Math.floor(Date.now() / minuteMs) * minuteMs),
        seq: 1,
        values: { windowMs: minuteMs, detectors: { 'dl/1': { vehicles: 4 } } },
      },
    ],
  })

async function publish(
  house: House,
  certificates: Certificates,
  options: { name?: string; node?: string } = {},
) {
  const { name = 'north/det-001', node = name } = options
  const files = await certificates.of('device', name)
  const { ca } = await house.certificates.of('device', 'north/det-001')
  return run('mosquitto_pub', [
    ...['-h', 'localhost', '-p', String(house.port), '--cafile', ca],
    ...(options.name === '' ? [] : ['--cert', files.cert, '--key', files.key]),
    ...['-i', node, '-q', '1', '-t', `${node}/status/traffic.count/1min`, '-m', reading()],
  ])
}

test.skipIf(isMosquittoMissing)(
  'mosquitto_pub stores a reading with an issued certificate (needs mosquitto-clients)',
  async () => {
    const house = await openHouse()
    const outcome = await publish(house, house.certificates)
    expect(outcome).toMatchObject({ code: 0, err: '' })
    expect(house.gateway.summary()).toMatchObject({ stored: 1, quarantined: 0 })
  },
)

test.skipIf(isMosquittoMissing)(
  'mosquitto_pub stores nothing with a foreign certificate or under another name (needs mosquitto-clients)',
  async () => {
    const house = await openHouse()
    const foreign = await openHouse()
    expect((await publish(house, foreign.certificates)).code).not.toBe(0)
    expect((await publish(house, house.certificates, { node: 'north/det-002' })).code).not.toBe(0)
    const files = await house.certificates.of('device', 'north/det-001')
    const bare = await run('mosquitto_pub', [
      ...['-h', 'localhost', '-p', String(house.port), '--cafile', files.ca, '-i', 'north/det-001'],
      ...['-q', '1', '-t', 'north/det-001/status/traffic.count/1min', '-m', reading()],
    ])
    expect(bare.code).not.toBe(0)
    const stranger = await run(
      'mosquitto_pub',
      [
        ...['-h', 'localhost', '-p', String(house.port), '--cafile', files.ca],
        ...['--cert', files.cert, '--key', files.key, '-i', 'north/det-001', '-q', '1'],
        ...['-t', 'north/det-002/status/traffic.count/1min', '-m', reading()],
      ],
      4_000,
    )
    expect(stranger.code).not.toBe(0)
    expect(house.gateway.summary().stored).toBe(0)
  },
)

test.skipIf(isMosquittoMissing)(
  'mosquitto_sub sees as control center what devices say (needs mosquitto-clients)',
  async () => {
    const house = await openHouse()
    const files = await house.certificates.of('center', 'center/desk-1')
    const seen = run(
      'mosquitto_sub',
      [
        ...['-h', 'localhost', '-p', String(house.port), '--cafile', files.ca],
        ...['--cert', files.cert, '--key', files.key, '-i', 'center/desk-1'],
        ...['-q', '1', '-C', '1', '-W', '20', '-v', '-t', '+/+/status/traffic.count/#'],
      ],
      25_000,
    )
    const device = await house.connect('device', 'north/det-009')
    let seq = 0
    await eventually(async () => {
      seq += 1
      const atMs = Math.floor(Date.now() / minuteMs) * minuteMs
      const values = { windowMs: minuteMs, detectors: { 'dl/1': { vehicles: 1 } } }
      await device.publish('north/det-009/status/traffic.count/1min', {
        entries: [{ ts: formatTimestamp(atMs), seq, values }],
      })
      const ended = await Promise.race([
        seen.then(() => true),
        new Promise((r) => setTimeout(r, 50)),
      ])
      expect(ended).toBe(true)
    }, 20_000)
    expect((await seen).out).toContain('north/det-009/status/traffic.count/1min {"entries"')
  },
)
