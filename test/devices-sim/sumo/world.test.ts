/** Against a real SUMO, on a network its own netgenerate makes: skipped by name where the programs are missing. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLocalRun } from '../../../devices-sim/local-run.ts'
import { openSumoWorld } from '../../../devices-sim/sumo/world.ts'
import type { World } from '../../../devices-sim/world.ts'
import { validateAgainst, validateMessage } from '../../../schemas/validators.ts'
import { isMissing } from '../../support/programs.ts'
import {
  type GridOptions,
  isSumoMissing,
  makeGrid,
  sumoEnv,
  writeScenario,
} from '../../support/sumo-scenario.ts'

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'intergreen-scenario-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const makeScenario = (options: GridOptions = {}) => makeGrid(temporaryFolder(), options)

const open = (scenario: string, seed = 1, binary = 'sumo') =>
  openSumoWorld({ scenario, seed, zone: 'z', binary, sumoHome: '/usr/share/sumo', startMs: 0 })

describe.skipIf(isSumoMissing)('a street of SUMO (needs sumo and netgenerate)', () => {
  test('every light is a controller that runs its plan to the end without a violation', async () => {
    const world = await open(makeScenario())
    expect(world.junctions).toHaveLength(4)
    const local = createLocalRun(world, 1000)
    let seen = 0
    let counted = 0
    while (!world.hasEnded()) {
      await local.step(1000)
      for (const { node } of world.sensors) {
        const { lanes, detectors } = world.readSensor(node)
        for (const lane of Object.values(lanes))
          seen += lane.approachingVehicles + lane.queueVehicles
        for (const loop of Object.values(detectors)) counted += loop.vehicles
      }
    }
    const live = world.figures()
    const exact = await world.close()
    expect(local.monitors.reduce((sum, monitor) => sum + monitor.count(), 0)).toBe(0)
    expect(seen).toBeGreaterThan(100)
    expect(counted).toBeGreaterThan(20)
    expect(exact.demandVehicles).toBeGreaterThan(40)
    expect(Math.abs(live.delayS - exact.delayS) / exact.delayS).toBeLessThan(0.1)
  }, 60_000)

  test('the same seed gives the same figures', async () => {
    const scenario = makeScenario()
    const run = async () => {
      const world = await open(scenario, 7)
      const local = createLocalRun(world, 1000)
      while (!world.hasEnded()) await local.step(1000)
      return world.close()
    }
    expect(await run()).toEqual(await run())
  }, 60_000)

  test('a scenario without lights is refused: IG_ERR_SIM_SCENARIO_WITHOUT_SIGNALS', async () => {
    await expect(
      open(makeScenario({ more: ['--default-junction-type=priority'] })),
    ).rejects.toMatchObject({
      code: 'IG_ERR_SIM_SCENARIO_WITHOUT_SIGNALS',
    })
  }, 30_000)

  test('SUMO that dies on the way is said so: IG_ERR_SIM_SUMO_LOST', async () => {
    const world = await open(makeScenario())
    await world.step(1000)
    await world.close()
    await expect(Promise.resolve(world.step(1000))).rejects.toMatchObject({
      code: 'IG_ERR_SIM_SUMO_LOST',
      message: expect.stringContaining('SUMO ended'),
    })
  }, 30_000)
})

/** Runs it under its local plans, looking at everything a device would say. */
async function drive(world: World, stepsMax = Number.POSITIVE_INFINITY) {
  for (const junction of world.junctions)
    expect(validateAgainst('site/junction.schema.json', junction)).toBeUndefined()
  const local = createLocalRun(world, 1000)
  let blocked = 0
  let unfit = 0
  for (let step = 0; step < stepsMax && !world.hasEnded(); step++) {
    await local.step(1000)
    for (const { node } of world.sensors) {
      const { lanes } = world.readSensor(node)
      for (const lane of Object.values(lanes)) blocked += lane.blockedVehicles ?? 0
      const entry = { ts: '2026-11-23T07:00:00.000Z', seq: step, values: { lanes } }
      if (validateMessage('status', 'traffic.queue', { entries: [entry] })) unfit += 1
    }
  }
  const figures = await world.close()
  const violations = local.monitors.flatMap((monitor) => monitor.violations)
  expect({ violations, unfit }).toEqual({ violations: [], unfit: 0 })
  return { ...figures, blocked, meanDelayS: figures.delayS / figures.demandVehicles }
}

