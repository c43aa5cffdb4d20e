/**
 * A stand with a street: the simulator as a process of its own drives in simulated time beside the fleet, so that it can
 * be seen whether control goes on while something is broken.
 */
import { join } from 'node:path'
import { expect, type TestContext } from 'vitest'
import { eventually } from './eventually.ts'
import { openStand, type Stand, type StandOptions } from './fault-stand.ts'
import { endProcess, startProgram } from './gateway-process.ts'

export interface Street {
  readonly stand: Stand
  /** Waits until so many more commands were applied by their controllers. @returns how many */
  applies(more: number, deadlineMs?: number): Promise<number>
  /** Simulated seconds to the second. */
  stop(): Promise<void>
}

const zone = 'north'
const program = 'devices-sim/main.ts'
const common = ['street', `--zone=${zone}`, '--seed=7', '--certificates=zone', '--log-level=warn']

export async function openStreet(context: TestContext, options: StandOptions): Promise<Street> {
  const little = { devices: 4, perSecond: 10, ...options.fleet }
  const stand = await openStand(context, { ...options, fleet: little })
  const junctions = join(stand.folder, 'junctions')
  const described = startProgram(program, [...common, '--describe', `--junctions-out=${junctions}`])
  expect(await described.ended, described.errors()).toBe(0)
  await stand.certificates.of('simulator', zone)
  const { port } = await stand.start(['--clock=event', `--junctions=${junctions}`])
  const street = startProgram(program, [
    ...common,
    `--url=mqtts://localhost:${port}`,
    `--pki-dir=${stand.certificates.dir}`,
    '--speed=20',
    '--no-twin',
  ])
  context.onTestFinished(() => endProcess(street))

  const applied = async () =>
    (await stand.metrics()).sum('intergreen_commands_total', 'state="applied"')

  return {
    stand,
    async applies(more, deadlineMs = 60_000) {
      const before = await applied()
      await eventually(async () => {
        expect(await applied(), street.errors()).toBeGreaterThanOrEqual(before + more)
      }, deadlineMs)
      return (await applied()) - before
    },
    async stop() {
      street.child.kill('SIGTERM')
      await street.ended
    },
  }
}
