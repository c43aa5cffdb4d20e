import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { formatTimestamp } from '../../../schemas/time.ts'
import { eventually } from '../../support/eventually.ts'
import { endProcess, startGateway } from '../../support/gateway-process.ts'
import {
  type Client,
  connect,
  makeCertificates,
  openHouse,
  temporaryFolder,
} from '../../support/house.ts'
import { crossing } from '../control/junction.ts'

const minuteMs = 60_000
const startMs = Date.parse('2026-11-23T07:00:00.000Z')
const node = 'north/det-001'

/** Publishes windows and queues one after the other, across restarts. */
function sensor() {
  let seq = 0
  const at = () => formatTimestamp(startMs + seq * minuteMs)
  return {
    count(client: Client, vehicles: number) {
      seq += 1
      const detectors = { 'dl/1': { vehicles, occupancy: vehicles * 1.5, speed: 40 } }
      const entry = { ts: at(), seq, values: { windowMs: minuteMs, detectors } }
      return client.publish(`${node}/status/traffic.count/1min`, { entries: [entry] })
    },
    queue(client: Client, queueVehicles: number, queueMeters: number) {
      seq += 1
      const lanes = { 'ln/1': { queueVehicles, queueMeters, approachingVehicles: 1 } }
      return client.publish(`${node}/status/traffic.queue`, {
        entries: [{ ts: at(), seq, values: { lanes } }],
      })
    },
  }
}

function alarmsOf({ received }: Client): string[] {
  return received.flatMap(({ message }) =>
    (
      message as { entries: { component: string; active: boolean; values: { kind: string } }[] }
    ).entries.map(
      ({ component, active, values }) =>
        `${component} ${values.kind} ${active ? 'begins' : 'is over'}`,
    ),
  )
}

const filter = 'gateway/main/alarm/detector.fault'

test('a fault that began before kill -9 is not told again, and its end is', async () => {
  const dataDir = await temporaryFolder()
  const certificates = await makeCertificates(join(dataDir, 'pki'))
  const says = sensor()
  async function life() {
    const gateway = await startGateway({
      dataDir,
      pkiDir: certificates.dir,
      args: ['--clock=event'],
    })
    onTestFinished(() => endProcess(gateway))
    const device = await connect(certificates, gateway.port, { role: 'device', name: node })
    const center = await connect(certificates, gateway.port, { role: 'center', name: 'desk-1' })
    await center.subscribe(filter)
    return { gateway, device, center }
  }
  const first = await life()
  for (let i = 0; i < 12; i++) await says.count(first.device, 9)
  await eventually(() => expect(alarmsOf(first.center)).toEqual(['dl/1 stuck begins']))
  const file = join(dataDir, 'detector-faults.json')
  await eventually(async () =>
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject([{ node, kind: 'stuck' }]),
  )
  first.gateway.child.kill('SIGKILL')
  await first.gateway.ended

  const second = await life()
  for (let i = 0; i < 3; i++) await says.count(second.device, 9)
  for (let i = 0; i < 12; i++) await says.count(second.device, 5 + (i % 4))
  await eventually(() => expect(alarmsOf(second.center)).toEqual(['dl/1 stuck is over']))
  await eventually(async () => expect(JSON.parse(await readFile(file, 'utf8'))).toEqual([]))
})

test('a queue that cannot be right is told, over a restart as well, and told over when it is ordinary', async () => {
  const dataDir = await temporaryFolder()
  const junctions = join(dataDir, 'junction.json')
  await writeFile(junctions, JSON.stringify(crossing()))
  const says = sensor()
  async function life() {
    const house = await openHouse({ dataDir, junctions, clock: 'event' })
    const device = await house.connect('device', node)
    const center = await house.connect('center', 'desk-1')
    await center.subscribe(filter)
    return { house, device, center }
  }
  const first = await life()
  for (let i = 0; i < 8; i++) await says.queue(first.device, 3 + (i % 2), 20)
  for (let i = 0; i < 8; i++) await says.queue(first.device, 0, 180 + i)
  await eventually(() => expect(alarmsOf(first.center)).toEqual(['ln/1 implausible begins']))
  await first.house.stop()

  const second = await life()
  for (let i = 0; i < 40; i++) await says.queue(second.device, 3 + (i % 2), 20)
  await eventually(() => expect(alarmsOf(second.center)).toEqual(['ln/1 implausible is over']))
})
