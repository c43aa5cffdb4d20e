/** Entry of `npm run evaluate -- replay`; the work is in command.ts. */
import { runProgram } from '../../../schemas/program.ts'
import { replayLedger, replayProgram } from './command.ts'

export async function main(argv: readonly string[]): Promise<void> {
  await runProgram(replayProgram, replayLedger, argv)
}
