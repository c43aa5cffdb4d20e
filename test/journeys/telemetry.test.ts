/** The way of one reading, arrow by arrow: device → door → ledger → history, database, forecast. */
import { expect, onTestFinished, test } from 'vitest'
import { openLedgerReader } from '../../gateway/ledger/reader.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { eventually } from '../support/eventually.ts'
import { openHouse } from '../support/house.ts'
import { readMetrics } from '../support/read-metrics.ts'
import { isVictoriaMetricsMissing, startVictoriaMetrics } from '../support/victoria-metrics.ts'

const minuteMs = 60_000
const windowEnd = () => Math.floor(Date.now() / minuteMs) * minuteMs

function count(seq: number, atMs: number, vehicles = 12) {
  const detectors = { 'dl/1': { vehicles, occupancy: 11.5, speed: 46.2 } }
  return {
    entries: [{ ts: formatTimestamp(atMs), seq, values: { windowMs: minuteMs, detectors } }],
  }
}

const topic = 'north/det-001/status/traffic.count/1min'

test('a reading is on disk when its PUBACK comes', async () => {
  const house = await openHouse()
  const device = await house.connect('device', 'north/det-001')
  const message = count(1, windowEnd())
  await device.publish(topic, message)
  const reader = openLedgerReader({ dir: house.dataDir })
  const records = reader.read(0, { recordsMax: 100, bytesMax: 1_000_000 })
  reader.close()
  expect(records.map((record) => record.topic)).toEqual([topic])
  expect(JSON.parse(String(Buffer.from(records[0]!.payload)))).toEqual(message)
})

test('the books balance, and duplicates, quarantined and stored messages are told apart', async () => {
  const house = await openHouse()
  const device = await house.connect('device', 'north/det-001')
  await device.subscribe('north/det-001/reject')
  const atMs = windowEnd() // One moment: the same reading twice must be the same in the next minute too.
  await device.publish(topic, count(1, atMs))
  await device.publish(topic, count(1, atMs))
  await device.publish(topic, count(2, atMs, -3))
  await device.publish(topic, Buffer.from('{"entries":'))
  expect(house.gateway.summary()).toMatchObject({
    received: 4,
    stored: 1,
    duplicate: 1,
    quarantined: 2,
    refused: 0,
    residual: 0,
  })
  await eventually(() => {
    const codes = device.received.map(({ message }) => (message as { code: string }).code)
    expect(codes).toEqual(['IG_ERR_MSG_SCHEMA', 'IG_ERR_MSG_NOT_JSON'])
  })
  expect(device.received[0]?.message).toMatchObject({
    topic,
    errors: [{ path: '/entries/0/values/detectors/dl~11/vehicles' }],
  })
  expect(device.mqtt.connected).toBe(true)
})

test('a message in CBOR is the same message', async () => {
  const house = await openHouse()
  const device = await house.connect('device', 'north/det-001')
  const { encodePayload } = await import('../../schemas/payload.ts')
  await device.publish(topic, encodePayload(count(1, windowEnd()), 'cbor'))
  expect(house.gateway.summary()).toMatchObject({ stored: 1, quarantined: 0 })
})

test('a control center sees telemetry it subscribed to, and only what was accepted', async () => {
  const house = await openHouse()
  const center = await house.connect('center', 'center/desk-1')
  await center.subscribe('north/det-001/status/#')
  const device = await house.connect('device', 'north/det-001')
  await device.publish(topic, count(1, windowEnd(), -1))
  await device.publish(topic, count(1, windowEnd()))
  await eventually(() => expect(center.received.map((seen) => seen.topic)).toEqual([topic]))
})

test('metrics and readiness tell what the door does', async () => {
  const house = await openHouse()
  const device = await house.connect('device', 'north/det-001')
  await device.publish(topic, count(1, windowEnd()))
  const text = await readMetrics(house.gateway.addresses().web)
  expect(text).toContain('intergreen_ingress_accounts{side="stored"} 1')
  expect(text).toContain('intergreen_ingress_residual 0')
  expect(text).toContain('intergreen_broker_connections 1')
  expect((await fetch(`${house.webUrl}/health/ready`)).status).toBe(200)
})

test('what was sent before a restart is known after it, and everything is still there', async () => {
  const house = await openHouse()
  const device = await house.connect('device', 'north/det-001')
  const message = count(1, windowEnd())
  await device.publish(topic, message)
  await house.stop()
  const again = await openHouse({ dataDir: house.dataDir })
  const sameDevice = await again.connect('device', 'north/det-001')
  await sameDevice.publish(topic, message)
  await sameDevice.publish(topic, count(2, windowEnd()))
  expect(again.gateway.summary()).toMatchObject({ stored: 2, duplicate: 1, residual: 0 })
})

test.skipIf(isVictoriaMetricsMissing)(
  'a reading reaches a real database through the InfluxDB 2 API (needs victoria-metrics)',
  async () => {
    const database = await startVictoriaMetrics()
    onTestFinished(() => database.stop())
    const house = await openHouse({ influxUrl: database.url })
    const device = await house.connect('device', 'north/det-001')
    const atMs = windowEnd()
    await device.publish(topic, count(1, atMs, 17))
    await eventually(async () => {
      const points = await database.export('traffic_count_vehicles')
      expect(points).toEqual([expect.objectContaining({ timestamps: [atMs], values: [17] })])
    }, 20_000)
  },
)
