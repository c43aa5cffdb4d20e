/** What can go wrong at the web port. */
import { defineError } from '../../schemas/coded-error.ts'

export const WebPortTaken = defineError({
  code: 'IG_ERR_WEB_PORT_TAKEN',
  message: 'web port %s on %s cannot be opened: %s',
  hint: 'Choose another with --web-port (0 takes any free one), or stop what listens there.',
  blame: 'operator',
  retry: 'never',
})
