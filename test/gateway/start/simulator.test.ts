/** The street that `npm start` runs beside the gateway, as the process it is. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { describeStreet } from '../../../gateway/start/simulator.ts'

test('it is what npm start says, whatever is exported for other programs', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-start-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('INTERGREEN_CROSSINGS', '5')
  vi.stubEnv('INTERGREEN_JUNCTIONS', '/etc/intergreen/junctions')
  vi.stubEnv('INTERGREEN_CONFIG', '/etc/intergreen/gateway.json')
  const street = {
    junctionsDir: dir,
    pkiDir: join(dir, 'pki'),
    seed: 1,
    speed: '10',
    zone: 'south',
  }
  await describeStreet(street)
  expect(readdirSync(dir).filter((name) => name.startsWith('south_tlc'))).toHaveLength(3)
})
