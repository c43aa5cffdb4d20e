/**
 * `npm start`: the whole system at work on one machine. Certificates are made, the gateway opens in simulated time, a
 * simulated street connects as a process of its own, and a person sees what happens.
 *
 * It prints where things listen, the first decisions and commands, then a line every few seconds; with --duration it ends
 * by itself, exit code 0, a JSON summary on the last line.
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { runProgram, untilStopped } from '../../schemas/program.ts'
import { makeDevelopmentCertificates } from '../compose/certificates.ts'
import { composeGateway } from '../compose.ts'
import { gatewayConfig } from '../config/gateway-config.ts'
import { type Junctions, readJunctions } from '../control/junctions.ts'
import { createLog, rateLimited } from '../observe/log.ts'
import { createLiveLines } from './live-lines.ts'
import { createRunFolder } from './run-folder.ts'
import { describeStreet, startStreet, stopStreet } from './simulator.ts'
import { durationMs, type StartOptions, startProgram } from './start-options.ts'

const zone = 'north'
const lineEveryMs = 5_000
const stopMs = 9_000 // Of the 10 s that a stop may take.

await runProgram<StartOptions>(startProgram, async (options, { signal, print }) => {
  const startedAt = performance.now()
  const log = rateLimited(createLog('warn'), () => performance.now())
  const runDir = createRunFolder(options.dataDir, new Date())
  const street = {
    junctionsDir: join(runDir, 'junctions'),
    pkiDir: join(options.dataDir, 'pki'),
    seed: options.seed,
    speed: options.speed,
    zone,
  }
  await describeStreet(street)
  await makeDevelopmentCertificates(street.pkiDir, log, {
    devices: nodesOf(readJunctions(street.junctionsDir)),
  })
  const gateway = await composeGateway(
    gatewayConfig({
      dataDir: runDir,
      pkiDir: street.pkiDir,
      junctions: street.junctionsDir,
      clock: 'event',
      mqttPort: options.mqttPort,
      webPort: options.webPort,
      isOperator: true,
      strategy: options.strategy,
      seed: options.seed,
      ...(options.influxUrl ? { influxUrl: options.influxUrl } : {}),
    }),
    log,
  )
  const lines = createLiveLines(print)
  gateway.onEvent((event) => lines.event(event))
  await gateway.start(signal)
  const { mqtts, web } = gateway.addresses()
  print(`broker   mqtts://127.0.0.1:${mqtts} (mutual TLS; certificates in ${street.pkiDir})`)
  print(`page     ${gateway.pageUrl()}`)
  gateway.onPageOpened(() => print(`page     ${gateway.pageUrl()} for whoever comes next`))
  print(`metrics  http://127.0.0.1:${web}/metrics, health http://127.0.0.1:${web}/health/ready`)
  print(`data     ${runDir}`)
  print(`street   ${zone}, seed ${options.seed}, ${options.speed} simulated seconds per second`)
  print('')

  const simulator = startStreet(street, mqtts)
  const summarize = () => lines.summary(gateway.summary(), gateway.nowMs())
  const timer = setInterval(summarize, lineEveryMs)
  const ends = new AbortController()
  const limit = options.duration ? durationMs(options.duration) : undefined
  const hasEnded = await Promise.race([
    ...(limit === undefined ? [] : [wait(limit, 'duration', { signal: ends.signal })]),
    untilStopped(signal).then(() => 'signal'),
    new Promise<string>((resolve) => simulator.once('exit', () => resolve('street'))),
  ])
  ends.abort()
  clearInterval(timer)
  await stopStreet(simulator, stopMs / 2)
  await gateway.stop(stopMs / 2)
  print(
    JSON.stringify({
      event: 'stopped',
      after: hasEnded,
      wallS: Math.round((performance.now() - startedAt) / 1000),
      ...gateway.summary(),
    }),
  )
  return hasEnded === 'street' && simulator.exitCode !== 0 ? 1 : 0
})

/** Every controller and every sensor of the street: each is a client with a certificate of its own. */
function nodesOf(junctions: Junctions): readonly string[] {
  const nodes = new Set<string>()
  for (const junction of junctions.values()) {
    nodes.add(junction.node)
    for (const { sensor, detector } of Object.values(junction.lanes)) {
      for (const source of [sensor, detector]) if (source) nodes.add(source.node)
    }
  }
  return [...nodes]
}
