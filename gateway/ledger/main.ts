/** `npm run ledger -- accounts | verify | export | replay`: the ledger from the command line. */
import { runProgram } from '../../schemas/program.ts'
import { type LedgerProgramOptions, ledgerProgram, runLedger } from './tools/ledger-program.ts'

await runProgram<LedgerProgramOptions>(ledgerProgram, runLedger)
