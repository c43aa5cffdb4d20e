/** What can go wrong at the control center in a terminal. */
import { defineError } from '../schemas/coded-error.ts'

export const CenterCertificateUnreadable = defineError({
  code: 'IG_ERR_CENTER_CERTIFICATE_UNREADABLE',
  message: 'certificate file %s cannot be used: %s',
  hint: 'Issue one with `npm run pki -- issue center center/desk-1`, and name its files with --cert, --key and --ca.',
  blame: 'operator',
  retry: 'never',
})

export const CenterRefused = defineError({
  code: 'IG_ERR_CENTER_REFUSED',
  message: '%s did not let us in: %s',
  hint: 'Check that the gateway runs there and that the certificate is a center\u2019s or an operator\u2019s, neither expired nor revoked; requests want an operator\u2019s.',
  blame: 'operator',
  retry: 'later',
})

export const CenterUnanswered = defineError({
  code: 'IG_ERR_CENTER_UNANSWERED',
  message: '%s did not tell what became of the request: %s',
  hint: 'Nothing may have come of it: look with `npm run watch`, then ask again. A gateway that is overloaded or stopping may have heard it and not answered.',
  blame: 'world',
  retry: 'later',
})
