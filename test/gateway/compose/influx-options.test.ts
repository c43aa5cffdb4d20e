import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { composeGateway } from '../../../gateway/compose.ts'
import { type GatewayConfig, gatewayProgram } from '../../../gateway/config/gateway-config.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { readCommandLine } from '../../../schemas/command-line.ts'

test('what is configured of the database reaches the thread that writes to it', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'intergreen-compose-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }))
  const flags = [
    ...[`--data-dir=${dataDir}`, '--mqtt-port=0', '--web-port=0'],
    ...['--influx-url=https://localhost:1', '--influx-ca-file=/nowhere/city.crt'],
  ]
  const line = readCommandLine<GatewayConfig>(gatewayProgram, flags, {})
  if (line.kind === 'help') throw new Error('help was not asked for')
  const gateway = await composeGateway(line.options, silentLog)
  await expect(gateway.start(new AbortController().signal)).rejects.toMatchObject({
    code: 'IG_ERR_SINK_CONFIG_INVALID',
    message: expect.stringContaining('/nowhere/city.crt'),
  })
  await gateway.stop(5_000)
})
