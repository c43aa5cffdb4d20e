/** When handshakes begin, and who waits. */
import { Socket } from 'node:net'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createAdmission } from '../../broker/admission.ts'

function open(limits: { perSecondMax?: number; perTurnMax?: number; waitingMax?: number } = {}) {
  const begun: Socket[] = []
  const refused: Socket[] = []
  const admission = createAdmission({
    perSecondMax: 1_000,
    perTurnMax: 2,
    waitingMax: 100,
    ...limits,
    begin: (socket) => begun.push(socket),
    refuse: (socket) => refused.push(socket),
  })
  onTestFinished(() => admission.close())
  const sockets = Array.from({ length: 20 }, () => new Socket())
  const enter = (count: number) => {
    for (const socket of sockets.slice(0, count)) admission.enter(socket)
  }
  return { admission, begun, refused, sockets, enter }
}

test('so many begin in a turn of the event loop, in the order they came, until all have', async () => {
  const { begun, sockets, enter } = open()
  enter(9)
  const seen = [begun.length]
  while (begun.length < 9) {
    await nextTurn()
    seen.push(begun.length)
  }
  for (let at = 1; at < seen.length; at++) expect(seen[at]! - seen[at - 1]!).toBeLessThanOrEqual(2)
  expect(seen[0]).toBe(2)
  expect(begun).toEqual(sockets.slice(0, 9))
})

test('when the second’s worth is used up the others wait for the next', async () => {
  const { begun, enter } = open({ perSecondMax: 10, perTurnMax: 100 })
  enter(12)
  expect(begun.length).toBe(10)
  const startedAtMs = performance.now()
  while (begun.length < 12) await wait(5)
  expect(performance.now() - startedAtMs).toBeGreaterThan(150)
})

test('who leaves while it waits costs no turn, and who finds the line full is refused', async () => {
  const { begun, refused, sockets, enter } = open({ waitingMax: 4 })
  enter(8)
  expect(refused).toEqual(sockets.slice(6, 8))
  sockets[2]!.destroy()
  sockets[3]!.destroy()
  await nextTurn()
  await nextTurn()
  expect(begun).toEqual([0, 1, 4, 5].map((at) => sockets[at]))
})

test('after its end nobody begins', async () => {
  const { admission, begun, enter } = open()
  enter(5)
  admission.close()
  await wait(40)
  expect(begun.length).toBe(2)
})
