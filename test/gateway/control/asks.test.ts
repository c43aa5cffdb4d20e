/** Who is held, who takes whose place, and who is heard. */
import { expect, test } from 'vitest'
import { type Ask, createAsks } from '../../../gateway/control/asks.ts'
import { createCommandId, parseNodeId } from '../../../schemas/ids.ts'
import { node, startMs } from './junction.ts'

function ask(kind: Ask['kind'], changes: Partial<Ask> = {}): Ask {
  return {
    id: createCommandId(startMs),
    from: parseNodeId(kind === 'operator' ? 'desk-2' : 'transit'),
    requestCode: kind === 'operator' ? 'tlc.mode.set' : 'tlc.priority.request',
    kind,
    junction: parseNodeId(node),
    code: 'tlc.stage.set',
    component: undefined,
    vehicle: undefined,
    values: { stage: 1 },
    fromMs: startMs,
    untilMs: startMs + 60_000,
    ...changes,
  }
}

/** Eight buses, a second apart. */
function full() {
  const asks = createAsks()
  const buses = Array.from({ length: 8 }, (_, at) =>
    ask('priority', { fromMs: startMs + at * 1000 }),
  )
  for (const bus of buses) asks.add(bus)
  return { asks, buses }
}

test.each(['operator', 'emergency'] as const)(
  'an %s is heard however many buses are held',
  (kind) => {
    const { asks, buses } = full()
    const newcomer = ask(kind)
    expect(asks.add(newcomer)).toEqual({ replaced: [], displaced: buses.at(-1) })
    expect(asks.active(node, startMs)).toBe(newcomer)
    expect(asks.of(node)).toEqual([...buses.slice(0, -1), newcomer])
  },
)

test('a ninth bus is refused, and nobody has to go for it', () => {
  const { asks, buses } = full()
  expect(asks.add(ask('priority'))).toMatchObject({ refused: expect.stringMatching(/8 requests/) })
  expect(asks.of(node)).toEqual(buses)
})

test('of a mixed crowd the lowest that would come last goes', () => {
  const asks = createAsks()
  const bus = ask('priority')
  asks.add(bus)
  for (let at = 0; at < 7; at++) asks.add(ask('emergency', { fromMs: startMs + at }))
  expect(asks.add(ask('emergency'))).toMatchObject({ displaced: bus })
  expect(asks.add(ask('emergency'))).toMatchObject({ refused: expect.any(String) })
  expect(asks.add(ask('operator'))).toMatchObject({ displaced: { fromMs: startMs + 6 } })
})

test('newer word about a vehicle takes the place of the older, of the same asker only', () => {
  const asks = createAsks()
  const first = ask('priority', { vehicle: 'bus-7' })
  const others = [
    ask('priority', { vehicle: 'bus-8' }),
    ask('priority', { vehicle: 'bus-7', from: parseNodeId('trams') }),
    ask('priority'),
  ]
  for (const each of [first, ...others]) asks.add(each)
  const newer = ask('priority', { vehicle: 'bus-7', fromMs: startMs + 9000 })
  expect(asks.add(newer)).toEqual({ replaced: [first], displaced: undefined })
  expect(asks.of(node)).toEqual([...others, newer])
})

test('an arrival may be put right when the junction is full', () => {
  const { asks } = full()
  const [last] = asks.of(node).slice(-1)
  asks.remove(last as Ask)
  asks.add(ask('priority', { vehicle: 'bus-7' }))
  expect(asks.add(ask('priority', { vehicle: 'bus-7' }))).toMatchObject({ displaced: undefined })
})
