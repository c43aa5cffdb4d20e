import { expect, test } from 'vitest'
import {
  createDeviceTeller,
  type DeviceReport,
  messagesPerMinuteMax,
  nodesPerMessageMax,
} from '../../../gateway/compose/device-watch.ts'
import { validateMessage } from '../../../schemas/validators.ts'

const quiet = {
  ...{ messages: 9, duplicates: 0, quarantined: 0, gaps: 0, missing: 0, replayed: 0 },
  ...{ restarts: 0, late: 0, future: 0, misaligned: 0 },
}
const report = (more: Partial<DeviceReport> = {}): DeviceReport => ({
  node: 'north/det-001',
  clockOffsetMs: 12.4,
  ...quiet,
  ...more,
})

test('a device is told once, and again when its figures change', () => {
  const take = createDeviceTeller()
  expect(take([report()])).toEqual([{ 'north/det-001': { ...quiet, clockOffsetMs: 12 } }])
  // That messages come, and that the estimate wanders a little, is no change.
  expect(take([report({ messages: 700, clockOffsetMs: 60 })])).toEqual([])
  const gap = report({ messages: 701, gaps: 1, missing: 2 })
  expect(take([gap])).toMatchObject([{ 'north/det-001': { messages: 701, gaps: 1, missing: 2 } }])
  expect(take([gap])).toEqual([])
  expect(take([report({ ...gap, clockOffsetMs: -4000 })])).toMatchObject([
    { 'north/det-001': { clockOffsetMs: -4000 } },
  ])
})

test('without an estimate of the clock none is told, and its coming is a change', () => {
  const take = createDeviceTeller()
  expect(take([report({ clockOffsetMs: undefined })])).toEqual([{ 'north/det-001': quiet }])
  expect(take([report({ clockOffsetMs: undefined })])).toEqual([])
  expect(take([report({ clockOffsetMs: 3 })])).toHaveLength(1)
})

test('a large fleet is told in turns, nobody twice before everybody once', () => {
  const take = createDeviceTeller()
  const size = nodesPerMessageMax * messagesPerMinuteMax + 10
  const fleet = (late: number) =>
    Array.from({ length: size }, (_, at) => report({ node: `north/det-${at}`, late }))
  const first = take(fleet(0))
  expect(first.map((nodes) => Object.keys(nodes).length)).toEqual(
    Array.from({ length: messagesPerMinuteMax }, () => nodesPerMessageMax),
  )
  const told = new Set(first.flatMap((nodes) => Object.keys(nodes)))
  const second = take(fleet(1)).flatMap((nodes) => Object.keys(nodes))
  expect(second.slice(0, 10).filter((node) => told.has(node))).toEqual([])
})

test('what is told has the shape of its schema', () => {
  const [nodes] = createDeviceTeller()([report(), report({ node: 'north/tlc-001' })])
  const message = { entries: [{ ts: '2026-11-22T07:01:00.000Z', seq: 0, values: { nodes } }] }
  expect(validateMessage('status', 'gateway.devices', message)).toBeUndefined()
})
