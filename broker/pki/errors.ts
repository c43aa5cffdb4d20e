/** What can go wrong when certificates are made. */
import { defineError } from '../../schemas/coded-error.ts'

export const PkiExists = defineError({
  code: 'IG_ERR_PKI_EXISTS',
  message: '%s already exists',
  hint: 'Use the authority that is there, or name another directory.',
  blame: 'operator',
  retry: 'never',
})

export const PkiMissing = defineError({
  code: 'IG_ERR_PKI_MISSING',
  message: 'no authority in %s: %s',
  hint: 'Make one with `npm run pki -- init`, or name its directory with --pki-dir.',
  blame: 'operator',
  retry: 'never',
})

export const PkiUnreadable = defineError({
  code: 'IG_ERR_PKI_UNREADABLE',
  message: '%s cannot be used: %s',
  hint: 'Restore the file from a backup of the directory of the authority.',
  blame: 'operator',
  retry: 'never',
})

export const PkiNameInvalid = defineError({
  code: 'IG_ERR_PKI_NAME_INVALID',
  message: '%s is no name for a %s: %s',
  hint: 'A device is named by its node, a simulator by its zone, everybody else who connects by a node; server names are DNS names.',
  blame: 'operator',
  retry: 'never',
})

export const PkiNameTaken = defineError({
  code: 'IG_ERR_PKI_NAME_TAKEN',
  message: '%s already has a certificate (role %s, valid until %s)',
  hint: 'Use `renew` for a new certificate of the same name and role, or `revoke` the old one first.',
  blame: 'operator',
  retry: 'never',
})

export const PkiUnknownName = defineError({
  code: 'IG_ERR_PKI_UNKNOWN_NAME',
  message: 'no certificate of %s was issued here',
  hint: '`npm run pki -- list` shows all.',
  blame: 'operator',
  retry: 'never',
})

export const PkiNameRevoked = defineError({
  code: 'IG_ERR_PKI_NAME_REVOKED',
  message: '%s was revoked at %s, so there is nothing to renew',
  hint: 'Give the device a new name; if its old one is safe again, say so with `npm run pki -- issue ROLE NAME`.',
  blame: 'operator',
  retry: 'never',
})

export const PkiUsage = defineError({
  code: 'IG_ERR_PKI_USAGE',
  message: '%s',
  hint: 'Run `npm run pki -- --help` for what it can do.',
  blame: 'operator',
  retry: 'never',
})
