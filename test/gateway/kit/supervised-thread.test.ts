import { expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { createSupervisedThread } from '../../../gateway/kit/supervised-thread.ts'
import { eventually } from '../../support/eventually.ts'

function house(workerData: object = {}) {
  const heard: string[] = []
  let openings = 0
  const thread = createSupervisedThread<string, string>({
    url: new URL('./answering-thread.ts', import.meta.url),
    name: 'answering',
    workerData,
    log: silentLog,
    clock: createSystemClock(),
    unavailable: (why) => new Error(why),
    onOpened: () => {
      openings += 1
    },
    onMessage: (message) => heard.push(message),
  })
  onTestFinished(() => thread.stop(2_000))
  return { thread, heard, openings: () => openings }
}

test('it is heard, answers, refuses with a code, and ends in order', async () => {
  const { thread, heard } = house()
  await thread.start()
  thread.post('hello')
  expect(await thread.ask('sum', [1, 2])).toEqual(['sum', 1, 2])
  await expect(thread.ask('refuse', [])).rejects.toMatchObject({
    code: 'IG_ERR_TEST_REFUSED',
    message: 'no answer',
    blame: 'operator',
  })
  await thread.stop(2_000)
  expect(heard).toEqual(['heard hello', 'stopping'])
  await expect(thread.ask('sum', [])).rejects.toThrow('not running')
})

test('what it cannot open fails the start, with its code', async () => {
  const { thread } = house({ cannotOpen: true })
  await expect(thread.start()).rejects.toMatchObject({ code: 'IG_ERR_TEST_REFUSED' })
})

test('when it dies, open questions are refused and it is started again', async () => {
  const { thread, openings } = house()
  await thread.start()
  thread.post('die')
  await expect(thread.ask('sum', [])).rejects.toThrow('ended')
  await eventually(() => expect(openings()).toBe(2))
  expect(await thread.ask('sum', [])).toEqual(['sum'])
})

test('a stop while it is being started again ends it for good', async () => {
  const { thread, openings } = house()
  await thread.start()
  thread.post('die')
  await expect(thread.ask('sum', [])).rejects.toThrow('ended')
  await thread.stop(1_000)
  await expect(thread.ask('sum', [])).rejects.toThrow('not running')
  expect(openings()).toBe(1)
})
