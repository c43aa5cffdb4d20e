import { expect, test } from 'vitest'
import {
  type BatchRequest,
  queueLengthMax,
  RequestQueue,
} from '../../../../gateway/prediction/serving/request-queue.ts'

function request(model: string, priority: BatchRequest['priority'], deadlineMs = 5_000) {
  return { model, features: new Float32Array(0), series: 0, priority, deadlineMs }
}

/** A thread that answers only when told. */
function slowThread() {
  const started: string[] = []
  const answers: (() => void)[] = []
  const queue = new RequestQueue((one) => {
    started.push(one.model)
    return new Promise((resolve) => {
      answers.push(() => resolve(new Float32Array(1)))
    })
  })
  return { queue, started, answer: () => answers.shift()!() }
}

test('what control waits for overtakes shadow runs', async () => {
  const { queue, started, answer } = slowThread()
  const all = [
    queue.ask(request('first', 'shadow')),
    queue.ask(request('second', 'shadow')),
    queue.ask(request('control', 'control')),
  ]
  for (const one of [0, 2, 1]) {
    answer()
    await all[one]
  }
  expect(started).toEqual(['first', 'control', 'second'])
  expect(queue.counts.answered).toBe(3)
})

test('an answer behind its deadline is dropped and counted: IG_ERR_PREDICTION_LATE', async () => {
  const { queue, answer } = slowThread()
  const late = queue.ask(request('slow', 'control', 5))
  await expect(late).rejects.toMatchObject({ code: 'IG_ERR_PREDICTION_LATE' })
  answer()
  expect(queue.counts).toMatchObject({ late: 1, answered: 0 })
  const next = queue.ask(request('next', 'control'))
  await Promise.resolve()
  answer()
  await expect(next).resolves.toHaveLength(1)
})

test('a request that waits behind a slow one ends at its own deadline', async () => {
  const { queue } = slowThread()
  const first = queue.ask(request('first', 'control'))
  first.catch(() => undefined)
  await expect(queue.ask(request('second', 'shadow', 5))).rejects.toMatchObject({
    code: 'IG_ERR_PREDICTION_LATE',
  })
  expect(queue.length).toBe(0)
})

test('a full queue gives up shadow runs for control, then refuses: IG_ERR_PREDICTION_QUEUE_FULL', async () => {
  const { queue } = slowThread()
  const asked = (priority: BatchRequest['priority']) => {
    const promise = queue.ask(request('m', priority))
    promise.catch(() => undefined)
    return promise
  }
  asked('control') // This one is with the thread.
  const shadow = asked('shadow')
  for (let i = 1; i < queueLengthMax; i++) asked('control')
  expect(queue.length).toBe(queueLengthMax)
  await expect(asked('shadow')).rejects.toMatchObject({ code: 'IG_ERR_PREDICTION_QUEUE_FULL' })
  asked('control')
  await expect(shadow).rejects.toMatchObject({ code: 'IG_ERR_PREDICTION_QUEUE_FULL' })
  await expect(asked('control')).rejects.toMatchObject({ code: 'IG_ERR_PREDICTION_QUEUE_FULL' })
  expect(queue.length).toBe(queueLengthMax)
})
