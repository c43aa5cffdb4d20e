/** `npm run pki -- init | issue | renew | revoke | list`: certificates from the command line. */
import { runProgram } from '../../schemas/program.ts'
import { type PkiOptions, pkiProgram, runPki } from './command.ts'

await runProgram<PkiOptions>(pkiProgram, (options, { positionals, print }) =>
  runPki(options, positionals, print),
)