/** What SUMO's own programs make of it. */
function ownDelayS(scenario: string): number {
  const trips = join(temporaryFolder(), 'trips.xml')
  const quiet = ['--no-step-log', '--no-warnings', '--time-to-teleport=-1']
  const out = [`--tripinfo-output=${trips}`, '--tripinfo-output.write-unfinished']
  execFileSync('sumo', ['-c', scenario, '--seed=1', ...quiet, ...out], { env: sumoEnv })
  const tags = [...readFileSync(trips, 'latin1').matchAll(/<tripinfo [^>]*>/g)].map(([tag]) => tag)
  const number = (tag: string, name: string) => Number(tag.match(` ${name}="([^"]*)"`)?.[1])
  return (
    tags.reduce((sum, tag) => sum + number(tag, 'timeLoss') + number(tag, 'departDelay'), 0) /
    tags.length
  )
}

describe.skipIf(isSumoMissing)('scenarios that are not plain (needs sumo and netgenerate)', () => {
  const light = '--default-junction-type=traffic_light'

  test.each([
    ['lights for those on foot', ['--sidewalks.guess', '--crossings.guess', light]],
    ['turning right on red', ['--default-junction-type=traffic_light_right_on_red', '-L', '2']],
    [
      'actuated programs and turning lanes',
      ['--tls.default-type=actuated', '--turn-lanes=1', light],
    ],
    [
      'one approach at a time, with all-red',
      ['--tls.layout=incoming', '--tls.allred.time=2', light],
    ],
  ])(
    '%s: run to the end without a violation, about as quick as under its own programs',
    async (_what, more) => {
      const scenario = makeScenario({ more })
      const { meanDelayS } = await drive(await open(scenario))
      expect(meanDelayS).toBeLessThan(ownDelayS(scenario) * 1.25)
    },
    60_000,
  )

  test('packed routes, a begin that is not 0, half steps, additional files and several programs', async () => {
    const folder = temporaryFolder()
    makeGrid(folder)
    const shift = (text: string) =>
      text.replace(/(begin|end)="(\d+)"/g, (_, name, at) => `${name}="${Number(at) + 25_200}"`)
    const routes = shift(readFileSync(join(folder, 'a.rou.xml'), 'utf8'))
    writeFileSync(join(folder, 'b.rou.xml.gz'), gzipSync(routes))
    const peak = [
      [50, 'GGggrrrrGGggrrrr'],
      [3, 'yyyyrrrryyyyrrrr'],
      [20, 'rrrrGGggrrrrGGgg'],
      [3, 'rrrryyyyrrrryyyy'],
    ].map(([duration, state]) => `<phase duration="${duration}" state="${state}"/>`)
    const logic = `<tlLogic id="A0" type="static" programID="peak" offset="0">${peak.join('')}</tlLogic>`
    const waut =
      '<WAUT id="w" refTime="0" startProg="peak"><wautSwitch time="25260" to="0"/></WAUT><wautJunction wautID="w" junctionID="A0"/>'
    writeFileSync(join(folder, 'p.add.xml'), `<additional>${logic}${waut}</additional>`)
    const scenario = writeScenario(folder, {
      endS: 25_500,
      beginS: 25_200,
      routes: 'b.rou.xml.gz',
      configuration:
        '<input><additional-files value="p.add.xml"/></input><time><step-length value="0.5"/></time>',
    })
    const world = await open(scenario)
    expect(world.junctions.find(({ name }) => name === 'A0')?.plans['1']?.greensS).toEqual({
      1: 50,
      2: 20,
    })
    const { demandVehicles, arrivedVehicles } = await drive(world)
    expect(demandVehicles).toBeGreaterThan(40)
    expect(arrivedVehicles).toBeGreaterThan(30)
    expect(world.nowMs()).toBe(300_000)
  }, 60_000)

  test('chance and the coarse model are switched off: the seed decides, and vehicles have lanes', async () => {
    const configuration =
      '<mesoscopic><mesosim value="true"/></mesoscopic><random_number><random value="true"/></random_number>'
    const [plain, told] = [makeScenario(), makeScenario({ configuration })]
    expect(await drive(await open(told))).toEqual(await drive(await open(plain)))
  }, 60_000)

  test('who cannot enter is told as waiting before the range when that is full', async () => {
    const fast = 'departSpeed="max"'
    const full = makeScenario({ vehiclesPerHour: 2_500, flowMore: fast })
    expect((await drive(await open(full), 200)).blocked).toBeGreaterThan(100)
    // They wait for a gap, with room on the road: nobody is blocked.
    const slow = makeScenario({ vehiclesPerHour: 3_000, flowEndS: 20 })
    const { blocked, demandVehicles, enteredVehicles } = await drive(await open(slow), 20)
    expect(demandVehicles - enteredVehicles).toBeGreaterThan(5)
    expect(blocked).toBe(0)
  }, 60_000)

  test('a step that does not divide a second is refused: IG_ERR_SIM_SCENARIO_STEP', async () => {
    for (const step of ['2', '0.3']) {
      const configuration = `<time><step-length value="${step}"/></time>`
      await expect(open(makeScenario({ configuration }))).rejects.toMatchObject({
        code: 'IG_ERR_SIM_SCENARIO_STEP',
      })
    }
  }, 30_000)

  test('lights that show green to everybody are none of ours, and the refusal says so', async () => {
    const more = ['--default-junction-type=traffic_light_unregulated']
    await expect(open(makeScenario({ more }))).rejects.toThrow(/fewer than two stages/)
  }, 30_000)

  test.skipIf(isMissing('netconvert'))(
    'a railway keeps its own signals beside a junction of ours (needs netconvert)',
    async () => {
      const world = await open(makeRailway(temporaryFolder()))
      expect(world.junctions.map(({ name }) => name)).toEqual(['x'])
      expect(world.notes?.join()).toMatch(/rail/)
      const { arrivedVehicles } = await drive(world)
      expect(arrivedVehicles).toBeGreaterThan(10)
    },
    30_000,
  )
})

