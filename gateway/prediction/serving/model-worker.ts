/**
 * Entry of the model thread: loads, runs and unloads networks as told, one thing after the other.
 * Holds no state worth keeping; whoever started it starts another and loads again.
 */
import { parentPort } from 'node:worker_threads'
import { isCodedError } from '../../../schemas/coded-error.ts'
import { ModelRefused } from '../errors.ts'
import type { FromWorker, ToWorker } from './protocol.ts'
import { type ModelSession, openSession } from './session.ts'

if (parentPort === null) throw new Error('model-worker.ts is a thread, not a program')
const port = parentPort

const sessions = new Map<string, ModelSession>()

async function handle(message: ToWorker): Promise<FromWorker> {
  switch (message.kind) {
    case 'load': {
      const { session, report } = await openSession(message.card, message.bytes)
      await sessions.get(message.card.id)?.close()
      sessions.set(message.card.id, session)
      return { kind: 'loaded', id: message.id, report }
    }
    case 'run': {
      const session = sessions.get(message.model)
      if (!session) throw ModelRefused(message.model, 'it is not loaded')
      const forecast = await session.run(message.features, message.series)
      return { kind: 'answer', id: message.id, forecast: Float32Array.from(forecast) }
    }
    case 'end': {
      for (const session of sessions.values()) await session.close()
      sessions.clear()
      return { kind: 'ended', id: message.id }
    }
    case 'crash':
      // Outside of this promise, so that it is the thread that fails and not the message.
      setImmediate(() => {
        throw new Error('told to')
      })
      return new Promise(() => undefined)
    case 'unload': {
      await sessions.get(message.model)?.close()
      sessions.delete(message.model)
      return { kind: 'unloaded', id: message.id }
    }
  }
}

let last: Promise<void> = Promise.resolve()
port.on('message', (message: ToWorker) => {
  last = last.then(async () => {
    try {
      const answer = await handle(message)
      const moved = answer.kind === 'answer' ? [answer.forecast.buffer as ArrayBuffer] : []
      port.postMessage(answer, moved)
      if (answer.kind === 'ended') port.close()
    } catch (error) {
      const code = isCodedError(error) ? error.code : ModelRefused.code
      const failed: FromWorker = { kind: 'failed', id: message.id, code, message: `${error}` }
      port.postMessage(failed)
    }
  })
})
port.postMessage({ kind: 'ready' } satisfies FromWorker)
