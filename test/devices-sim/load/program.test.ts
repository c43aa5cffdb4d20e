/** `npm run load` as it is typed, against a real gateway: its books beside the load's, and the exit code. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LoadReport } from '../../../devices-sim/load/report.ts'
import { openHouse, runProgramFile, temporaryFolder } from '../../support/house.ts'

async function prepare() {
  const house = await openHouse()
  await house.certificates.of('simulator', 'load')
  await house.certificates.of('center', 'center/desk-1')
  const dir = await temporaryFolder()
  const scenario = join(dir, 'scenario.json')
  writeFileSync(
    scenario,
    JSON.stringify({
      about: 'a test',
      devices: 10,
      malformedShare: 0.05,
      duplicateShare: 0.05,
      lateShare: 0.05,
      phases: [
        { name: 'ramp', kind: 'ramp', seconds: 2, messagesPerSecond: 20 },
        { name: 'steady', seconds: 2, messagesPerSecond: 100 },
        { name: 'storm', seconds: 3, messagesPerSecond: 50, cutShare: 1 },
      ],
    }),
  )
  const run = async (...more: readonly string[]) => {
    const program = runProgramFile('devices-sim/load/main.ts', [
      scenario,
      `--url=mqtts://localhost:${house.port}`,
      `--pki-dir=${house.certificates.dir}`,
      ...more,
    ])
    const code = await program.ended
    return { code, errors: program.errors(), line: program.lines.at(-1) ?? '' }
  }
  return { dir, run }
}

test('what the gateway has on its books is what was sent, and the exit code says so', async () => {
  const { dir, run } = await prepare()
  const path = join(dir, 'report.json')
  const { code, errors, line } = await run(`--report=${path}`)
  expect([code, errors]).toEqual([0, ''])
  const report = JSON.parse(line) as LoadReport
  expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual(report)
  expect(report).toMatchObject({ isMet: true, about: 'a test', lost: 0 })
  const { ok, late, malformed } = report.sent
  expect(report.gateway).toMatchObject({
    stored: ok + late,
    quarantined: malformed,
    refused: 0,
    residual: 0,
  })
  expect(report.phases.at(-1)).toMatchObject({ connected: 10, connects: 10 })
}, 60_000)

test('a threshold that is missed is named, and the exit code is 1', async () => {
  const { run } = await prepare()
  const { code, line } = await run('--expect-p99-ms=0.001', '--center=')
  expect(code).toBe(1)
  const report = JSON.parse(line) as LoadReport
  expect(report.gateway).toBeNull()
  expect(report.expectations.filter(({ isMet }) => !isMet).map(({ name }) => name)).toEqual([
    'steady.p99Ms',
  ])
}, 60_000)

test('a certificate that is missing is a coded error and exit code 2', async () => {
  const { run } = await prepare()
  const { code, errors } = await run('--zone=nobody')
  expect(code).toBe(2)
  expect(JSON.parse(errors)).toMatchObject({ code: 'IG_ERR_SIM_CERTIFICATE_MISSING' })
}, 60_000)
