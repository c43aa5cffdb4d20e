import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { silentLog } from '../../../../gateway/kit/log.ts'
import { featureCount } from '../../../../gateway/prediction/online/features.ts'
import { outputSize, readModel } from '../../../../gateway/prediction/serving/model-card.ts'
import { ModelHost } from '../../../../gateway/prediction/serving/model-host.ts'
import { eventually } from '../../../support/eventually.ts'

const still = await readModel(join(import.meta.dirname, '../fixtures/still'))

async function host(): Promise<ModelHost> {
  const one = new ModelHost(silentLog)
  onTestFinished(() => one.close())
  one.start()
  await one.load(still)
  return one
}

function ask(from: ModelHost, series = 3, model = 'still') {
  return from.queue.ask({
    model,
    features: new Float32Array(series * featureCount),
    series,
    priority: 'control',
    deadlineMs: 8_000,
  })
}

test('a loaded model answers a batch with a row each', async () => {
  const one = await host()
  expect(await ask(one)).toHaveLength(3 * outputSize)
})

test('a model that is not loaded fails alone: IG_ERR_PREDICTION_MODEL_REFUSED', async () => {
  const one = await host()
  await expect(ask(one, 1, 'nobody')).rejects.toMatchObject({
    code: 'IG_ERR_PREDICTION_MODEL_REFUSED',
  })
  expect(await ask(one)).toHaveLength(3 * outputSize)
  await one.unload('still')
  await expect(ask(one)).rejects.toMatchObject({ code: 'IG_ERR_PREDICTION_MODEL_REFUSED' })
})

test('a thread that dies fails what it had, IG_ERR_PREDICTION_WORKER_LOST, and returns with its models', async () => {
  const one = await host()
  const under = ask(one, 2_000)
  const fate = expect(under).rejects.toMatchObject({ code: 'IG_ERR_PREDICTION_WORKER_LOST' })
  await one.kill()
  await fate
  await eventually(async () => expect(await ask(one)).toHaveLength(3 * outputSize))
  expect(one.restarts).toBe(1)
})

test('a thread that dies again and again is not started in a rush', async () => {
  const one = await host()
  for (let round = 1; round <= 3; round++) {
    await one.kill()
    await eventually(() => expect(one.restarts).toBe(round))
    await eventually(async () => expect(await ask(one)).toHaveLength(3 * outputSize))
  }
  expect(one.restarts).toBe(3)
})
