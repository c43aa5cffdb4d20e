/**
 * A database that is away, slow, refusing, cutting, late: through a whole gateway, over a real VictoriaMetrics behind a
 * proxy that misbehaves on demand. What each answer means is proven with the sink; here it is that nothing is lost.
 */
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openProxy, openStand } from '../support/fault-stand.ts'
import { openStreet } from '../support/fault-street.ts'
import type { Misdeed } from '../support/faulty-proxy.ts'
import { startVictoriaMetrics, type VictoriaMetrics } from '../support/victoria-metrics.ts'

const pass: Misdeed = { kind: 'pass' }

interface Wrong {
  readonly fault: string
  readonly misdeed: Misdeed
  readonly forMs: number
}

const wrongs: readonly Wrong[] = [
  { fault: 'answers after 1 s', misdeed: { kind: 'late', delayMs: 1_000 }, forMs: 4_000 },
  { fault: '503', misdeed: { kind: 'answer', status: 503 }, forMs: 3_000 },
  {
    fault: '429 with Retry-After: 2',
    misdeed: { kind: 'answer', status: 429, headers: { 'retry-after': '2' } },
    forMs: 3_000,
  },
  {
    fault: 'closes half way',
    misdeed: { kind: 'half-answer' },
    forMs: 3_000,
  },
  { fault: 'resets the connection', misdeed: { kind: 'reset' }, forMs: 3_000 },
]

export function databaseFaults(database: () => VictoriaMetrics): void {
  test('control goes on without a database, and the database learns of it afterwards', async (context) => {
    const ofItsOwn = await startVictoriaMetrics()
    context.onTestFinished(() => ofItsOwn.stop())
    const street = await openStreet(context, { zone: 'controlled', database: ofItsOwn })
    await street.applies(2)
    await ofItsOwn.kill()
    const applied = await street.applies(5)
    const pubacks = await street.stand.gateGoesOn(2_000)
    await ofItsOwn.restart()
    const sinceMs = performance.now()
    await street.stop()
    const note = `${applied} commands applied meanwhile, ${pubacks}`
    await street.stand.reckon({ fault: 'database stopped beside a street', sinceMs, note })
    const points = await ofItsOwn.export('command_count{state="applied"}')
    const kept = points.reduce((sum, { values }) => sum + values.length, 0)
    expect(kept).toBeGreaterThanOrEqual(applied)
  }, 150_000)

  test('a database that is stopped for a while gets everything when it is back', async (context) => {
    const ofItsOwn = await startVictoriaMetrics() // The others need theirs.
    context.onTestFinished(() => ofItsOwn.stop())
    const stand = await openStand(context, { zone: 'outage', database: ofItsOwn })
    await stand.start()
    await stand.acknowledges(200)
    await ofItsOwn.kill()
    const note = await stand.gateGoesOn(4_000)
    await ofItsOwn.restart()
    const sinceMs = performance.now()
    await stand.acknowledges(100)
    await stand.reckon({ fault: 'database stopped for 4 s', sinceMs, note })
  }, 120_000)

  test.for(wrongs)(
    'a database that misbehaves ($fault) has every point once in the end',
    { timeout: 120_000 },
    async ({ fault, misdeed, forMs }, context) => {
      const proxy = await openProxy(context, database())
      const zone = fault
        .toLowerCase()
        .replace(/[^a-z0-9]+/g, '-')
        .slice(0, 30)
      const stand = await openStand(context, { zone, database: database(), influxUrl: proxy.url })
      await stand.start()
      await stand.acknowledges(100)
      proxy.plan = () => misdeed
      const from = proxy.seen.length
      const pubacks = await stand.gateGoesOn(forMs)
      await eventually(() => expect(proxy.seen.length).toBeGreaterThan(from))
      const met = proxy.seen.length - from
      proxy.plan = () => pass
      await stand.reckon({ fault: `database: ${fault}`, note: `${met} requests, ${pubacks}` })
    },
  )

  test('one line that the database refuses with 400 is kept as a dead letter, its neighbours are written', async (context) => {
    const proxy = await openProxy(context, database())
    const stand = await openStand(context, {
      zone: 'poison',
      database: database(),
      influxUrl: proxy.url,
    })
    await stand.start()
    let poison: string | undefined
    let refused = 0
    proxy.plan = (lines) => {
      poison ??= lines.find((line) => line.includes('node=poison/dev-3,'))
      if (poison === undefined || !lines.includes(poison)) return pass
      refused += 1
      return { kind: 'answer', status: 400, body: '{"message":"unable to parse the line"}' }
    }
    await stand.acknowledges(200)
    await eventually(() => expect(refused).toBeGreaterThan(0))
    const pubacks = await stand.gateGoesOn(2_000)
    const note = `1 dead letter after ${refused} refusals, ${pubacks}`
    await stand.reckon({ fault: 'database: 400 for one line', rejected: 1, note })
  }, 120_000)
}
