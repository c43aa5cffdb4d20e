/** Networks for SUMO that a test makes for itself with SUMO's own tools, and whether those tools are there. */
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMissing } from './programs.ts'

export const isSumoMissing = isMissing('sumo') || isMissing('netgenerate')
export const sumoEnv = { ...process.env, SUMO_HOME: '/usr/share/sumo' }

export interface GridOptions {
  readonly number?: number
  /** What netgenerate is told beside the grid. */
  readonly more?: readonly string[]
  readonly vehiclesPerHour?: number
  /** Attributes of every flow. */
  readonly flowMore?: string
  readonly flowEndS?: number
  readonly endS?: number
  /** Put into the configuration beside the network and the routes. */
  readonly configuration?: string
}

/** A grid of signalised crossings with flows through it, both ways, and some that turn. @returns the .sumocfg */
export function makeGrid(folder: string, options: GridOptions = {}): string {
  const { number = 2, more = ['--default-junction-type=traffic_light'] } = options
  const {
    vehiclesPerHour = 500,
    flowMore = '',
    flowEndS = 200,
    endS = 300,
    configuration = '',
  } = options
  const grid = ['--grid', `--grid.number=${number}`, '--grid.length=150']
  const files = ['--grid.attach-length=150', '-o', join(folder, 'a.net.xml')]
  execFileSync('netgenerate', [...grid, ...files, ...more], { env: sumoEnv, stdio: 'ignore' })
  const flow = (from: string, to: string, share = 1) =>
    `<flow id="${from}-${to}" from="${from}" to="${to}" begin="0" end="${flowEndS}" vehsPerHour="${vehiclesPerHour * share}" ${flowMore}/>`
  const last = String.fromCharCode('A'.charCodeAt(0) + number - 1)
  const flows = [
    flow('left0A0', `${last}0right0`),
    flow(`right1${last}1`, 'A1left1', 0.6),
    flow('bottom0A0', `A${number - 1}top0`),
    flow('bottom0A0', `${last}1right1`, 0.3),
    flow(`top1B${number - 1}`, 'B0bottom1', 0.6),
  ]
  writeFileSync(join(folder, 'a.rou.xml'), `<routes>${flows.join('')}</routes>`)
  return writeScenario(folder, { endS, configuration })
}

interface ScenarioOptions {
  readonly beginS?: number
  readonly endS: number
  readonly configuration?: string
  readonly routes?: string
}

export function writeScenario(folder: string, options: ScenarioOptions): string {
  const { beginS = 0, endS, configuration = '', routes = 'a.rou.xml' } = options
  const input = `<input><net-file value="a.net.xml"/><route-files value="${routes}"/></input>`
  const time = `<time><begin value="${beginS}"/><end value="${endS}"/></time>`
  const file = join(folder, 'a.sumocfg')
  writeFileSync(file, `<configuration>${input}${time}${configuration}</configuration>`)
  return file
}
