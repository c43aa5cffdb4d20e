import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
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
  one.kill()
  await expect(ask(one)).rejects.toMatchObject({ code: 'IG_ERR_PREDICTION_WORKER_LOST' })
  await eventually(async () => expect(await ask(one)).toHaveLength(3 * outputSize))
  expect(one.restarts).toBe(1)
})

test('a thread that dies again and again is not started in a rush', async () => {
  const one = await host()
  for (let round = 1; round <= 3; round++) {
    one.kill()
    await eventually(() => expect(one.restarts).toBe(round))
    await eventually(async () => expect(await ask(one)).toHaveLength(3 * outputSize))
  }
  expect(one.restarts).toBe(3)
})

test('a thread that hangs on a model is left alone, and another goes on without that model', {
  timeout: 120_000,
}, async () => {
  const hungry = await readModel(join(import.meta.dirname, '../fixtures/hungry'))
  const blamed: string[] = []
  const one = new ModelHost(silentLog, {
    hungAfterMs: 1_500,
    onHang: (model) => blamed.push(model),
  })
  onTestFinished(() => one.close())
  one.start()
  await one.load(still)
  // Its test vector alone takes it seconds.
  await expect(one.load(hungry)).rejects.toMatchObject({ code: 'IG_ERR_PREDICTION_WORKER_LOST' })
  expect(blamed).toEqual(['hungry'])
  await eventually(async () => expect(await ask(one)).toHaveLength(3 * outputSize), 60_000)
  expect(one.has('hungry')).toBe(false)
  await eventually(() => expect(one.abandoned).toBe(0), 60_000)
})

test('a process with nothing else to do waits for the thread to end in order, and then ends', async () => {
  const room = join(import.meta.dirname, '../../../../gateway')
  const program = `
    import { silentLog } from '${room}/kit/log.ts'
    import { readModel } from '${room}/prediction/serving/model-card.ts'
    import { ModelHost } from '${room}/prediction/serving/model-host.ts'
    const host = new ModelHost(silentLog)
    host.start()
    const loaded = host.load(await readModel('${join(import.meta.dirname, '../fixtures/still')}'))
    const alive = setInterval(() => undefined, 1_000)
    await loaded
    clearInterval(alive)
    await host.close()
    process.stdout.write('ended')
  `
  const dir = await mkdtemp(join(tmpdir(), 'host-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  await writeFile(join(dir, 'program.mjs'), program)
  const { stdout } = await promisify(execFile)(process.execPath, [join(dir, 'program.mjs')])
  expect(stdout).toBe('ended')
})
