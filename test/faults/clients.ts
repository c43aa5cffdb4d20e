/** Clients that misbehave: devices that come back again and again and resend what is known, a subscriber that stops reading. */
import { setTimeout as wait } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { expect, type TestContext, test } from 'vitest'
import { createRandom } from '../../gateway/kit/random.ts'
import { packets, readBytes } from '../broker/raw-client.ts'
import { eventually } from '../support/eventually.ts'
import { openStand, type Stand } from '../support/fault-stand.ts'
import { readCertificate, topicOf } from '../support/fleet.ts'
import type { VictoriaMetrics } from '../support/victoria-metrics.ts'

const seed = 11

export function clientFaults(database: () => VictoriaMetrics): void {
  test('devices that reconnect in a storm and resend what was acknowledged are told apart from new readings', async (context) => {
    const random = createRandom(seed)
    const stand = await openStand(context, {
      zone: 'storm',
      database: database(),
      fleet: { devices: 20, perSecond: 15, resendLast: 40 },
    })
    await stand.start()
    for (let storm = 0; storm < 10; storm++) {
      await wait(200 + random() * 500)
      stand.fleet.cut()
    }
    await stand.acknowledges(300)
    await stand.fleet.settle()
    const { sum } = await stand.metrics()
    const side = (name: string) => sum('intergreen_ingress_accounts', `side="${name}"`)
    expect(side('stored')).toBe(stand.fleet.readings.length)
    expect(side('duplicate')).toBeGreaterThan(100)
    await eventually(() => expect(stand.fleet.connected()).toBe(20))
    const note = `10 storms of 20 devices, ${stand.fleet.resent()} resent, ${side('duplicate')} known as duplicates, seed ${seed}`
    await stand.reckon({ fault: 'reconnect storm with resends', note })
  }, 120_000)

  test('a subscriber that stops reading is dropped, and neither devices nor other subscribers notice', async (context) => {
    const stand = await openStand(context, {
      zone: 'loud',
      database: database(),
      // Loud enough to fill the buffers of the kernel and of the broker within seconds.
      fleet: { perSecond: 15, payloadBytes: 25_000 },
    })
    await stand.start()
    const others: string[] = []
    await stand.subscribe('center/desk-2', 'loud/+/status/#', (topic, message) => {
      others.push(`${topic} ${seqOf(message)}`)
    })
    const seenFrom = stand.fleet.readings.length
    const stuck = await openStuckSubscriber(context, stand, 'loud/+/status/#')
    const fromMs = performance.now()
    const note = await stand.gateGoesOn(8_000)
    await eventually(async () => {
      const { sum } = await stand.metrics()
      expect(sum('intergreen_broker_connections_closed_total')).toBeGreaterThan(0)
    }, 30_000)
    const droppedMs = performance.now() - fromMs
    expect(stuck.isPaused()).toBe(true)
    await stand.fleet.settle()
    // It has seen all that was made since it subscribed, each once.
    const since = stand.fleet.readings.slice(seenFrom)
    await eventually(() => {
      expect(stand.closed).toEqual([])
      const seen = new Set(others)
      expect(seen.size).toBe(others.length)
      expect(since.filter(({ node, seq }) => !seen.has(`${topicOf(node)} ${seq}`))).toEqual([])
    }, 30_000)
    expect(since.length).toBeGreaterThan(500)
    const all = `dropped within ${(droppedMs / 1_000).toFixed(0)} s, the other one got everything, ${note}`
    await stand.reckon({ fault: 'subscriber stops reading', note: all })
  }, 150_000)
}

const seqOf = (message: unknown) => (message as { entries: { seq: number }[] }).entries[0]!.seq

async function openStuckSubscriber(context: TestContext, stand: Stand, filter: string) {
  const name = 'center/desk-1'
  const certificate = await readCertificate(stand.certificates, 'center', name)
  const socket = connectTls({ ...certificate, host: 'localhost', port: stand.gateway().port })
  socket.on('error', () => {})
  context.onTestFinished(() => void socket.destroy())
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  socket.write(packets.connect(name, { keepAliveS: 0 }))
  await readBytes(socket, 4)
  socket.write(packets.subscribe(1, filter, 1))
  await readBytes(socket, 5)
  socket.pause()
  return socket
}
