/**
 * An hour again: what a gateway has recorded of a street is exported, replayed into a fresh data directory, and run there
 * through a new model and through a new gateway. Real programs, as a user types them.
 */
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { ReplayReport } from '../../gateway/evaluate/replay/report.ts'
import { reportAccounts } from '../../gateway/ledger/tools/accounts.ts'
import { eventually } from '../support/eventually.ts'
import { openHouse, root, runProgramFile, temporaryFolder } from '../support/house.ts'

const hourS = 3_600
const shippedFlow = join(root, 'gateway/prediction/models/flow')

async function run(file: string, ...args: readonly string[]): Promise<readonly string[]> {
  const program = runProgramFile(file, args)
  expect(await program.ended, program.errors()).toBe(0)
  return program.lines
}

/** A gateway's data directory after an hour of the built-in street, recent enough for every reader to keep it. */
async function recordHour(): Promise<{ dataDir: string; junctions: string }> {
  const junctions = await temporaryFolder()
  const startMs = Math.floor(Date.now() / 60_000) * 60_000 - 2 * hourS * 1_000
  const street = [
    ...['street', '--zone=north', '--seed=7', '--certificates=zone', '--log-level=warn'],
    `--start=${new Date(startMs).toISOString()}`,
  ]
  await run('devices-sim/main.ts', ...street, '--describe', `--junctions-out=${junctions}`)
  const house = await openHouse({ junctions, clock: 'event' })
  await house.certificates.of('simulator', 'north')
  await run(
    'devices-sim/main.ts',
    ...[...street, '--speed=max', '--no-twin', `--duration-s=${hourS}`],
    ...[`--url=mqtts://localhost:${house.port}`, `--pki-dir=${house.certificates.dir}`],
  )
  await house.stop()
  return { dataDir: house.dataDir, junctions }
}

/** The shipped network of counts, as somebody might have trained it anew. */
async function newModel(): Promise<string> {
  const models = await temporaryFolder()
  cpSync(shippedFlow, join(models, 'new'), { recursive: true })
  const card = join(models, 'new/card.json')
  const written = JSON.parse(readFileSync(card, 'utf8'))
  writeFileSync(card, JSON.stringify({ ...written, id: 'new' }))
  return models
}

const countsOf = (dataDir: string) => {
  const db = new DatabaseSync(join(dataDir, 'history.db'), { readOnly: true })
  const rows = db
    .prepare(
      `SELECT node, component.component, minute_ms, vehicles FROM count_minute
       JOIN component ON component.id = count_minute.component ORDER BY 1, 2, 3`,
    )
    .all()
  db.close()
  return rows
}

test('a recorded hour, exported and replayed, gives a new model its scores on the same readings and a new gateway the same history', async () => {
  const { dataDir, junctions } = await recordHour()
  const folder = await temporaryFolder()
  const file = join(folder, 'hour.jsonl')
  const again = join(folder, 'again')
  const lines = await run('gateway/ledger/main.ts', 'export', `--data-dir=${dataDir}`)
  writeFileSync(file, `${lines.join('\n')}\n`)
  const [replayed] = await run(
    'gateway/ledger/main.ts',
    'replay',
    `--file=${file}`,
    `--into=${again}`,
  )
  expect(JSON.parse(replayed!)).toMatchObject({ records: lines.length })

  const models = await newModel()
  const scoresIn = async (dir: string): Promise<ReplayReport> => {
    const options = [
      `--data-dir=${dir}`,
      `--challengers=${models}`,
      `--junctions=${junctions}`,
      '--json',
    ]
    return JSON.parse((await run('gateway/evaluate/main.ts', 'replay', ...options))[0]!)
  }
  const there = await scoresIn(again)
  const { dataDir: _, ...here } = await scoresIn(dataDir)
  expect(there).toMatchObject(here)
  const judgedBy = (model: RegExp) =>
    there.scores
      .filter((one) => one.quantity === 'vehiclesPer5Min' && model.test(one.model))
      .map(({ horizonMin, judged, mae }) => ({ horizonMin, judged, mae }))
  expect(judgedBy(/^new$/).map(({ horizonMin }) => horizonMin)).toEqual([5, 15, 30])
  expect(judgedBy(/^new$/)).toEqual(judgedBy(/^flow-/))

  const house = await openHouse({ dataDir: again, junctions })
  await eventually(() => {
    const { readers } = reportAccounts(again)
    expect(readers.map(({ reader }) => reader).sort()).toEqual(['control', 'history'])
    for (const { position } of readers) expect(position).toBe(lines.length)
  }, 30_000)
  const { residual, commands } = house.gateway.summary()
  // What is past is learned from; nobody is commanded about it.
  expect({ residual, commands }).toEqual({ residual: 0, commands: {} })
  await house.stop()
  expect(countsOf(again)).toEqual(countsOf(dataDir))
  expect(countsOf(again).length).toBeGreaterThan(60)
}, 240_000)
