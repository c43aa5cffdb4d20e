/** The programs as a user types them: what they say, how they end, and what bad input gets. */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import {
  makeCertificates,
  runProgramFile,
  spawnGateway,
  temporaryFolder,
} from '../support/house.ts'

test('npm start shows where things listen, then commands and figures, and ends with a summary', async () => {
  const dir = await temporaryFolder()
  const run = runProgramFile('gateway/start.ts', [
    ...['--duration', '20s', '--data-dir', dir, '--mqtt-port', '0', '--web-port', '0'],
  ])
  expect(await run.ended, run.errors()).toBe(0)
  const [broker, page, metrics] = run.lines
  expect(broker).toMatch(/^broker +mqtts:\/\/127\.0\.0\.1:\d+/)
  expect(page).toMatch(/^page +http:\/\/127\.0\.0\.1:\d+\/\?token=/)
  expect(metrics).toContain('/metrics')
  expect(run.lines.some((line) => line.includes(' command issued'))).toBe(true)
  expect(run.lines.some((line) => / msg\/s, \d+ stored, 0 quarantined/.test(line))).toBe(true)
  const summary = JSON.parse(run.lines.at(-1)!)
  expect(summary).toMatchObject({ quarantined: 0, residual: 0, after: 'duration' })
  expect(summary.stored).toBeGreaterThan(0)
  expect(summary.commands.applied).toBeGreaterThan(0)
  expect(summary.delay.controlS).toEqual(expect.any(Number))
  expect(summary.delay.localPlanS).toEqual(expect.any(Number))
  expect(readdirSync(join(dir, 'runs'))).toHaveLength(1)
}, 60_000)

test('the street in real time goes with a gateway as it comes (docs/simulator.md)', async () => {
  const dir = await temporaryFolder()
  const junctions = join(dir, 'junctions')
  const described = runProgramFile('devices-sim/main.ts', [
    ...['street', '--describe', '--junctions-out', junctions],
  ])
  expect(await described.ended, described.errors()).toBe(0)
  const gateway = runProgramFile('gateway/main.ts', [
    ...['--data-dir', dir, '--junctions', junctions, '--mqtt-port=0', '--web-port=0'],
  ])
  const { mqtts, web } = await gateway.ready
  const street = runProgramFile('devices-sim/main.ts', [
    ...['street', '--clock', 'system', '--url', `mqtts://localhost:${mqtts}`],
    ...['--pki-dir', join(dir, 'pki')],
  ])
  await eventually(async () => {
    const metrics = await (await fetch(`http://127.0.0.1:${web}/metrics`)).text()
    expect(metrics).toMatch(/^intergreen_commands_total\{state="applied"\} [1-9]/m)
  }, 40_000)
  street.child.kill('SIGTERM')
  expect(await street.ended, street.errors()).toBe(0)
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended).toBe(0)
  expect(JSON.parse(gateway.lines.at(-1)!)).toMatchObject({ quarantined: 0, residual: 0 })
}, 90_000)

test('SIGTERM stops the gateway in order with exit code 0', async () => {
  const dir = await temporaryFolder()
  const gateway = runProgramFile('gateway/main.ts', [
    `--data-dir=${dir}`,
    '--mqtt-port=0',
    '--web-port=0',
  ])
  expect(await gateway.ready).toMatchObject({ event: 'ready', mqtts: expect.any(Number) })
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended).toBe(0)
  expect(JSON.parse(gateway.lines.at(-1)!)).toMatchObject({ event: 'stopped', residual: 0 })
})

test('a gateway whose output nobody reads any more still stops in order', async () => {
  const dir = await temporaryFolder()
  const gateway = runProgramFile('gateway/main.ts', [
    `--data-dir=${dir}`,
    '--mqtt-port=0',
    '--web-port=0',
  ])
  await gateway.ready
  gateway.child.stdout?.destroy()
  gateway.child.kill('SIGTERM')
  expect(await gateway.ended).toBe(0)
})

