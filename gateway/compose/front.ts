/** What people and machines see: metrics, health, the page. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { Broker } from '../../broker/broker.ts'
import { createHealth } from '../observe/health.ts'
import type { HouseForecaster } from '../prediction/house-forecaster.ts'
import { createWeb, type Web } from '../web/server.ts'
import type { Foundation } from './foundation.ts'
import { readMeters } from './read-meters.ts'

const root = join(import.meta.dirname, '../..')
/** What the page is made of: its own files, and those of the packages it uses. */
export const pageFolders = {
  '/': join(root, 'control-center/page'),
  '/vendor/': join(root, 'node_modules/mqtt/dist'),
  '/vendor/cborg/': join(root, 'node_modules/cborg/lib'),
  '/vendor/ulid/': join(root, 'node_modules/ulid/dist/browser'),
} as const

export function createFront(
  foundation: Foundation,
  { broker, forecaster }: { readonly broker: Broker; readonly forecaster: HouseForecaster },
): Web {
  const { config, log, instruments, tls, ledger } = foundation
  const health = createHealth()
  health.watch('ledger', () => {
    const refusal = ledger.refusal()
    return { isReady: refusal === undefined, reason: refusal?.message ?? 'takes messages' }
  })
  readMeters(instruments, { ledger, forecaster })
  return createWeb({
    host: config.web.host,
    port: config.web.port,
    ...(config.web.tls && { tls }),
    files: pageFolders,
    mayAsk: config.web.isOperator,
    metrics: () => instruments.metrics.text(),
    health: () => health.report(),
    acceptCenter: (stream) =>
      broker.acceptStream(stream, {
        role: config.web.isOperator ? 'operator' : 'center',
        name: 'web',
        serial: randomBytes(8).toString('hex'),
      }),
    refused: instruments.metrics.counter('intergreen_web_refused_total'),
    log: log.child({ room: 'web' }),
  })
}
