/** Metrics that are asked for at each scrape: what a room counts itself is read here, not counted twice. */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { readerResidual } from '../ledger/accounts.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { HouseForecaster } from '../prediction/house-forecaster.ts'
import type { Instruments } from './instruments.ts'
import { accountsValues } from './summary.ts'

const nsPerSecond = 1e9
const delayResolutionMs = 10

export function readMeters(
  { metrics }: Instruments,
  rooms: { readonly ledger: Ledger; readonly forecaster: HouseForecaster },
): void {
  readAccounts(metrics, rooms.ledger)
  /** Of models that have left nothing is shown: labels must not pile up with every file somebody tries. */
  const scores = () => {
    const here = new Set(rooms.forecaster.models())
    return rooms.forecaster.scores().filter(({ model, judged }) => here.has(model) && judged > 0)
  }
  const scored = (figure: 'pinball' | 'coverage') => () =>
    scores().map(({ quantity, model, horizonMin, [figure]: value }) => ({
      labels: { quantity, model, horizon: `${horizonMin}min` },
      value,
    }))
  metrics.read('intergreen_prediction_champion', () =>
    rooms.forecaster
      .contests()
      .map(({ quantity, champion: model }) => ({ labels: { quantity, model }, value: 1 })),
  )
  metrics.read('intergreen_prediction_pinball', scored('pinball'))
  metrics.read('intergreen_prediction_coverage', scored('coverage'))
  metrics.read('intergreen_prediction_error_vehicles', () =>
    scores()
      .filter(({ quantity }) => quantity === 'vehiclesPer5Min')
      .map(({ model, horizonMin, mae }) => ({
        labels: { model, horizon: `${horizonMin}min` },
        value: mae,
      })),
  )
  metrics.read('intergreen_prediction_batches', () => {
    const { restarts: _restarts, ...counts } = rooms.forecaster.counts()
    return Object.entries(counts).map(([outcome, value]) => ({ labels: { outcome }, value }))
  })
  metrics.read('intergreen_prediction_thread_restarts', () => rooms.forecaster.counts().restarts)
  metrics.read('intergreen_prediction_detectors', () => rooms.forecaster.detectors().known)
  metrics.read(
    'intergreen_prediction_detectors_forgotten_total',
    () => rooms.forecaster.detectors().forgotten,
  )
  metrics.read('intergreen_prediction_readings_left_out_total', () =>
    Object.entries(rooms.forecaster.detectors().readingsLeftOut).map(([reason, value]) => ({
      labels: { reason },
      value,
    })),
  )
  metrics.read(
    'intergreen_event_loop_turns_total',
    () => performance.nodeTiming.uvMetricsInfo.loopCount,
  )
  const delay = monitorEventLoopDelay({ resolution: delayResolutionMs })
  delay.enable()
  metrics.read('intergreen_event_loop_delay_seconds', () => {
    const readings = [0.5, 0.99, 1].map((quantile) => ({
      labels: { quantile: String(quantile) },
      value: delay.percentile(quantile * 100) / nsPerSecond,
    }))
    delay.reset()
    return readings
  })
}

/** The books: of the door, and of each reader. */
export function readAccounts(metrics: Instruments['metrics'], ledger: Ledger): void {
  metrics.read('intergreen_ingress_accounts', () => {
    const { residual: _residual, ...sides } = accountsValues(ledger.accounts())
    return Object.entries(sides).map(([side, value]) => ({ labels: { side }, value }))
  })
  metrics.read('intergreen_ingress_residual', () => ledger.accounts().residual)
  metrics.read('intergreen_dispatch_records', () =>
    ledger.accounts().readers.flatMap(({ reader, written, rejected, skipped, pending }) =>
      Object.entries({ written, rejected, skipped, pending }).map(([outcome, value]) => ({
        labels: { consumer: reader, outcome },
        value,
      })),
    ),
  )
  metrics.read('intergreen_dispatch_residual', () => {
    const { stored, readers } = ledger.accounts()
    return readers.map((account) => ({
      labels: { consumer: account.reader },
      value: readerResidual(stored, account),
    }))
  })
}
