/** Rules about statuses: which device hears what, when, and which rules are none. */
import { expect, test } from 'vitest'
import { createChannels } from '../../../gateway/channels/channels.ts'
import type { NodeId } from '../../../schemas/ids.ts'
import { validateMessage } from '../../../schemas/validators.ts'
import { eventually } from '../../support/eventually.ts'
import { openHouse } from '../../support/house.ts'

function told(rules: readonly string[], ...nodes: readonly string[]) {
  const sent: string[] = []
  const counted: string[] = []
  const channels = createChannels(rules, {
    send(topic, message) {
      expect(validateMessage('channel', 'traffic.queue', message)).toBeUndefined()
      const { state, intervalMs } = message
      sent.push(`${topic} ${state}${intervalMs === undefined ? '' : ` ${intervalMs}`}`)
    },
    sent: { add: (_, { state }) => void counted.push(state) },
    nowMs: () => 1_000,
  })
  for (const node of nodes) channels.tell(node as NodeId)
  expect(counted).toHaveLength(sent.length)
  return sent
}

test('a + is any level of the node, a node of other depth or zone is not meant', () => {
  const rules = ['north/+/channel/traffic.queue/live=5s', 'north/+/channel/tlc.groups=off']
  expect(told(rules, 'north/det-1', 'south/det-1', 'north', 'north/a/b')).toEqual([
    'north/det-1/channel/traffic.queue/live on 5000',
    'north/det-1/channel/tlc.groups off',
  ])
})

test('of several rules for one channel the last counts, and each device hears a channel once', () => {
  const rules = [
    '+/+/channel/traffic.queue/live=1min',
    'north/+/channel/traffic.queue/live=off',
    'north/det-1/channel/traffic.queue/live=on',
  ]
  expect(told(rules, 'north/det-1', 'north/det-2', 'south/det-1')).toEqual([
    'north/det-1/channel/traffic.queue/live on',
    'north/det-2/channel/traffic.queue/live off',
    'south/det-1/channel/traffic.queue/live on 60000',
  ])
})

test.each([
  '',
  'north/+/channel/traffic.queue/live',
  'north/+/channel/traffic.queue/live=',
  'north/+/channel/traffic.queue/live=often',
  'north/+/channel/traffic.queue/live=5h',
  'north/+/channel/traffic.queue/live=50ms',
  'north/+/channel/traffic.queue/live=61min',
  'north/+/channel/traffic.queue/live=5s=5s',
  'north/+/channel/traffic.queue/+=5s',
  'north/+/channel/no.such-status/live=5s',
  'north/#/channel/traffic.queue/live=5s',
  'north/det+/channel/traffic.queue/live=5s',
  'north/det-1/command/tlc.stage.set=on',
])('%j is no rule', (rule) => {
  expect(() => told([rule])).toThrow(
    expect.objectContaining({ code: 'IG_ERR_CHANNEL_RULE_INVALID' }),
  )
})

test('a device is told at QoS 1 when it connects, and again when it is back; nobody else is', async () => {
  const house = await openHouse({ channels: ['north/+/channel/traffic.queue/live=5s'] })
  const open = async (name: string) => {
    const client = await house.connect('device', name)
    const qos: number[] = []
    client.mqtt.on('message', (_topic, _payload, packet) => void qos.push(packet.qos))
    const own = ['channel/#', 'reject', 'command/#'].map((type) => `${name}/${type}`)
    await client.subscribe(...own)
    return { ...client, qos }
  }
  const other = await open('south/det-1')
  for (let round = 0; round < 2; round++) {
    const device = await open('north/det-1')
    await eventually(() => expect(device.received).toHaveLength(1))
    expect(device.received[0]).toMatchObject({
      topic: 'north/det-1/channel/traffic.queue/live',
      message: { state: 'on', intervalMs: 5_000 },
      retain: false,
    })
    expect(device.qos).toEqual([1])
    await device.end()
  }
  expect(other.received).toEqual([])
  const metrics = await (await fetch(`${house.webUrl}/metrics`)).text()
  expect(metrics).toContain('intergreen_channel_orders_total{state="on"} 2')
})
