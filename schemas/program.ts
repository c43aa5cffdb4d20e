/**
 * How a program begins and ends, the same for all: options, --help, signals, exit codes.
 *
 *   0   done, or stopped by SIGTERM or SIGINT in order
 *   1   the world failed it (`blame` is not the operator's), or what it was to prove did not hold
 *   2   a bad option, file or certificate: a coded error on stderr with the remedy
 *   70  a bug
 */
import { AssertionError } from 'node:assert'
import { type CodedError, isCodedError } from './coded-error.ts'
import { type ProgramSchema, readCommandLine } from './command-line.ts'

export interface ProgramContext {
  /** Aborted by SIGTERM and SIGINT: stop in order. */
  readonly signal: AbortSignal
  readonly positionals: readonly string[]
  /** One line on stdout. */
  print(line: string): void
}

/** What came in time is orderly; what takes longer is ended (DESIGN: within 10 s). */
const stopMsMax = 9_500

/** Resolves when the program is to stop; at once where that was said before anybody listened. */
export function untilStopped(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve()
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}

/** Runs `main` with the program's options and ends the process with the exit code it answers. */
export async function runProgram<T>(
  program: ProgramSchema,
  main: (options: Readonly<T>, context: ProgramContext) => Promise<number>,
  argv: readonly string[] = process.argv.slice(2),
): Promise<void> {
  const code = await runToCode(program, main, argv)
  // Output may be a pipe: leave only when it is flushed.
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  process.exit(code)
}

async function runToCode<T>(
  program: ProgramSchema,
  main: (options: Readonly<T>, context: ProgramContext) => Promise<number>,
  argv: readonly string[],
): Promise<number> {
  const stop = new AbortController()
  // Whoever read our output may be gone; that is no reason not to stop in order.
  process.stdout.on('error', ignoreClosedReader)
  process.stderr.on('error', ignoreClosedReader)
  try {
    const line = readCommandLine<T>(program, argv)
    if (line.kind === 'help') {
      process.stdout.write(line.text)
      return 0
    }
    for (const name of ['SIGTERM', 'SIGINT'] as const) {
      process.on(name, () => {
        if (stop.signal.aborted) process.exit(1)
        stop.abort()
        setTimeout(() => process.exit(1), stopMsMax).unref()
      })
    }
    return await main(line.options, {
      signal: stop.signal,
      positionals: line.positionals,
      print: (text) => process.stdout.write(`${text}\n`),
    })
  } catch (error) {
    // A start that was given up because a signal came in its middle has ended in order.
    if (stop.signal.aborted && error === stop.signal.reason) return 0
    process.stderr.write(`${errorLine(error)}\n`)
    return exitCodeOf(error)
  }
}

/** The error as one JSON line, in the shape of a log line. */
export function errorLine(error: unknown): string {
  if (!isCodedError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return JSON.stringify({ level: 'fatal', msg: text })
  }
  const { code, message, hint } = error as CodedError
  return JSON.stringify({ level: 'fatal', code, msg: message, hint })
}

export function exitCodeOf(error: unknown): number {
  if (!isCodedError(error)) return error instanceof AssertionError ? 70 : 1
  return error.blame === 'operator' ? 2 : error.blame === 'bug' ? 70 : 1
}

function ignoreClosedReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}