/** A road that crosses a railway and then a street, with a train now and then. */
function makeRailway(folder: string): string {
  const node = (id: string, x: number, y: number, type = 'priority') =>
    `<node id="${id}" x="${x}" y="${y}" type="${type}"/>`
  const nodes = [
    ...[node('w', -400, 0), node('t', -150, 0, 'rail_crossing'), node('e', 250, 0)],
    ...[node('x', 0, 0, 'traffic_light'), node('n', 0, 200), node('s', 0, -200)],
    ...[node('u', -150, 500), node('r', -150, 200, 'rail_signal'), node('d', -150, -500)],
  ]
  const edge = (id: string, from: string, to: string, more = '') =>
    `<edge id="${id}" from="${from}" to="${to}" numLanes="1" speed="13.9"${more}/>`
  const rail = ' allow="rail"'
  const edges = [
    ...[edge('wt', 'w', 't'), edge('tx', 't', 'x'), edge('xe', 'x', 'e')],
    ...[edge('nx', 'n', 'x'), edge('xs', 'x', 's')],
    ...[edge('ur', 'u', 'r', rail), edge('rt', 'r', 't', rail), edge('td', 't', 'd', rail)],
  ]
  writeFileSync(join(folder, 'n.nod.xml'), `<nodes>${nodes.join('')}</nodes>`)
  writeFileSync(join(folder, 'e.edg.xml'), `<edges>${edges.join('')}</edges>`)
  const files = ['-n', join(folder, 'n.nod.xml'), '-e', join(folder, 'e.edg.xml')]
  execFileSync('netconvert', [...files, '-o', join(folder, 'a.net.xml')], {
    env: sumoEnv,
    stdio: 'ignore',
  })
  const flow = (id: string, edges: string, more: string) =>
    `<route id="${id}" edges="${edges}"/><flow id="${id}" route="${id}" begin="0" end="250" ${more}/>`
  const flows = [
    flow('road', 'wt tx xe', 'vehsPerHour="300"'),
    flow('street', 'nx xs', 'vehsPerHour="300"'),
    flow('train', 'ur rt td', 'period="100" type="train"'),
  ]
  writeFileSync(
    join(folder, 'a.rou.xml'),
    `<routes><vType id="train" vClass="rail" length="60"/>${flows.join('')}</routes>`,
  )
  return writeScenario(folder, { endS: 300 })
}

test('no SUMO where it should be: IG_ERR_SIM_SUMO_UNSTARTABLE', async () => {
  await expect(open('/nowhere.sumocfg', 1, '/nowhere/sumo')).rejects.toMatchObject({
    code: 'IG_ERR_SIM_SUMO_UNSTARTABLE',
  })
})
