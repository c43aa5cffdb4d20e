/**
 * Crossings under control: documents for the gateway, and on the wire the controllers and detectors of the simulated
 * street, one connection each. What a lane shows is the bench's to say.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createController } from '../../devices-sim/controller/controller.ts'
import {
  type ControllerDevice,
  createControllerDevice,
} from '../../devices-sim/device/controller-device.ts'
import { createCredentialStore } from '../../devices-sim/device/credentials.ts'
import { faultsOf } from '../../devices-sim/device/faults.ts'
import { createLink, type Link } from '../../devices-sim/device/link.ts'
import { createRandom } from '../../devices-sim/random.ts'
import type { Junction } from '../../schemas/generated/messages.ts'
import { parseNodeId } from '../../schemas/ids.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { topics } from '../../schemas/topics.ts'

export const crossingZone = 'crossings'
/** Shortest green of its two stages. */
export const minGreenMs = 5_000
const tickMs = 100
const connectMsMax = 30_000

export interface Crossing {
  readonly node: string
  /** A command has arrived, before anything is done with it. */
  onCommand(listener: (code: string, payload: Buffer) => void): void
  /** The stage that shows its full green now, and for how long. */
  stage(): { readonly number: number | null; readonly sinceMs: number }
  /** A reading of both lanes: how many wait on the one that each stage serves. */
  publishQueues(waiting: Readonly<Record<1 | 2, number>>): void
  end(): Promise<void>
}

/** A file for each; answers the folder. */
export function writeJunctions(dir: string, crossings: number): string {
  const folder = join(dir, 'junctions')
  mkdirSync(folder, { recursive: true })
  for (let at = 0; at < crossings; at++)
    writeFileSync(join(folder, `${at}.json`), JSON.stringify(junctionOf(at)))
  return folder
}

export async function openCrossing(at: number, url: string, pkiDir: string): Promise<Crossing> {
  const junction = junctionOf(at)
  const credentials = createCredentialStore(pkiDir).of(crossingZone)
  const nowMs = () => Math.floor(performance.timeOrigin + performance.now())
  const linkOf = (node: string, kind: string) =>
    createLink({ url, node: parseNodeId(node), kind, credentials, nowMs })
  const link = linkOf(junction.node, 'tlc')
  const detector = linkOf(detectorOf(at), 'det')
  const listeners: ((code: string, payload: Buffer) => void)[] = []
  // Before the device's own listener: what it does with a command is not the way of the command.
  link.onMessage((topic, payload) => {
    const [code] = topic.split('/command/').slice(1)
    if (code !== undefined) for (const listener of listeners) listener(code, payload)
  })
  const startMs = nowMs()
  const controller = createController(junction, { startMs, stepMs: tickMs })
  const device: ControllerDevice = createControllerDevice({
    controller,
    link,
    faults: faultsOf([], junction.node, startMs),
    random: createRandom(junction.node),
    startMs,
    nowMs,
  })
  let seq = 0
  await Promise.all([link.connect(connectMsMax), detector.connect(connectMsMax)])
  const ticking = setInterval(() => {
    device.advance(nowMs())
    device.report(nowMs())
  }, tickMs)
  return {
    node: junction.node,
    onCommand: (listener) => listeners.push(listener),
    stage() {
      const { stage, stageSinceMs = 0 } = controller.groups(nowMs())
      return { number: stage, sinceMs: stageSinceMs }
    },
    publishQueues: (waiting) => publishQueues(detector, waiting, seq++, nowMs()),
    async end() {
      clearInterval(ticking)
      await Promise.all([link.end(), detector.end()])
    },
  }
}

function publishQueues(
  detector: Link,
  waiting: Readonly<Record<1 | 2, number>>,
  seq: number,
  nowMs: number,
): void {
  const lane = (vehicles: number) => ({
    queueVehicles: vehicles,
    queueMeters: vehicles * 7,
    approachingVehicles: 0,
  })
  const values = { lanes: { 'ln/1': lane(waiting[1]), 'ln/2': lane(waiting[2]) } }
  detector.publish(topics.status(detector.node, 'traffic.queue', 'live'), {
    entries: [{ ts: formatTimestamp(nowMs), seq, values }],
  })
}

const detectorOf = (at: number) => `${crossingZone}/det-${String(at).padStart(3, '0')}`

/** Two stages that conflict, a lane for each; reds long enough that no relief is called for meanwhile. */
function junctionOf(at: number): Junction {
  const group = { minGreenS: minGreenMs / 1_000, yellowS: 3, redYellowS: 1, maxRedS: 120 } as const
  const lane = (number: number) => ({
    groups: [`sg/${number}`],
    sensor: { node: detectorOf(at), component: `ln/${number}` },
    lengthM: 200,
  })
  return {
    node: `${crossingZone}/tlc-${String(at).padStart(3, '0')}`,
    name: `Crossing ${at}`,
    groups: { 'sg/1': { ...group, kind: 'vehicle' }, 'sg/2': { ...group, kind: 'vehicle' } },
    conflicts: [['sg/1', 'sg/2']],
    intergreensS: [
      { from: 'sg/1', to: 'sg/2', s: 5 },
      { from: 'sg/2', to: 'sg/1', s: 5 },
    ],
    stages: {
      '1': { green: ['sg/1'], permissive: [] },
      '2': { green: ['sg/2'], permissive: [] },
    },
    cycleS: { min: 40, max: 120 },
    plans: { '1': { cycleS: 80, offsetS: 0, greensS: { '1': 40, '2': 30 }, stages: [1, 2] } },
    localPlan: 1,
    lanes: { 'ln/1': lane(1), 'ln/2': lane(2) },
  }
}
