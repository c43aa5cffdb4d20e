/** What the door finds wrong with a message beside its form (schemas/errors.ts). */
import { defineError } from '../../schemas/coded-error.ts'

export const MsgPayloadTooLarge = defineError({
  code: 'IG_ERR_MSG_PAYLOAD_TOO_LARGE',
  message: 'payload has %d bytes, limit %d',
  hint: 'Send fewer entries per message, or CBOR instead of JSON.',
  blame: 'device',
  retry: 'never',
})

export const MsgDeviceMismatch = defineError({
  code: 'IG_ERR_MSG_DEVICE_MISMATCH',
  message: '%s may not speak for node %s',
  hint: 'A device publishes under the name in its certificate.',
  blame: 'device',
  retry: 'never',
})

export const MsgTimeImplausible = defineError({
  code: 'IG_ERR_MSG_TIME_IMPLAUSIBLE',
  message: 'ts %s is %s our clock by %d s',
  hint: 'Set the clock of the device; back-fill goes to the replay topic.',
  blame: 'device',
  retry: 'never',
})
