/** Books that do not balance, whether at the door or at a reader, are an alarm and a metric. */
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { createInstruments } from '../../../gateway/compose/instruments.ts'
import { createLedgerWatch } from '../../../gateway/compose/ledger-watch.ts'
import { createOwnNode } from '../../../gateway/compose/own-node.ts'
import { readAccounts } from '../../../gateway/compose/read-meters.ts'
import { ledgerFile } from '../../../gateway/ledger/file.ts'
import type { Ledger } from '../../../gateway/ledger/ledger.ts'
import { validateMessage } from '../../../schemas/validators.ts'
import { makeDir, openIn, storeMany } from '../ledger/house.ts'

/** What the gateway says of its storage when it looks once. */
async function look(ledger: Ledger): Promise<object[]> {
  const alarms: object[] = []
  const own = createOwnNode('test', {
    publish() {},
    keep(topic, message) {
      expect(topic).toBe('gateway/test/alarm/system.storage')
      expect(validateMessage('alarm', 'system.storage', message)).toBeUndefined()
      alarms.push(...(message as { entries: { active: boolean; values: object }[] }).entries)
    },
    nowMs: () => 0,
  })
  const watch = createLedgerWatch(ledger, own, () => 0)
  await watch.start(new AbortController().signal)
  await watch.stop(1_000) // It looks a last time.
  return alarms
}

async function residuals(ledger: Ledger): Promise<string[]> {
  const { metrics } = createInstruments()
  readAccounts(metrics, ledger)
  const text = await metrics.text()
  return text.split('\n').filter((line) => /^intergreen_(dispatch|ingress)_residual/.test(line))
}

/** Two readers, one of them at the end; then whatever somebody does to the file while nobody is at home. */
async function tampered(statement?: string): Promise<Ledger> {
  const dir = makeDir()
  const ledger = await openIn(dir)
  for (const reader of ['history', 'influx']) ledger.loadCursor(reader)
  ledger.books.received += 10
  await storeMany(ledger, 10)
  ledger.advanceCursor('history', 10)
  ledger.advanceCursor('influx', 5, 1)
  await ledger.close()
  if (statement !== undefined) {
    const db = new DatabaseSync(ledgerFile(dir))
    expect(db.prepare(statement).run().changes).toBe(1)
    db.close()
  }
  return openIn(dir)
}

test('books that balance are no alarm, whatever a reader has still to pass or could not take', async () => {
  const ledger = await tampered()
  expect(await look(ledger)).toEqual([])
  expect(await residuals(ledger)).toEqual([
    'intergreen_ingress_residual 0',
    'intergreen_dispatch_residual{consumer="history"} 0',
    'intergreen_dispatch_residual{consumer="influx"} 0',
  ])
})

test('a reader whose account does not add up raises the alarm, by name', async () => {
  const ledger = await tampered("UPDATE cursors SET written = written - 3 WHERE reader = 'influx'")
  expect(await look(ledger)).toMatchObject([
    {
      active: true,
      values: { kind: 'residual', text: 'the books do not balance: 3 at reader influx' },
    },
  ])
  expect(await residuals(ledger)).toContain('intergreen_dispatch_residual{consumer="influx"} 3')
})

test('a message too many at the door raises it too', async () => {
  const ledger = await tampered(
    "UPDATE state SET value = json_set(value, '$.received', 12) WHERE name = 'door'",
  )
  expect(await look(ledger)).toMatchObject([
    { active: true, values: { kind: 'residual', text: 'the books do not balance: 2 at the door' } },
  ])
  expect(await residuals(ledger)).toContain('intergreen_ingress_residual 2')
})
