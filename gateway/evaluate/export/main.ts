/** Entry of `npm run evaluate -- export`; the work is in command.ts. */
import { runProgram } from '../../../schemas/program.ts'
import { exportProgram, exportTrainingSet } from './command.ts'

export async function main(argv: readonly string[]): Promise<void> {
  await runProgram(exportProgram, exportTrainingSet, argv)
}
