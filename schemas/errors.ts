/** What can be wrong with a message or with a command line: the errors of the contract itself. */
import { defineError } from './coded-error.ts'

export const TopicMalformed = defineError({
  code: 'IG_ERR_TOPIC_MALFORMED',
  message: 'topic %j is not <node>/<type>/<code>[/<channel>]: %s',
  hint: 'See docs/topics.md for the topics a device may publish.',
  blame: 'device',
  retry: 'never',
})

export const IdMalformed = defineError({
  code: 'IG_ERR_ID_MALFORMED',
  message: '%s %j is not valid: %s',
  hint: 'See docs/topics.md for how nodes, components and commands are named.',
  blame: 'operator',
  retry: 'never',
})

export const MsgNotJson = defineError({
  code: 'IG_ERR_MSG_NOT_JSON',
  message: 'payload is neither JSON nor CBOR: %s',
  hint: 'Send UTF-8 JSON, or CBOR (RFC 8949) whose first byte is a map.',
  blame: 'device',
  retry: 'never',
})

export const MsgSchema = defineError({
  code: 'IG_ERR_MSG_SCHEMA',
  message: 'payload does not fit %s: %s %s',
  hint: 'Compare with schemas/examples; the path names the member that does not fit.',
  blame: 'device',
  retry: 'never',
})

export const MsgUnknownCode = defineError({
  code: 'IG_ERR_MSG_UNKNOWN_CODE',
  message: 'there is no schema for %s of code %j',
  hint: 'See docs/topics.md for the codes of this version; a newer device needs a newer gateway.',
  blame: 'device',
  retry: 'never',
})

export const MsgBeyondCertificate = defineError({
  code: 'IG_ERR_MSG_BEYOND_CERTIFICATE',
  message: 'a certificate of the role %s does not allow asking for %s',
  hint: 'Only an operator asks for more than priority for vehicles, and only operator and emergency for kind emergency: issue a certificate of the role that is meant.',
  blame: 'device',
  retry: 'never',
})

export const CommandLineInvalid = defineError({
  code: 'IG_ERR_COMMAND_LINE_INVALID',
  message: 'option %s: %s',
  hint: 'Run the program with --help for its options.',
  blame: 'operator',
  retry: 'never',
})

export const ConfigUnreadable = defineError({
  code: 'IG_ERR_CONFIG_UNREADABLE',
  message: 'file %s cannot be read: %s',
  hint: 'Check the path, its permissions, and that the file is JSON.',
  blame: 'operator',
  retry: 'never',
})

export const ConfigInvalid = defineError({
  code: 'IG_ERR_CONFIG_INVALID',
  message: 'file %s, key %s: %s',
  hint: 'Run the program with --help for its options; docs/config.md describes every key.',
  blame: 'operator',
  retry: 'never',
})
