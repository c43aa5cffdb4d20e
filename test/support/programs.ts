/** Programs of others that some tests want: is it installed, and what does it say? */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

export function isMissing(program: string): boolean {
  return spawnSync(program, ['--help'], { stdio: 'ignore' }).error !== undefined
}

export interface Outcome {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs to the end, at most `deadlineMs`. */
export async function run(
  program: string,
  args: readonly string[],
  deadlineMs = 15_000,
): Promise<Outcome> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    err += chunk
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs)
  const [code] = await once(child, 'close')
  clearTimeout(timer)
  return { code, out, err }
}
