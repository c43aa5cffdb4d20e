import { expect, test } from 'vitest'
import { composeGateway } from '../../../gateway/compose.ts'
import { type GatewayConfig, gatewayProgram } from '../../../gateway/config/gateway-config.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { readCommandLine } from '../../../schemas/command-line.ts'

function configOf(...flags: readonly string[]): GatewayConfig {
  const line = readCommandLine<GatewayConfig>(gatewayProgram, flags, {})
  if (line.kind === 'help') throw new Error('help was not asked for')
  return line.options
}

test('a gateway without a time zone keeps UTC; one with a name that is none does not start', async () => {
  expect(configOf().forecast.timeZone).toBe('UTC')
  const config = configOf('--forecast-time-zone=Mars/Olympus', '--data-dir=/nowhere')
  await expect(composeGateway(config, silentLog)).rejects.toMatchObject({
    code: 'IG_ERR_COMMAND_LINE_INVALID',
    message: expect.stringContaining('Mars/Olympus'),
  })
})
