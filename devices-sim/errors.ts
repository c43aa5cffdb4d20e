/** What can go wrong with a simulated street: the errors of this room. */
import { defineError } from '../schemas/coded-error.ts'

export const JunctionInvalid = defineError({
  code: 'IG_ERR_SIM_JUNCTION_INVALID',
  message: 'junction %s cannot be run safely: %s',
  hint: 'Correct the junction document; schemas/site/junction.schema.json says what its members mean.',
  blame: 'operator',
  retry: 'never',
})

export const WorldUnknown = defineError({
  code: 'IG_ERR_SIM_WORLD_UNKNOWN',
  message: 'there is no world called %j; there are %s',
  hint: 'Type the world as the first word: npm run sim -- street --help',
  blame: 'operator',
  retry: 'never',
})

export const CertificateMissing = defineError({
  code: 'IG_ERR_SIM_CERTIFICATE_MISSING',
  message: 'certificate of %s cannot be read: %s',
  hint: 'Issue it with `npm run pki -- issue simulator ZONE` for a whole zone, or `npm run pki -- issue device NODE` for one device; or point --pki-dir at the directory that holds it. A gateway in development makes those of the zones north and load.',
  blame: 'operator',
  retry: 'never',
})

export const BrokerUnreachable = defineError({
  code: 'IG_ERR_SIM_BROKER_UNREACHABLE',
  message: '%s did not connect to %s within %d s: %s',
  hint: 'Check that the gateway runs, that --url names its MQTT listener, and that it accepts the certificate.',
  blame: 'world',
  retry: 'later',
})

export const FilesTooFew = defineError({
  code: 'IG_ERR_SIM_FILES_TOO_FEW',
  message: '%d devices need %d open files, this process may have %d',
  hint: 'Run `ulimit -n` with the number named (LimitNOFILE= of a service, nofile in limits.conf), or take fewer --devices; the gateway needs as many.',
  blame: 'operator',
  retry: 'never',
})

export const GatewaySilent = defineError({
  code: 'IG_ERR_SIM_GATEWAY_SILENT',
  message: 'the gateway did not answer the clock for %d s (simulated time %s)',
  hint: 'They keep different clocks, or the gateway is gone. Beside a gateway in real time (its default) start the simulator with --clock system; for simulated time start the gateway with --clock event.',
  blame: 'world',
  retry: 'later',
})

export const FaultMalformed = defineError({
  code: 'IG_ERR_SIM_FAULT_MALFORMED',
  message: 'fault %j is not understood: %s',
  hint: 'A fault is KIND:TARGET[=VALUE][@FROM-TO], for example stuck:north/det-001:dl/1=0; see --help.',
  blame: 'operator',
  retry: 'never',
})

export const OutputUnwritable = defineError({
  code: 'IG_ERR_SIM_OUTPUT_UNWRITABLE',
  message: 'cannot write %s: %s',
  hint: 'Choose a directory this user may write to.',
  blame: 'operator',
  retry: 'never',
})
