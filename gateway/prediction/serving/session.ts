/**
 * One loaded network, proven before its first real batch. Runs in the model thread and, before that, in a trial; knows
 * neither.
 *
 * - Let in only if the file has the right inputs and outputs and answers its test vector within tolerance and in time.
 * - One core: no thread pool of its own, so that the event loop of the gateway keeps the others.
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { ModelRefused } from '../errors.ts'
import { featureCount } from '../online/features.ts'
import { type ModelCard, outputSize } from './model-card.ts'

/** How far an answer to the test vector may be from the card's: float32 on another machine, no more. */
const vectorTolerance = 2e-3
const warmUpSeries = 256
const warmUpMsMax = 2_000

export interface ModelSession {
  run(features: Float32Array, series: number): Promise<Float32Array>
  close(): Promise<void>
}

export interface SessionReport {
  readonly loadMs: number
  readonly warmUpMs: number
}

/** @throws IG_ERR_PREDICTION_MODEL_REFUSED */
export async function openSession(
  card: ModelCard,
  bytes: Uint8Array,
): Promise<{ readonly session: ModelSession; readonly report: SessionReport }> {
  const startedAt = performance.now()
  let onnx: InferenceSession
  try {
    onnx = await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 3,
    })
  } catch (cause) {
    throw ModelRefused.from(cause, card.id, 'model.onnx cannot be loaded')
  }
  const session = wrap(onnx, card)
  try {
    const loadedAt = performance.now()
    checkNames(onnx, card)
    await checkVector(session, card)
    const warmUpMs = await warmUp(session, card)
    return { session, report: { loadMs: loadedAt - startedAt, warmUpMs } }
  } catch (error) {
    await session.close()
    throw error
  }
}

function wrap(onnx: InferenceSession, card: ModelCard): ModelSession {
  return {
    async run(features, series) {
      const input = new Tensor('float32', features, [series, featureCount])
      const answer = await onnx.run({ [card.input.name]: input })
      const output = answer[card.output.name]
      if (!(output?.data instanceof Float32Array) || output.data.length !== series * outputSize)
        throw ModelRefused(
          card.id,
          `it answered ${series} series with shape [${output?.dims ?? 'none'}]`,
        )
      return output.data
    },
    close: () => onnx.release(),
  }
}

function checkNames(onnx: InferenceSession, card: ModelCard): void {
  if (onnx.inputNames.length !== 1 || onnx.inputNames[0] !== card.input.name)
    throw ModelRefused(card.id, `its inputs are ${onnx.inputNames}, wanted ${card.input.name}`)
  if (!onnx.outputNames.includes(card.output.name))
    throw ModelRefused(card.id, `its outputs are ${onnx.outputNames}, wanted ${card.output.name}`)
}

async function checkVector(session: ModelSession, card: ModelCard): Promise<void> {
  const { features, forecast } = card.vector
  let answer: Float32Array
  try {
    answer = await session.run(Float32Array.from(features.flat()), features.length)
  } catch (cause) {
    throw ModelRefused.from(cause, card.id, `it does not run on its test vector: ${cause}`)
  }
  const wanted = forecast.flat()
  const worst = wanted.reduce((max, value, at) => Math.max(max, Math.abs(value - answer[at]!)), 0)
  if (!(worst <= vectorTolerance) || wanted.length !== answer.length)
    throw ModelRefused(card.id, `it misses its test vector by ${worst}, allowed ${vectorTolerance}`)
}

async function warmUp(session: ModelSession, card: ModelCard): Promise<number> {
  const row = card.vector.features[0]!
  const features = new Float32Array(warmUpSeries * featureCount)
  for (let series = 0; series < warmUpSeries; series++) features.set(row, series * featureCount)
  await session.run(features, warmUpSeries)
  const startedAt = performance.now()
  await session.run(features, warmUpSeries)
  const warmUpMs = performance.now() - startedAt
  if (warmUpMs > warmUpMsMax)
    throw ModelRefused(
      card.id,
      `${warmUpSeries} series took it ${warmUpMs} ms, limit ${warmUpMsMax}`,
    )
  return warmUpMs
}
