/** A house with two doors: the same ledger, the same books, whichever door a device comes in by, and whatever dies. */
import { existsSync, readFileSync } from 'node:fs'
import { expect, onTestFinished, test } from 'vitest'
import { openLedgerReader } from '../../gateway/ledger/reader.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { eventually } from '../support/eventually.ts'
import { metersOf, type Reading, startFleet, topicOf } from '../support/fleet.ts'
import {
  type Certificates,
  type Client,
  makeCertificates,
  openHouse,
  runProgramFile,
  spawnGateway,
  temporaryFolder,
} from '../support/house.ts'
import { readMetrics } from '../support/read-metrics.ts'

const canSeeProcesses = existsSync('/proc/self/task')
const MiB = 1024 * 1024
const node = 'north/det-001'

function queue(seq: number, atMs: number, comment = 0) {
  const lane = { queueVehicles: seq % 7, queueMeters: 1.5, approachingVehicles: comment }
  return { entries: [{ ts: formatTimestamp(atMs), seq, values: { lanes: { 'ln/1': lane } } }] }
}

async function startHouse(args: readonly string[] = []) {
  const dataDir = await temporaryFolder()
  const certificates = await makeCertificates(`${dataDir}/pki`)
  const start = () => spawnGateway(dataDir, certificates.dir, ['--mqtt-processes=2', ...args])
  return { dataDir, certificates, start }
}

function doorsOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children.trim().split(' ').filter(Boolean).map(Number)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function startDevices(certificates: Certificates, port: number) {
  const fleet = await startFleet({ certificates, zone: 'north', devices: 8, perSecond: 25 })
  onTestFinished(() => fleet.end())
  fleet.toward(port)
  return fleet
}

/** What was acknowledged and does not stand in the ledger; and what stands there twice. */
function reckon(dataDir: string, acknowledged: Iterable<Reading>) {
  const reader = openLedgerReader({ dir: dataDir })
  const stored = new Map<string, number>()
  const step = 10_000
  for (let from = 0; ; ) {
    const records = reader.read(from, { recordsMax: step, bytesMax: 64 * MiB })
    if (records.length === 0) break
    for (const { topic, payload, offset } of records) {
      from = offset + 1
      if (!topic.includes('/traffic.queue/')) continue
      const { entries } = JSON.parse(String(Buffer.from(payload)))
      const key = `${topic} ${entries[0].seq} ${entries[0].values.lanes['ln/1'].queueMeters}`
      stored.set(key, (stored.get(key) ?? 0) + 1)
    }
  }
  reader.close()
  const lost = [...acknowledged].filter(
    (one) => !stored.has(`${topicOf(one.node)} ${one.seq} ${metersOf(one.seq)}`),
  )
  return { lost, twice: [...stored.values()].filter((count) => count > 1).length }
}

test('a reading sent again after a reconnect to the other door is known', async () => {
  const house = await openHouse({ mqttProcesses: 2 })
  const topic = topicOf(node)
  const atMs = Date.now()
  const keepsPlace = await house.connect('device', 'north/det-002')
  const first = await house.connect('device', node) // At the second door.
  for (let seq = 0; seq < 5; seq++) await first.publish(topic, queue(seq, atMs + seq))
  await first.end()
  const third = await house.connect('device', 'north/det-003') // Takes its place there.
  const second = await house.connect('device', node) // At the first.
  for (let seq = 3; seq < 8; seq++) await second.publish(topic, queue(seq, atMs + seq))
  expect(house.gateway.summary()).toMatchObject({
    received: 10,
    stored: 8,
    duplicate: 2,
    quarantined: 0,
    residual: 0,
  })
  const { web } = house.gateway.addresses()
  expect(await readMetrics(web)).toContain('intergreen_doors_open 2')
  await eventually(async () => {
    expect(await readMetrics(web)).toContain('intergreen_broker_connections 3')
  })
  for (const device of [keepsPlace, third]) expect(device.mqtt.connected).toBe(true)
})

test('a bad message is answered on the reject topic at whichever door, and its connection lives on', async () => {
  const house = await openHouse({ mqttProcesses: 2 })
  for (const name of ['north/det-001', 'north/det-002']) {
    const device = await house.connect('device', name)
    await device.subscribe(`${name}/reject`)
    await device.publish(topicOf(name), queue(0, Date.now()))
    await device.publish(topicOf(name), Buffer.from('{"entries":'))
    await eventually(() =>
      expect(device.received.map(({ message }) => (message as { code: string }).code)).toEqual([
        'IG_ERR_MSG_NOT_JSON',
      ]),
    )
    expect(device.mqtt.connected).toBe(true)
  }
  expect(house.gateway.summary()).toMatchObject({ stored: 2, quarantined: 2, residual: 0 })
})

test('a full ledger holds senders back at every door and then refuses them, without a PUBACK', async () => {
  // A database that is not there holds everything back.
  const house = await openHouse({
    mqttProcesses: 2,
    ledgerBytesMax: 4 * MiB,
    influxUrl: 'http://127.0.0.1:1',
  })
  const names = ['north/det-001', 'north/det-002']
  const devices = await Promise.all(names.map((name) => house.connect('device', name)))
  const atMs = Date.now()
  const blanks = ' '.repeat(30_000)
  let acknowledged = 0
  const fill = async (device: Client, at: number) => {
    const closed = new Promise<'closed'>((resolve) =>
      device.mqtt.once('close', () => resolve('closed')),
    )
    for (let seq = 0; ; seq++) {
      const text = JSON.stringify(queue(seq, atMs + seq)) + blanks
      const told = device.publish(topicOf(names[at]!), Buffer.from(text))
      if ((await Promise.race([told, closed])) === 'closed') return
      acknowledged += 1
    }
  }
  await Promise.all(devices.map(fill))
  const summary = house.gateway.summary()
  expect(summary).toMatchObject({ stored: acknowledged, refused: 2, residual: 0 })
  expect(acknowledged).toBeGreaterThan(30)
}, 60_000)

