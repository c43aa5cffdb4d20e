/** A thread for tests of supervision: answers, refuses, dies when told, or cannot open at all. */
import { parentPort, workerData } from 'node:worker_threads'
import { serveThread } from '../../../gateway/kit/supervised-thread.ts'
import { defineError } from '../../../schemas/coded-error.ts'

const Refused = defineError({
  code: 'IG_ERR_TEST_REFUSED',
  message: 'no %s',
  hint: 'none',
  blame: 'operator',
  retry: 'never',
})

await serveThread<string, string>(parentPort!, async (say) => {
  if (workerData.cannotOpen) throw Refused('opening')
  return {
    handle(message) {
      if (message === 'die') throw new Error('as told')
      say(`heard ${message}`)
    },
    answer(name, args) {
      if (name === 'refuse') throw Refused('answer')
      return [name, ...args]
    },
    async stop() {
      say('stopping')
    },
  }
})
