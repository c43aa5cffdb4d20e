/**
 * Faults of the database that take the gateway's own patience to end: a token that is refused (tried again each minute),
 * and a database that answers after the 30 s a request may take.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openProxy, openStand } from '../support/fault-stand.ts'
import type { VictoriaMetrics } from '../support/victoria-metrics.ts'

const requestTimeoutMs = 30_000
const answersAfterMs = requestTimeoutMs + 2_000
const parkedMsMost = 60_000
const patienceMs = 30_000
const little = { devices: 4, perSecond: 5 } // It takes a minute; it need not take a processor.

export function patienceFaults(database: () => VictoriaMetrics): void {
  test('a token that is refused parks with an alarm until it is mended', async (context) => {
    const proxy = await openProxy(context, database())
    const folder = mkdtempSync(join(tmpdir(), 'intergreen-token-'))
    context.onTestFinished(() => rmSync(folder, { recursive: true }))
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, 'old')
    const stand = await openStand(context, {
      zone: 'token',
      database: database(),
      influxUrl: proxy.url,
      args: [`--influx-token-file=${tokenFile}`],
      fleet: little,
    })
    await stand.start()
    const alarms = await stand.alarms()
    await stand.acknowledges(10)
    proxy.plan = () => ({ kind: 'answer', status: 401, body: '{"message":"unauthorized access"}' })
    await eventually(() => expect(alarms()).toEqual(['sink-unauthorised raised']), patienceMs)
    const pubacks = await stand.gateGoesOn(5_000)
    const asked = proxy.seen.filter(({ kind }) => kind === 'answer').length
    expect(asked).toBe(1)
    writeFileSync(tokenFile, 'new\n')
    proxy.plan = () => ({ kind: 'pass' })
    const sinceMs = performance.now()
    await eventually(
      () => expect(alarms()).toEqual(['sink-unauthorised raised', 'sink-unauthorised over']),
      parkedMsMost + patienceMs,
    )
    expect(proxy.seen.at(-1)).toMatchObject({ kind: 'pass', token: 'Token new' })
    const note = `alarm raised and cleared, token read anew, ${pubacks}`
    await stand.reckon({ fault: 'database: 401', sinceMs, note })
  }, 200_000)

  test('what a database takes and answers too late is written once', async (context) => {
    const proxy = await openProxy(context, database())
    const stand = await openStand(context, {
      zone: 'late',
      database: database(),
      influxUrl: proxy.url,
      fleet: little,
    })
    await stand.start()
    await stand.acknowledges(10)
    proxy.plan = () => ({ kind: 'late', delayMs: answersAfterMs })
    const before = proxy.seen.length
    const pubacks = await stand.gateGoesOn(answersAfterMs)
    await eventually(() => expect(proxy.seen.length).toBeGreaterThan(before))
    const met = proxy.seen.length - before
    proxy.plan = () => ({ kind: 'pass' })
    const note = `${met} batches taken and answered too late, ${pubacks}`
    await stand.reckon({ fault: 'database: answers after the timeout', note })
  }, 180_000)
}
