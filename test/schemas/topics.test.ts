import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isNodeId, parseNodeId } from '../../schemas/ids.ts'
import { isTopic, parseTopic, topics } from '../../schemas/topics.ts'

const node = parseNodeId('north/tlc-001')

test('a topic comes apart into what it was built of', () => {
  expect(parseTopic(topics.status(node, 'traffic.count', '1min'))).toEqual({
    node,
    type: 'status',
    code: 'traffic.count',
    channel: '1min',
  })
  expect(parseTopic(topics.presence(node))).toEqual({
    node,
    type: 'presence',
    code: '',
    channel: '',
  })
  expect(parseTopic(topics.alarm(parseNodeId('det-1'), 'tlc.lamp'))).toMatchObject({
    node: 'det-1',
  })
  expect(parseTopic('a/b/c/command/tlc.stage.set')).toMatchObject({ node: 'a/b/c' })
})

test.each([
  ['', 'no level is a message type'],
  ['north/tlc-001', 'no level is a message type'],
  ['status/traffic.count', 'the node is not'],
  ['a/b/c/d/status/x', 'the node is not'],
  ['North/tlc/status/x', 'the node is not'],
  ['north//status/x', 'the node is not'],
  ['north/tlc/status', 'wants a code'],
  ['north/tlc/status/', 'wants a code'],
  ['north/tlc/status/x/y/z', 'too many levels'],
  ['north/tlc/alarm/tlc.lamp/extra', 'not allowed here'],
  ['north/tlc/presence/x', 'is the last level'],
  [`north/tlc/status/${'x'.repeat(300)}`, 'longer than'],
])('%j is no topic: %s', (text, reason) => {
  const parsed = parseTopic(text)
  expect(isTopic(parsed)).toBe(false)
  expect((parsed as { reason: string }).reason).toContain(reason)
})

test('no text makes the parser throw, and what it accepts it can build again', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 80 }), (text) => {
      const parsed = parseTopic(text)
      if (!isTopic(parsed)) return
      expect(isNodeId(parsed.node)).toBe(true)
      const tail = [parsed.type, parsed.code, parsed.channel].filter((level) => level !== '')
      expect([parsed.node, ...tail].join('/')).toBe(text)
    }),
  )
})
