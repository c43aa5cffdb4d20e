/** What can go wrong at the web port. */
import { defineError } from '../../schemas/coded-error.ts'

export const WebPortTaken = defineError({
  code: 'IG_ERR_WEB_PORT_TAKEN',
  message: 'web port %s on %s cannot be opened: %s',
  hint: 'Choose another with --web-port (0 takes any free one), or stop what listens there.',
  blame: 'operator',
  retry: 'never',
})

export const WebCertificateUnreadable = defineError({
  code: 'IG_ERR_WEB_CERT_UNREADABLE',
  message: 'certificate %s and its key cannot be used for HTTPS: %s',
  hint: 'Put a PEM certificate and its key there, readable by the gateway; they are taken up without a restart.',
  blame: 'operator',
  retry: 'never',
})

export const WebBusy = defineError({
  code: 'IG_ERR_WEB_BUSY',
  message: 'more %s than are taken before a login',
  hint: 'Wait for the time in Retry-After; an open session is not counted.',
  blame: 'world',
  retry: 'later',
})
