/**
 * The simulated street as a process of its own, as in production: it knows the gateway by its address only. It is asked
 * for the junction documents first, because the gateway reads them before it opens.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { withoutOptions } from '../../schemas/command-line.ts'

export interface SimulatorOptions {
  readonly junctionsDir: string
  readonly pkiDir: string
  readonly seed: number
  readonly speed: string
  readonly zone: string
}

const program = join(import.meta.dirname, '../../devices-sim/main.ts')

/** Writes the junction documents and ends. */
export async function describeStreet(options: SimulatorOptions): Promise<void> {
  const child = spawnSimulator(options, ['--describe'])
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`the simulator could not describe its street (exit code ${code})`)
}

/** Connects the street's devices to a gateway; runs until it is stopped. */
export function startStreet(options: SimulatorOptions, mqttPort: number): ChildProcess {
  return spawnSimulator(options, [`--url=mqtts://127.0.0.1:${mqttPort}`])
}

function spawnSimulator(options: SimulatorOptions, more: readonly string[]): ChildProcess {
  const args = [
    'street',
    `--zone=${options.zone}`,
    `--seed=${options.seed}`,
    `--speed=${options.speed}`,
    `--pki-dir=${options.pkiDir}`,
    '--certificates=own',
    '--log-level=warn',
    `--junctions-out=${options.junctionsDir}`,
    ...more,
  ]
  // Its ready line and summary are not for the person at this screen; what it complains about is.
  return spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: withoutOptions(),
  })
}

/** SIGTERM, and SIGKILL for one that does not hear it. */
export async function stopStreet(child: ChildProcess, deadlineMs: number): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
  await gone
  clearTimeout(timer)
}
