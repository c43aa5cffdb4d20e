/** What is compared, each ready to take the load, all on one core: who its processes are and when it is done. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { BenchCertificates } from './certificates.ts'
import { type BenchDatabase, settled, startDatabase } from './database.ts'
import { serverCore } from './load-generator.ts'
import { type BenchProcess, freePort, pause, startProcess } from './processes.ts'

export interface Contender {
  readonly name: string
  readonly port: number
  /** The one that devices connect to comes first. */
  readonly processes: readonly BenchProcess[]
  /** Waits until all that was sent is where it goes; answers how many values the database has, if there is one. */
  done(wanted?: number): Promise<number | undefined>
  /** Values a message of the load has in the database. */
  readonly rowsPerMessage: number
  stop(): Promise<void>
}

const root = join(import.meta.dirname, '../..')
const node = process.execPath
/** What `npm run gateway` gives to Node itself. */
const shippedNodeArgs = (
  JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).scripts.gateway as string
)
  .split(' ')
  .filter((word) => word.startsWith('--'))

export interface GatewayChoices {
  /** Arguments of Node itself: a profile. */
  readonly nodeArgs?: readonly string[]
  readonly args?: readonly string[]
  readonly hasDatabase?: boolean
  /** Where profiles are written. */
  readonly cwd?: string
}

export interface BenchGateway extends Contender {
  readonly database: BenchDatabase | undefined
  readonly web: number
  readonly dataDir: string
}

export async function startGateway(
  dir: string,
  certificates: BenchCertificates,
  choices: GatewayChoices = {},
): Promise<BenchGateway> {
  const database = choices.hasDatabase === false ? undefined : await startDatabase(dir)
  const dataDir = mkdtempSync(join(dir, 'gateway-'))
  const gateway = await startProcess({
    name: 'gateway',
    command: node,
    args: [
      ...shippedNodeArgs,
      ...(choices.nodeArgs ?? []),
      join(root, 'gateway/main.ts'),
      ...['--data-dir', dataDir],
      ...['--pki-dir', certificates.pkiDir],
      ...['--mqtt-port', '0', '--web-port', '0', '--log-level', 'error'],
      ...(database ? ['--influx-url', database.url] : []),
      ...(choices.args ?? []),
    ],
    core: serverCore,
    hasReadyLine: true,
  })
  return {
    name: 'gateway',
    port: gateway.ready.mqtts as number,
    web: gateway.ready.web as number,
    dataDir,
    database,
    processes: database ? [gateway, database.process] : [gateway],
    rowsPerMessage: 6, // Two lanes of three numbers, of ordinary quality.
    done: async (wanted = 0) => (database ? await settled(database, 700, wanted) : undefined),
    async stop() {
      await gateway.stop()
      await database?.process.stop()
    },
  }
}

export async function startBareAedes(certificates: BenchCertificates): Promise<Contender> {
  const { ca, serverCert, serverKey } = certificates
  const aedes = await startProcess({
    name: 'aedes',
    command: node,
    args: [join(root, 'bench/peers/bare-aedes.ts'), ca, serverCert, serverKey],
    core: serverCore,
    hasReadyLine: true,
  })
  return {
    name: 'aedes',
    port: aedes.ready.mqtts as number,
    processes: [aedes],
    rowsPerMessage: 0,
    done: async () => undefined,
    stop: () => aedes.stop(),
  }
}

export async function startPipeline(
  dir: string,
  certificates: BenchCertificates,
): Promise<Contender> {
  const database = await startDatabase(dir)
  const [port, plainPort] = [await freePort(), await freePort()]
  const file = join(mkdtempSync(join(dir, 'mosquitto-')), 'mosquitto.conf')
  writeFileSync(file, mosquittoConfig(certificates, port, plainPort))
  const mosquitto = await startProcess({
    name: 'mosquitto',
    command: 'mosquitto',
    args: ['-c', file],
    core: serverCore,
  })
  await pause(500)
  const consumer = await startProcess({
    name: 'consumer',
    command: node,
    args: [join(root, 'bench/peers/pipeline-consumer.ts'), String(plainPort), database.url],
    core: serverCore,
    hasReadyLine: true,
  })
  return {
    name: 'pipeline',
    port,
    processes: [mosquitto, consumer, database.process],
    rowsPerMessage: 6,
    done: (wanted = 0) => settled(database, 700, wanted),
    async stop() {
      await consumer.stop()
      await mosquitto.stop()
      await database.process.stop()
    },
  }
}

/** Its queue is made long enough to lose nothing while it is measured; by default it would drop. */
function mosquittoConfig(certificates: BenchCertificates, port: number, plainPort: number): string {
  return [
    'allow_anonymous true',
    'max_queued_messages 1000000',
    'user root',
    `listener ${port} 127.0.0.1`,
    `cafile ${certificates.ca}`,
    `certfile ${certificates.serverCert}`,
    `keyfile ${certificates.serverKey}`,
    'require_certificate true',
    'tls_version tlsv1.3',
    `listener ${plainPort} 127.0.0.1`,
    '',
  ].join('\n')
}
