/** What is asked holds for as long as was asked for; the rest of its life is in loop.test.ts. */
import { expect, test } from 'vitest'
import { createRequestDesk } from '../../../gateway/control/request-desk.ts'
import type { Result } from '../../../schemas/generated/messages.ts'
import { createCommandId, parseNodeId } from '../../../schemas/ids.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { crossing, node, startMs } from './junction.ts'

test('a clock that is put back makes a hold no longer', () => {
  const answers: Result[] = []
  const metrics = new Proxy({}, { get: () => ({ add() {} }) }) as never
  const desk = createRequestDesk({
    junctions: new Map([[node, crossing()]]),
    output: { decided() {}, answer: (_to, _code, answered) => answers.push(answered) },
    metrics,
  })
  const value = {
    id: createCommandId(startMs),
    ts: formatTimestamp(startMs),
    expiresAt: formatTimestamp(startMs + 10_000),
    target: node,
    holdForMs: 60_000,
    values: { stage: 2 },
  }
  const request = {
    type: 'request' as const,
    code: 'tlc.stage.set',
    value,
    receivedAtMs: startMs,
    notes: { askerRole: 'operator' as const },
  }
  desk.receive({ ...request, node: parseNodeId('desk-2') }, startMs)
  expect(desk.active(node, startMs + 10_000)).toBeDefined()
  const putBackMs = startMs + 10_000 - 3_600_000
  expect(desk.active(node, putBackMs)).toBeDefined()
  expect(desk.active(node, putBackMs + 49_999)).toBeDefined()
  expect(desk.active(node, putBackMs + 50_000)).toBeUndefined()
  expect(answers.at(-1)?.state).toBe('expired')
})
