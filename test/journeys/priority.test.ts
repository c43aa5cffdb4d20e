/** A bus company's computer at the house: what its certificate lets it ask for, and what it hears. */
import { expect, test } from 'vitest'
import { createCommandId } from '../../schemas/ids.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { eventually } from '../support/eventually.ts'
import { type Client, openHouse } from '../support/house.ts'

const name = 'transit/buses'

function ask(client: Client, code: string, values: object) {
  const nowMs = Date.now()
  return client.publish(`${name}/request/${code}`, {
    id: createCommandId(nowMs),
    ts: formatTimestamp(nowMs),
    expiresAt: formatTimestamp(nowMs + 60_000),
    target: 'north/tlc-404',
    holdForMs: 10_000,
    values,
  })
}

const vehicle = (kind: string) => ({ stage: 2, kind, etaS: 20 })
const noJunction = { state: 'rejected', reason: 'there is no junction north/tlc-404' }

test.each([
  [1, 'priority', 'bus'],
  [1, 'emergency', 'emergency'],
  [2, 'priority', 'tram'],
  [2, 'emergency', 'emergency'],
] as const)(
  'with %i MQTT processes a certificate of the role %s is heard with a request of kind %s',
  async (mqttProcesses, role, kind) => {
    const house = await openHouse({ mqttProcesses })
    const client = await house.connect(role, name)
    await client.subscribe(`${name}/result/#`)
    await ask(client, 'tlc.priority.request', vehicle(kind))
    // It came as far as control, which knows of no junction here.
    await eventually(() =>
      expect(client.received.map(({ message }) => message)).toMatchObject([noJunction]),
    )
  },
)

test.each([1, 2])(
  'with %i MQTT processes who claims an emergency beyond its certificate is told so and stays connected; who asks for flashing does not',
  async (mqttProcesses) => {
    const house = await openHouse({ mqttProcesses })
    const client = await house.connect('priority', name)
    await client.subscribe(`${name}/result/#`, `${name}/reject`)
    await ask(client, 'tlc.priority.request', vehicle('emergency'))
    await eventually(() =>
      expect(client.received).toMatchObject([
        { topic: `${name}/reject`, message: { code: 'IG_ERR_MSG_BEYOND_CERTIFICATE' } },
      ]),
    )
    expect(client.mqtt.connected).toBe(true)
    const closed = new Promise<void>((resolve) => client.mqtt.once('close', () => resolve()))
    ask(client, 'tlc.mode.set', { mode: 'flashing' }).catch(() => {})
    await closed
    expect(house.gateway.summary()).toMatchObject({ quarantined: 1, residual: 0 })
  },
)