test.skipIf(!canSeeProcesses)(
  'kill -9 of a door under load, again and again, loses nothing that was acknowledged and stores nothing twice',
  async () => {
    const { dataDir, certificates, start } = await startHouse()
    const gateway = await start()
    const fleet = await startDevices(certificates, gateway.port)
    const killings = 6
    for (let round = 0; round < killings; round++) {
      const wanted = fleet.acknowledged.size + 150
      await eventually(() => expect(fleet.acknowledged.size).toBeGreaterThan(wanted), 30_000)
      const doors = doorsOf(gateway.child.pid!)
      process.kill(doors[round % doors.length]!, 'SIGKILL')
    }
    await eventually(() => expect(doorsOf(gateway.child.pid!)).toHaveLength(2), 15_000)
    await fleet.settle()
    expect(fleet.resent()).toBeGreaterThan(0)
    gateway.child.kill('SIGTERM')
    expect(await gateway.ended, gateway.errors()).toBe(0)
    expect(reckon(dataDir, fleet.acknowledged)).toEqual({ lost: [], twice: 0 })
    const last = JSON.parse(gateway.lines.at(-1)!)
    expect(last).toMatchObject({ stored: fleet.readings.length, quarantined: 0, residual: 0 })
  },
  90_000,
)

test.skipIf(!canSeeProcesses)(
  'when the gateway is killed its doors end at once, and nothing acknowledged is lost',
  async () => {
    const { dataDir, certificates, start } = await startHouse()
    const gateway = await start()
    const fleet = await startDevices(certificates, gateway.port)
    await eventually(() => expect(fleet.acknowledged.size).toBeGreaterThan(200), 20_000)
    const doors = doorsOf(gateway.child.pid!)
    expect(doors).toHaveLength(2)
    gateway.child.kill('SIGKILL')
    await gateway.ended
    await eventually(() => expect(doors.filter(isAlive)).toEqual([]))
    const again = await start()
    fleet.toward(again.port)
    await fleet.settle()
    again.child.kill('SIGTERM')
    expect(await again.ended, again.errors()).toBe(0)
    expect(reckon(dataDir, fleet.acknowledged)).toEqual({ lost: [], twice: 0 })
  },
  60_000,
)

test.skipIf(!canSeeProcesses)(
  'SIGTERM to all its processes under load ends in order within 10 s',
  async () => {
    const { dataDir, certificates, start } = await startHouse()
    const gateway = await start()
    const fleet = await startDevices(certificates, gateway.port)
    await eventually(() => expect(fleet.acknowledged.size).toBeGreaterThan(200), 20_000)
    const fromMs = performance.now()
    // As a service manager does it.
    for (const pid of [...doorsOf(gateway.child.pid!), gateway.child.pid!])
      process.kill(pid, 'SIGTERM')
    expect(await gateway.ended, gateway.errors()).toBe(0)
    expect(performance.now() - fromMs).toBeLessThan(10_000)
    expect(gateway.errors()).not.toContain('IG_ERR_DOOR_UNAVAILABLE')
    expect(reckon(dataDir, fleet.acknowledged)).toEqual({ lost: [], twice: 0 })
  },
  60_000,
)

test('a street in simulated time behind two doors is commanded like behind one', async () => {
  const junctions = await temporaryFolder()
  const street = ['street', '--zone=north', '--seed=7', '--certificates=zone', '--log-level=warn']
  const describe = ['--describe', `--junctions-out=${junctions}`]
  expect(await runProgramFile('devices-sim/main.ts', [...street, ...describe]).ended).toBe(0)
  const house = await openHouse({ mqttProcesses: 2, junctions, clock: 'event' })
  await house.certificates.of('simulator', 'north')
  const center = await house.connect('center', 'center/desk-1')
  await center.subscribe('+/+/command/#', '+/+/result/#', 'gateway/+/status/#')
  const run = runProgramFile('devices-sim/main.ts', [
    ...street,
    `--url=mqtts://localhost:${house.port}`,
    `--pki-dir=${house.certificates.dir}`,
    ...['--speed=max', '--duration-s=90'],
  ])
  expect(await run.ended, run.errors()).toBe(0)
  const summary = house.gateway.summary()
  expect(summary).toMatchObject({ quarantined: 0, residual: 0, delay: { monitorViolations: 0 } })
  expect(summary.commands.applied).toBeGreaterThan(0)
  const commands = center.received.filter(({ topic }) => topic.includes('/command/'))
  const results = center.received.filter(({ topic }) => topic.includes('/result/'))
  expect(commands.length).toBeGreaterThan(0)
  expect(results.length).toBeGreaterThanOrEqual(commands.length)
  const ids = commands.map(({ message }) => (message as { id: string }).id)
  expect(new Set(ids).size).toBe(ids.length)
}, 60_000)
