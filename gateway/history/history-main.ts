/** `npm run history -- decisions | commands | …`: what has been, from the command line. */
import { runProgram } from '../../schemas/program.ts'
import { type HistoryProgramOptions, historyProgram, runHistory } from './history-program.ts'

await runProgram<HistoryProgramOptions>(historyProgram, runHistory)
