/** What can go wrong with door processes. */
import { defineError } from '../../schemas/coded-error.ts'

export const DoorUnavailable = defineError({
  code: 'IG_ERR_DOOR_UNAVAILABLE',
  message: 'door process %d: %s',
  hint: 'Its last words are on stderr. Too little memory for mqtt.processes doors is the usual reason; 1 needs none.',
  blame: 'world',
  retry: 'later',
})
