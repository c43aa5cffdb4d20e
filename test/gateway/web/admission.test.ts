import { expect, test } from 'vitest'
import { createAdmission } from '../../../gateway/web/admission.ts'

const limits = { connectionsMax: 5, connectionsOfOneMax: 2, requestsMax: 5, requestsOfOneMax: 2 }

function open() {
  let nowMs = 0
  const admission = createAdmission(limits, () => nowMs)
  const later = (ms: number) => {
    nowMs += ms
  }
  return { admission, later }
}

test('one address gets its share of connections, all together get theirs, and a place is free again', () => {
  const { admission } = open()
  const entered = (address: string) => admission.enter(address)
  expect(['a', 'a', 'a', 'b', 'b', 'c', 'd'].map(entered)).toEqual([
    true,
    true,
    false,
    true,
    true,
    true,
    false,
  ])
  admission.leave('a')
  expect(entered('d')).toBe(true)
})

test('requests are counted anew after ten seconds', () => {
  const { admission, later } = open()
  const asked = () => [1, 2, 3].map(() => admission.mayAsk('192.0.2.7', false))
  expect(asked()).toEqual([true, true, false])
  later(9_999)
  expect(asked()).toEqual([false, false, false])
  later(1)
  expect(asked()).toEqual([true, true, false])
})

test('a flood from elsewhere does not keep a health check out', () => {
  const { admission } = open()
  for (let at = 0; at < 9; at++) admission.mayAsk(`192.0.2.${at}`, false)
  expect(admission.mayAsk('198.51.100.1', false)).toBe(false)
  expect(admission.mayAsk('198.51.100.1', true)).toBe(true)
})

test.each([
  ['2001:db8:1:2::1', '2001:db8:1:2:ffff::2', false],
  ['2001:db8:1:2::1', '2001:db8:1:3::1', true],
  ['fe80::1%eth0', 'fe80::2', false],
  ['::1', '::2', false],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.2', true],
])('%s and %s share an allowance unless %s', (one, other, isTaken) => {
  const { admission } = open()
  admission.mayAsk(one, false)
  admission.mayAsk(one, false)
  expect(admission.mayAsk(other, false)).toBe(isTaken)
})
