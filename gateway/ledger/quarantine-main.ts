/** `npm run quarantine -- list | show | resubmit`: the quarantine from the command line. */
import { runProgram } from '../../schemas/program.ts'
import {
  type QuarantineProgramOptions,
  quarantineProgram,
  runQuarantine,
} from './tools/quarantine-program.ts'

await runProgram<QuarantineProgramOptions>(quarantineProgram, runQuarantine)
