import { expect, test } from 'vitest'
import { createModeration } from '../../broker/moderation.ts'

/** Turns of the event loop with so many chunks each, so many ms apart; answers how often it slept. */
async function sleepsIn(turns: readonly { chunks: number; afterMs: number }[]): Promise<number> {
  let nowMs = 1_000
  let sleeps = 0
  const sleep = (ms: number) => {
    sleeps += 1
    nowMs += ms
  }
  const moderation = createModeration(sleep, { now: () => nowMs })
  for (const { chunks, afterMs } of turns) {
    nowMs += afterMs
    for (let i = 0; i < chunks; i++) moderation.heard()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return sleeps
}

test('a message after a pause is not delayed', async () => {
  expect(await sleepsIn(Array(5).fill({ chunks: 1, afterMs: 10 }))).toBe(0)
})

test('messages that come one shortly after the other are gathered', async () => {
  expect(await sleepsIn(Array(5).fill({ chunks: 1, afterMs: 0.3 }))).toBe(4)
})

test('a turn with many messages goes on at once', async () => {
  expect(await sleepsIn(Array(5).fill({ chunks: 60, afterMs: 0.3 }))).toBe(0)
})
