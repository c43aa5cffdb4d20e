import { expect, test } from 'vitest'
import type { Log } from '../../../gateway/kit/log.ts'
import {
  createRelayLog,
  createRelayMetrics,
  playLine,
  playValues,
  type RelayedLine,
} from '../../../gateway/kit/relay.ts'

test('what a worker says is heard on the other side, errors as plain data', () => {
  const lines: RelayedLine[] = []
  const log = createRelayLog((line) => lines.push(structuredClone(line))).child({ room: 'x' })
  const err = Object.assign(new Error('no'), { code: 'IG_ERR_X' })
  log.warn({ code: 'IG_ERR_X', err, skip: () => {} }, 'it failed')
  const heard: unknown[] = []
  const loud = {
    warn: (fields: object, msg: string) => heard.push([fields, msg]),
  } as unknown as Log
  playLine(loud, lines[0]!)
  expect(heard).toMatchObject([
    [{ code: 'IG_ERR_X', err: { message: 'no', code: 'IG_ERR_X' } }, 'it failed'],
  ])
  expect(Object.keys((heard[0] as [object])[0])).toEqual(['code', 'err'])
})

test('counts are added up, gauges keep their last value, observations come one by one', () => {
  const relay = createRelayMetrics()
  const points = relay.counter('points')
  points.add(2, { outcome: 'written' })
  points.add(3, { outcome: 'written' })
  points.add(1, { outcome: 'rejected' })
  relay.gauge('lag').set(7)
  relay.gauge('lag').set(5)
  relay.histogram('seconds').observe(0.1)
  relay.histogram('seconds').observe(0.2)
  const played: unknown[] = []
  const instrument = (name: string) => {
    const play = (value: number, labels?: object) => played.push([name, value, labels])
    return { add: play, set: play, observe: play } as never
  }
  const names = ['points', 'lag', 'seconds']
  const instruments = Object.fromEntries(names.map((name) => [name, instrument(name)]))
  playValues(instruments, structuredClone(relay.take()))
  expect(played).toEqual([
    ['points', 5, { outcome: 'written' }],
    ['points', 1, { outcome: 'rejected' }],
    ['lag', 5, undefined],
    ['seconds', 0.1, undefined],
    ['seconds', 0.2, undefined],
  ])
  expect(relay.take()).toEqual([])
})

test('an instrument nobody has is passed over', () => {
  playValues({}, [{ instrument: 'unknown', act: 'add', value: 1 }])
})
