/** The gateway alone, as in production: a ready line on stdout, log on stderr, SIGTERM stops it in order. */
import { runProgram, untilStopped } from '../../schemas/program.ts'
import { composeGateway } from '../compose.ts'
import { type GatewayConfig, gatewayProgram } from '../config/gateway-config.ts'
import { createLog, rateLimited } from '../observe/log.ts'

const stopMs = 9_000 // Of the 10 s that a stop may take.

await runProgram<GatewayConfig>(gatewayProgram, async (config, { signal, print }) => {
  const log = rateLimited(createLog(config.log.level), () => performance.now())
  const gateway = await composeGateway(config, log)
  await gateway.start(signal)
  print(JSON.stringify({ event: 'ready', ...gateway.addresses(), page: gateway.pageUrl() }))
  // An address opens the page once. Who may read what the gateway prints may open it, whenever the last one is used up.
  gateway.onPageOpened(() => print(JSON.stringify({ event: 'page', page: gateway.pageUrl() })))
  await untilStopped(signal)
  await gateway.stop(stopMs)
  print(JSON.stringify({ event: 'stopped', ...gateway.summary() }))
  return 0
})
