/** Entry of `npm run evaluate -- explain`; the work is in command.ts. */
import { runProgram } from '../../../schemas/program.ts'
import { explainDecision, explainProgram } from './command.ts'

export async function main(argv: readonly string[]): Promise<void> {
  await runProgram(explainProgram, explainDecision, argv)
}
