/** `npm run dead-letters -- list | lines`: points the database refused, from the command line. */
import { runProgram } from '../../schemas/program.ts'
import {
  type DeadLettersOptions,
  deadLettersProgram,
  runDeadLetters,
} from './dead-letters-program.ts'

await runProgram<DeadLettersOptions>(deadLettersProgram, runDeadLetters)
