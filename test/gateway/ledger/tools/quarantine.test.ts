/** The quarantine and its way back, with a door and a ledger that run meanwhile. */
import { expect, test } from 'vitest'
import { reportAccounts } from '../../../../gateway/ledger/tools/accounts.ts'
import {
  type QuarantineProgramOptions,
  quarantineProgram,
  runQuarantine,
} from '../../../../gateway/ledger/tools/quarantine-program.ts'
import { readCommandLine } from '../../../../schemas/command-line.ts'
import { eventually } from '../../../support/eventually.ts'
import { arrival, ask, at, build, count, type House } from '../../ingress/house.ts'

async function run(house: House, ...argv: string[]): Promise<Record<string, unknown>[]> {
  const line = readCommandLine<QuarantineProgramOptions>(
    quarantineProgram,
    [...argv, '--data-dir', house.dir],
    {},
  )
  if (line.kind === 'help') throw new Error('help')
  const lines: string[] = []
  await runQuarantine(line.options, {
    positionals: line.positionals,
    print: (text) => void lines.push(text),
  })
  return lines.map((text) => JSON.parse(text))
}

const broken = { entries: [{ ts: at(0), seq: 1, values: { windowMs: 60_000 } }] }
const quick = { ledger: { limits: { tickMs: 10 } } }

test('list and show tell what came, from whom, and why it was not understood', async () => {
  const house = await build(quick)
  await ask(house, arrival(broken))
  await ask(house, arrival(Buffer.from('x'.repeat(100_000))))
  const [second, first] = await run(house, 'list')
  expect(first).toEqual({
    id: 1,
    receivedAt: at(0),
    code: 'IG_ERR_MSG_SCHEMA',
    path: '/entries/0/values',
    reason: expect.stringContaining("must have required property 'detectors'"),
    node: 'north/det-1',
    topic: 'north/det-1/status/traffic.count/1min',
    bytes: JSON.stringify(broken).length,
  })
  expect(second).toMatchObject({ id: 2, code: 'IG_ERR_MSG_NOT_JSON', bytes: 100_000 })
  expect(await run(house, 'list', '--code', 'IG_ERR_MSG_SCHEMA')).toHaveLength(1)
  expect(await run(house, 'list', '--node', 'north/det-9')).toHaveLength(0)
  const [shown] = await run(house, 'show', '1')
  expect(shown).toMatchObject({ isWhole: true, payload: JSON.stringify(broken) })
  await expect(run(house, 'show', '77')).rejects.toMatchObject({
    code: 'IG_ERR_QUARANTINE_UNKNOWN',
  })
})

test('what fits now is stored in the commit in which it leaves the quarantine; what does not stays', async () => {
  // A gateway whose clock was a day behind set good messages aside; with the right clock they are judged anew.
  const house = await build({ ...quick, ingress: { limits: { futureMsMax: -1, futureMs: -1 } } })
  await ask(house, arrival(count(1)))
  await ask(house, arrival(count(2)))
  await ask(house, arrival(broken))
  expect(house.ingress.accounts()).toMatchObject({ stored: 0, quarantinedTotal: 3 })
  await house.close()
  const mended = await build({ ...quick, dir: house.dir })
  await ask(mended, arrival(count(2)))
  const [asked] = await run(mended, 'resubmit', '--all')
  expect(asked).toMatchObject({ asked: [3, 2, 1], keptInPartOnly: 0 })
  await eventually(() =>
    expect(mended.ingress.accounts()).toMatchObject({
      received: 4,
      stored: 2,
      duplicate: 1,
      quarantinedTotal: 1,
      residual: 0,
    }),
  )
  await eventually(async () => expect(await run(mended, 'list')).toMatchObject([{ id: 3 }]))
  // The file shows it a moment before the door has been told.
  await eventually(async () => {
    const records = await mended.ledger.read(0, { recordsMax: 10, bytesMax: 10_000 })
    expect(records.map((record) => record.message.value)).toEqual([count(2), count(1)])
  })
  await mended.close()
  expect(reportAccounts(house.dir)).toMatchObject({ quarantineRows: 1, findings: [] })
})

test('a request made while no gateway runs is met at its next start', async () => {
  const house = await build({ ...quick, ingress: { limits: { futureMsMax: -1, futureMs: -1 } } })
  await ask(house, arrival(count(1)))
  await house.close()
  await run(house, 'resubmit', '1')
  const mended = await build({ ...quick, dir: house.dir })
  await eventually(() =>
    expect(mended.ingress.accounts()).toMatchObject({ stored: 1, quarantinedTotal: 0 }),
  )
})

test('of a payload that was too long only the beginning is kept, and it is not judged anew', async () => {
  const house = await build(quick)
  await ask(house, arrival(Buffer.alloc(100_000, 'x')))
  expect(await run(house, 'show', '1')).toMatchObject([{ isWhole: false, bytes: 100_000 }])
  expect(await run(house, 'resubmit', '--all')).toEqual([{ asked: [], keptInPartOnly: 1 }])
})

test('a device gone mad makes room for its own nonsense and leaves what others have left', async () => {
  const house = await build({ ledger: { limits: { quarantineRowsMax: 20, tickMs: 10 } } })
  const others = Array.from({ length: 10 }, (_, i) => `north/det-${10 + i}`)
  const nonsense = Buffer.from('nonsense')
  for (const node of others) await ask(house, arrival(nonsense, `${node}/status/x`, node))
  for (let i = 0; i < 50; i++) await ask(house, arrival(Buffer.from(`nonsense ${i}`)))
  const kept = await run(house, 'list')
  expect(kept).toHaveLength(20)
  expect(kept.filter(({ node }) => node === 'north/det-1')).toHaveLength(10)
  await house.close()
  expect(reportAccounts(house.dir)).toMatchObject({ quarantineDropped: 40, findings: [] })
})

test('the quarantine is bounded in messages and bytes: the oldest go, and are counted', async () => {
  const limits = { quarantineRowsMax: 10, quarantineBytesMax: 5_000, tickMs: 10 }
  const house = await build({ ledger: { limits } })
  for (let i = 0; i < 30; i++) await ask(house, arrival(Buffer.from(`nonsense ${i}`)))
  expect(await run(house, 'list')).toHaveLength(10)
  for (let i = 0; i < 10; i++) await ask(house, arrival(Buffer.alloc(1_000, String(i))))
  expect(await run(house, 'list')).toHaveLength(5)
  await house.close()
  expect(reportAccounts(house.dir)).toMatchObject({
    quarantinedTotal: 40,
    quarantineDropped: 35,
    quarantineRows: 5,
    residual: 0,
    findings: [],
  })
})
