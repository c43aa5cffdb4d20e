/** Against a real SUMO, on a network its own netgenerate makes: skipped by name where the programs are missing. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createLocalRun } from '../../../devices-sim/local-run.ts'
import { openSumoWorld } from '../../../devices-sim/sumo/world.ts'

const has = (name: string) => spawnSync(name, ['--version']).status === 0
const isMissing = !has('sumo') || !has('netgenerate')
const env = { ...process.env, SUMO_HOME: '/usr/share/sumo' }

function makeScenario(lights: boolean): string {
  const folder = mkdtempSync(join(tmpdir(), 'intergreen-scenario-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const light = lights
    ? ['--default-junction-type', 'traffic_light']
    : ['--default-junction-type', 'priority']
  execFileSync(
    'netgenerate',
    [
      '--grid',
      '--grid.number',
      '2',
      '--grid.length',
      '150',
      '--grid.attach-length',
      '150',
      ...light,
      '-o',
      join(folder, 'a.net.xml'),
    ],
    { env, stdio: 'ignore' },
  )
  const flow = (id: string, from: string, to: string) =>
    `<flow id="${id}" from="${from}" to="${to}" begin="0" end="200" vehsPerHour="500"/>`
  const flows = [flow('e', 'left0A0', 'B0right0'), flow('n', 'bottom0A0', 'A1top0')].join('')
  writeFileSync(join(folder, 'a.rou.xml'), `<routes>${flows}</routes>`)
  const config = join(folder, 'a.sumocfg')
  writeFileSync(
    config,
    '<configuration><input><net-file value="a.net.xml"/><route-files value="a.rou.xml"/></input><time><begin value="0"/><end value="300"/></time></configuration>',
  )
  return config
}

const open = (scenario: string, seed = 1, binary = 'sumo') =>
  openSumoWorld({ scenario, seed, zone: 'z', binary, sumoHome: '/usr/share/sumo', startMs: 0 })

describe.skipIf(isMissing)('a street of SUMO (needs sumo and netgenerate)', () => {
  test('every light is a controller that runs its plan to the end without a violation', async () => {
    const world = await open(makeScenario(true))
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
    const scenario = makeScenario(true)
    const run = async () => {
      const world = await open(scenario, 7)
      const local = createLocalRun(world, 1000)
      while (!world.hasEnded()) await local.step(1000)
      return world.close()
    }
    expect(await run()).toEqual(await run())
  }, 60_000)

  test('a scenario without lights is refused: IG_ERR_SIM_SCENARIO_WITHOUT_SIGNALS', async () => {
    await expect(open(makeScenario(false))).rejects.toMatchObject({
      code: 'IG_ERR_SIM_SCENARIO_WITHOUT_SIGNALS',
    })
  }, 30_000)

  test('SUMO that dies on the way is said so: IG_ERR_SIM_SUMO_LOST', async () => {
    const world = await open(makeScenario(true))
    await world.step(1000)
    await world.close()
    await expect(Promise.resolve(world.step(1000))).rejects.toMatchObject({
      code: 'IG_ERR_SIM_SUMO_LOST',
    })
  }, 30_000)
})

test('no SUMO where it should be: IG_ERR_SIM_SUMO_UNSTARTABLE', async () => {
  await expect(open('/nowhere.sumocfg', 1, '/nowhere/sumo')).rejects.toMatchObject({
    code: 'IG_ERR_SIM_SUMO_UNSTARTABLE',
  })
})
