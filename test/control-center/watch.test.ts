/** The program itself: a real broker, a center's certificate, a real process. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { NodeId } from '../../schemas/ids.ts'
import { encodePayload } from '../../schemas/payload.ts'
import { topics } from '../../schemas/topics.ts'
import { type House, openHouse } from '../broker/house.ts'
import { eventually } from '../support/eventually.ts'

const program = join(import.meta.dirname, '../../control-center/watch.ts')

function watch(args: readonly string[]) {
  const child = spawn(process.execPath, [program, ...args])
  const output = { out: '', err: '' }
  child.stdout.on('data', (chunk) => {
    output.out += chunk
  })
  child.stderr.on('data', (chunk) => {
    output.err += chunk
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)))
  onTestFinished(() => void child.kill('SIGKILL'))
  return { child, output, ended }
}

/** The flags of a desk that may watch this house. */
async function desk(house: House): Promise<readonly string[]> {
  const name = 'center/desk-1'
  await house.issue('center', name)
  const { paths } = house.authority
  return ['--cert', paths.cert(name), '--key', paths.key(name), '--ca', paths.caCert]
}

test('shows what the gateway says and ends in order on SIGTERM', async () => {
  const house = await openHouse()
  const { child, output, ended } = watch(['--url', house.url, ...(await desk(house))])
  const life = {
    id: '01JD8Z5N7QK3V9X2M4C6B8A0TR',
    junction: 'north/tlc-001',
    code: 'tlc.stage.set',
    state: 'applied',
    issuer: 'strategy:predictive',
  }
  const entry = { ts: '2026-11-23T07:01:05.000Z', seq: 1, values: life }
  const topic = topics.status('gateway/main' as NodeId, 'gateway.commands')
  await eventually(() => {
    house.broker.publish(topic, encodePayload({ entries: [entry] }), { qos: 0, retain: false })
    expect(output.out).toMatch(
      /07:01:05 {2}life {6}north\/tlc-001 {2}….{8} tlc\.stage\.set applied/,
    )
  }, 20_000)
  child.kill('SIGTERM')
  expect(await ended).toBe(0)
  expect(output.err).toBe('')
})

test('a certificate that is not there is a coded error with exit code 2', async () => {
  const { output, ended } = watch(['--cert', '/nowhere/desk.crt'])
  expect(await ended).toBe(2)
  expect(JSON.parse(output.err)).toMatchObject({ code: 'IG_ERR_CENTER_CERTIFICATE_UNREADABLE' })
})

test('a gateway that is not there is a coded error', async () => {
  const house = await openHouse()
  const nowhere = ['--url', 'mqtts://localhost:1', '--timeout-s', '1']
  const { output, ended } = watch([...nowhere, ...(await desk(house))])
  expect(await ended).toBe(2)
  expect(JSON.parse(output.err)).toMatchObject({ code: 'IG_ERR_CENTER_REFUSED' })
})