test('the development certificates come with a warning, and a production start refuses them', async () => {
  const dir = await temporaryFolder()
  const first = runProgramFile('gateway/main.ts', [
    `--data-dir=${dir}`,
    '--mqtt-port=0',
    '--web-port=0',
  ])
  await first.ready
  first.child.kill('SIGTERM')
  await first.ended
  expect(first.errors()).toContain('certificates for development')
  const second = runProgramFile('gateway/main.ts', [`--data-dir=${dir}`, '--production'])
  expect(await second.ended).toBe(2)
  expect(second.errors()).toContain('IG_ERR_TLS_DEVELOPMENT_AUTHORITY')
})

interface BadInput {
  readonly what: string
  readonly code: string
  prepare(dir: string): Promise<readonly string[]>
}

const badInputs: readonly BadInput[] = [
  {
    what: 'an unknown option',
    code: 'IG_ERR_COMMAND_LINE_INVALID',
    prepare: async () => ['--colour=red'],
  },
  {
    what: 'a configuration file with an unknown key',
    code: 'IG_ERR_CONFIG_INVALID',
    async prepare(dir) {
      writeFileSync(join(dir, 'intergreen.json'), '{"mqtt":{"prot":1}}')
      return ['--config', join(dir, 'intergreen.json')]
    },
  },
  {
    what: 'a configuration file that is not there',
    code: 'IG_ERR_CONFIG_UNREADABLE',
    prepare: async (dir) => ['--config', join(dir, 'nothing.json')],
  },
  {
    what: 'certificates that cannot be read',
    code: 'IG_ERR_TLS_CERT_UNREADABLE',
    async prepare(dir) {
      await makeCertificates(join(dir, 'pki'))
      rmSync(join(dir, 'pki', 'server.key'))
      return [`--pki-dir=${join(dir, 'pki')}`]
    },
  },
  {
    what: 'a port that is taken',
    code: 'IG_ERR_BROKER_PORT_TAKEN',
    async prepare() {
      const server = createServer().listen(0, '127.0.0.1')
      await new Promise((resolve) => server.once('listening', resolve))
      onTestFinished(() => void server.close())
      return [`--mqtt-port=${(server.address() as { port: number }).port}`]
    },
  },
  {
    what: 'a data directory of a newer version',
    code: 'IG_ERR_LEDGER_VERSION',
    async prepare(dir) {
      const db = new DatabaseSync(join(dir, 'ledger.db'))
      db.exec('PRAGMA user_version = 9999; CREATE TABLE t (a)')
      db.close()
      return []
    },
  },
  {
    what: 'a junction folder that is not there',
    code: 'IG_ERR_CONTROL_JUNCTION_UNREADABLE',
    prepare: async (dir) => [`--junctions=${join(dir, 'nowhere')}`],
  },
]

test.each(badInputs)(
  '$what ends the gateway with $code, the remedy and exit code 2',
  async ({ code, prepare }) => {
    const dir = await temporaryFolder()
    mkdirSync(dir, { recursive: true })
    const args = await prepare(dir)
    const gateway = runProgramFile('gateway/main.ts', [
      '--mqtt-port=0',
      '--web-port=0',
      `--data-dir=${dir}`,
      ...args,
    ])
    expect(await gateway.ended).toBe(2)
    const last = JSON.parse(gateway.errors().trim().split('\n').at(-1)!)
    expect(last).toMatchObject({ code, hint: expect.stringMatching(/.{10}/) })
  },
)

test('a second gateway on the same data directory is turned away, the first goes on', async () => {
  const dir = await temporaryFolder()
  const certificates = await makeCertificates(join(dir, 'pki'))
  const first = await spawnGateway(dir, certificates.dir)
  const second = runProgramFile('gateway/main.ts', [
    `--data-dir=${dir}`,
    '--mqtt-port=0',
    '--web-port=0',
  ])
  expect(await second.ended).toBe(2)
  expect(second.errors()).toContain('IG_ERR_LEDGER_LOCKED')
  expect((await fetch(`http://127.0.0.1:${first.web}/health/ready`)).status).toBe(200)
})

test.each(['gateway/main.ts', 'gateway/start.ts', 'broker/pki/main.ts', 'devices-sim/main.ts'])(
  '%s explains itself with --help',
  async (file) => {
    const run = runProgramFile(file, ['--help'])
    expect(await run.ended).toBe(0)
    expect(run.lines.join('\n')).toMatch(/npm (start|run)/)
  },
)
