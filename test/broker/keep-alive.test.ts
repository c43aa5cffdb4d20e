import { expect, onTestFinished, test, vi } from 'vitest'
import { createKeepAlive } from '../../broker/keep-alive.ts'

test('who is silent for longer than allowed is ended soon after, and nobody else', () => {
  vi.useFakeTimers()
  onTestFinished(() => void vi.useRealTimers())
  const startMs = performance.now()
  const silentMs = () => performance.now() - startMs
  const late = { silentMsMax: 1_500, silentMs }
  const patient = { silentMsMax: 60_000, silentMs }
  const heard = { silentMsMax: 1_500, silentMs: () => 10 }
  const unbounded = { silentMsMax: 0, silentMs }
  const connections = new Set([late, patient, heard, unbounded])
  const ended: [object, number][] = []
  const keepAlive = createKeepAlive(connections, (connection) => {
    ended.push([connection, silentMs()])
    connections.delete(connection)
  })
  keepAlive.start()
  vi.advanceTimersByTime(1_499)
  expect(ended).toEqual([])
  vi.advanceTimersByTime(30_000)
  expect(ended.map(([connection]) => connection)).toEqual([late])
  expect(ended[0]?.[1]).toBeLessThanOrEqual(1_750)
  keepAlive.stop()
  vi.advanceTimersByTime(100_000)
  expect(ended).toHaveLength(1)
})
