/** Which messages are routed and which are kept, counted where Aedes would do the work. */
import { Aedes } from 'aedes'
import { expect, onTestFinished, test } from 'vitest'
import { internalsOf } from '../../broker/aedes-internals.ts'
import { forwarded, type GatedPacket } from '../../broker/publish-hook.ts'
import { createRouter } from '../../broker/router.ts'

async function openRouter(retainedMax = 10) {
  const aedes = await Aedes.createBroker()
  onTestFinished(() => new Promise<void>((resolve) => aedes.close(resolve)))
  const internals = internalsOf(aedes)
  const routed: string[] = []
  const kept: string[] = []
  internals.mq.emit = (packet) => routed.push(packet.topic)
  const store = internals.persistence
  store.storeRetained = async (packet) => {
    kept.push(`${packet.topic} ${packet.payload}`)
  }
  const router = createRouter(aedes, { retainedMax })
  const publish = (topic: string, { retain = false, forward = true, payload = 'x' } = {}) => {
    const packet = { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain }
    internals.publish({ ...packet, [forwarded]: forward } as unknown as GatedPacket, null, () => {})
  }
  return { router, routed, kept, publish }
}

test('telemetry without an audience is not routed', async () => {
  const { router, routed, publish } = await openRouter()
  publish('north/det-1/status/a.b')
  router.countReader('north/+/alarm/#', 1)
  publish('north/det-1/status/a.b')
  expect(routed).toEqual([])
  publish('north/det-1/alarm/a.b')
  expect(routed).toEqual(['north/det-1/alarm/a.b'])
})

test('the audience is asked again when a reader comes or goes', async () => {
  const { router, routed, publish } = await openRouter()
  publish('north/det-1/status/a.b')
  router.countReader('#', 1)
  router.countReader('#', 1)
  publish('north/det-1/status/a.b')
  router.countReader('#', -1)
  publish('north/det-1/status/a.b')
  router.countReader('#', -1)
  publish('north/det-1/status/a.b')
  expect(routed).toHaveLength(2)
})

test('what the gate does not forward is neither routed nor kept', async () => {
  const { router, routed, kept, publish } = await openRouter()
  router.countReader('#', 1)
  publish('north/det-1/presence', { retain: true, forward: false })
  expect([routed, kept]).toEqual([[], []])
})

test('presence is kept with an audience and without, up to the limit, and freed by an empty one', async () => {
  const { router, kept, publish } = await openRouter(2)
  publish('a/1/presence', { retain: true })
  router.countReader('#', 1)
  publish('a/2/presence', { retain: true })
  publish('a/3/presence', { retain: true })
  publish('a/1/presence', { retain: true, payload: 'again' })
  publish('a/1/presence', { retain: true, payload: '' })
  publish('a/3/presence', { retain: true })
  expect(kept).toEqual([
    'a/1/presence x',
    'a/2/presence x',
    'a/1/presence again',
    'a/1/presence ',
    'a/3/presence x',
  ])
})

test('the $SYS messages of Aedes are dropped, but for the heartbeat it lives by', async () => {
  const { routed, publish } = await openRouter()
  publish('$SYS/id/new/clients')
  publish('$SYS/id/disconnect/clients')
  publish('$SYS/id/heartbeat')
  await new Promise((resolve) => setImmediate(resolve))
  expect(routed).toEqual(['$SYS/id/heartbeat'])
})
