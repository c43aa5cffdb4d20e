/** Entry of `npm run evaluate -- forecast`; the work is in command.ts. */
import { runProgram } from '../../../schemas/program.ts'
import { evaluateForecast, forecastProgram } from './command.ts'

export async function main(argv: readonly string[]): Promise<void> {
  await runProgram(forecastProgram, evaluateForecast, argv)
}
