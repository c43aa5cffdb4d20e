/** mosquitto_pub and mosquitto_sub, clients nobody here wrote, with certificates issued here. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { describe, expect, onTestFinished, test } from 'vitest'
import { initAuthority } from '../../broker/pki/authority.ts'
import { commandPayload, eventually, type House, makeDir, openHouse } from './house.ts'

const hasMosquitto = spawnSync('mosquitto_pub', ['--help']).error === undefined
const topic = 'north/det-1/status/system.health'

function credentials(house: House, name: string): string[] {
  const { paths } = house.authority
  return [
    ...['-h', 'localhost', '-p', String(house.port), '-i', name, '--tls-version', 'tlsv1.3'],
    ...['--cafile', paths.caCert, '--cert', paths.cert(name), '--key', paths.key(name)],
  ]
}

interface Ending {
  readonly code: number
  readonly text: string
}

function publish(args: string[], message = '{}'): Promise<Ending> {
  return new Promise((resolve) =>
    execFile('mosquitto_pub', [...args, '-q', '1', '-m', message], (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, text: stdout + stderr }),
    ),
  )
}

/** Lines as they come; stdout of a pipe is flushed with each message, not before. */
function subscribe(args: string[]): string[] {
  const child = spawn('mosquitto_sub', [...args, '-v'])
  onTestFinished(() => {
    child.kill()
  })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes) => lines.push(...String(bytes).split('\n').filter(Boolean)))
  return lines
}

describe.skipIf(!hasMosquitto)('with mosquitto_pub and mosquitto_sub', () => {
  test('a reading published with an issued certificate is judged and acknowledged', async () => {
    const house = await openHouse()
    await house.issue('device', 'north/det-1')
    const { code } = await publish([...credentials(house, 'north/det-1'), '-t', topic], '{"a":1}')
    expect(code).toBe(0)
    expect(house.heard()).toEqual([`north/det-1 ${topic} {"a":1}`])
  })

  test('a control center sees readings and commands', async () => {
    const house = await openHouse()
    await house.issue('center', 'center/desk')
    await house.issue('device', 'north/det-1')
    house.broker.publish('gateway/g/presence', Buffer.from('here'), { qos: 1, retain: true })
    const lines = subscribe([
      ...credentials(house, 'center/desk'),
      ...['-q', '1', '-t', '+/+/status/#', '-t', '+/+/command/#', '-t', '+/+/presence'],
    ])
    await eventually(() => lines.includes('gateway/g/presence here'))
    await publish([...credentials(house, 'north/det-1'), '-t', topic], 'reading')
    const device = await house.connected('north/det-1')
    await device.subscribeAsync('north/det-1/command/#', { qos: 1 })
    const payload = commandPayload(house.nowMs + 60_000)
    const command = 'north/det-1/command/tlc.stage.set'
    expect(await house.broker.deliver('north/det-1', command, payload, 5_000)).toBe('delivered')
    await eventually(() => lines.includes(`${command} ${payload}`))
    expect(lines).toContain(`${topic} reading`)
  })

  test('a device gets its commands and acknowledges them', async () => {
    const house = await openHouse()
    await house.issue('device', 'north/tlc-1')
    const lines = subscribe([
      ...credentials(house, 'north/tlc-1'),
      ...['-q', '1', '-t', 'north/tlc-1/command/#'],
    ])
    await eventually(() => house.broker.isReachable('north/tlc-1'))
    const payload = commandPayload(house.nowMs + 60_000)
    const command = 'north/tlc-1/command/tlc.stage.set'
    expect(await house.broker.deliver('north/tlc-1', command, payload, 5_000)).toBe('delivered')
    await eventually(() => lines.includes(`${command} ${payload}`))
  })

  test('with a foreign certificate, with none, or for another node nothing is published', async () => {
    const house = await openHouse()
    await house.issue('device', 'north/det-1')
    const foreign = await initAuthority(makeDir(), { name: 'Test authority' })
    await foreign.issue({ role: 'device', name: 'north/det-1' })
    const own = credentials(house, 'north/det-1')
    const swapped = own.map((arg) =>
      arg.includes('/issued/') ? arg.replace(house.authority.paths.dir, foreign.paths.dir) : arg,
    )
    expect((await publish([...swapped, '-t', topic])).code).not.toBe(0)
    expect((await publish([...own.slice(0, 10), '-t', topic])).code).not.toBe(0)
    const elsewhere = await publish([...own, '-t', 'north/det-2/status/system.health'])
    expect(elsewhere.code).not.toBe(0)
    const posing = own.map((arg) => (arg === 'north/det-1' ? 'north/det-2' : arg))
    expect((await publish([...posing, '-t', topic])).text).toContain('not authorised')
    expect(house.arrivals).toEqual([])
  })

  test('a device is refused everybody’s commands', async () => {
    const house = await openHouse()
    await house.issue('device', 'north/det-1')
    const lines = subscribe([...credentials(house, 'north/det-1'), '-t', '#'])
    await eventually(() => lines.some((line) => /128|denied|rejected/i.test(line)))
    expect(house.counts.get('authRefused IG_ERR_AUTH_TOPIC_DENIED')).toBe(1)
  })

  test('MQTT 5 is told which version is spoken', async () => {
    const house = await openHouse()
    await house.issue('device', 'north/det-1')
    const args = [...credentials(house, 'north/det-1'), '-V', 'mqttv5', '-t', topic]
    expect((await publish(args)).text).toMatch(/protocol version/i)
    expect(house.arrivals).toEqual([])
  })
})
