/** The whole table of who may ask for what. */
import { expect, test } from 'vitest'
import { mayAsk, refuseAsk } from '../../schemas/askers.ts'
import { schemaPaths } from '../../schemas/validators.ts'

const codes = schemaPaths()
  .filter((path) => path.startsWith('request/'))
  .map((path) => path.slice('request/'.length).replace('.schema.json', ''))
const kinds = ['bus', 'tram', 'emergency']

const grants = (role: string | undefined) =>
  codes.flatMap((code) => {
    const values = code === 'tlc.priority.request' ? kinds.map((kind) => ({ kind })) : [{}]
    return values
      .filter((value) => refuseAsk(role, code, value) === undefined)
      .map((value) => ('kind' in value ? `${code} ${value.kind}` : code))
  })

test('an operator asks for everything there is', () => {
  expect(grants('operator')).toHaveLength(codes.length + kinds.length - 1)
})

test('priority systems ask for vehicles: emergency for each kind, priority for no emergency', () => {
  const common = ['release', 'tlc.priority.request bus', 'tlc.priority.request tram']
  expect(grants('priority').sort()).toEqual(common)
  expect(grants('emergency').sort()).toEqual([...common, 'tlc.priority.request emergency'].sort())
})

test.each(['device', 'simulator', 'center', 'server', 'king', '', undefined])(
  '%j asks for nothing',
  (role) => {
    expect(grants(role)).toEqual([])
    expect(codes.some((code) => mayAsk(role, code))).toBe(false)
  },
)

test('what is claimed beyond the certificate is refused by code, and the words name both', () => {
  expect(refuseAsk('priority', 'tlc.priority.request', { kind: 'emergency' })).toMatchObject({
    code: 'IG_ERR_MSG_BEYOND_CERTIFICATE',
    message:
      'a certificate of the role priority does not allow asking for tlc.priority.request of kind emergency',
  })
  // A kind of vehicle that nobody has thought of here is not waved through.
  expect(refuseAsk('priority', 'tlc.priority.request', { kind: 'motorcade' })).toBeDefined()
})
