/** What can go wrong at the door: certificates, identities, rights, limits. */
import { defineError } from '../schemas/coded-error.ts'

export const TlsCertUnreadable = defineError({
  code: 'IG_ERR_TLS_CERT_UNREADABLE',
  message: '%s %s cannot be used: %s',
  hint: 'Name a readable PEM file. `npm run pki -- init` makes an authority and a server certificate.',
  blame: 'operator',
  retry: 'never',
})

export const TlsCertExpired = defineError({
  code: 'IG_ERR_TLS_CERT_EXPIRED',
  message: '%s is valid from %s to %s only',
  hint: 'Renew it: `npm run pki -- renew <name>`; the broker takes the new file without a restart.',
  blame: 'operator',
  retry: 'never',
})

export const TlsHandshakeFailed = defineError({
  code: 'IG_ERR_TLS_HANDSHAKE_FAILED',
  message: 'TLS handshake with %s failed: %s',
  hint: 'The client needs a certificate issued by the authority the broker trusts.',
  blame: 'device',
  retry: 'later',
})

export const BrokerPortTaken = defineError({
  code: 'IG_ERR_BROKER_PORT_TAKEN',
  message: 'cannot listen on %s port %d: %s',
  hint: 'Stop what listens there, or choose another host or port; port 0 takes any free one.',
  blame: 'operator',
  retry: 'never',
})

export const BrokerFull = defineError({
  code: 'IG_ERR_BROKER_FULL',
  message: '%s: limit %d',
  hint: 'Raise the limit if this many are expected; one gateway owns a zone, zones are the shards.',
  blame: 'world',
  retry: 'later',
})

export const AuthUnknownDevice = defineError({
  code: 'IG_ERR_AUTH_UNKNOWN_DEVICE',
  message: 'certificate %j is no identity: %s',
  hint: 'Issue certificates with `npm run pki -- issue`: common name = node, organizational unit = role.',
  blame: 'device',
  retry: 'never',
})

export const AuthClientIdMismatch = defineError({
  code: 'IG_ERR_AUTH_CLIENT_ID_MISMATCH',
  message: 'client id %j does not belong to %s %s',
  hint: 'A device connects with its name as client id; a simulator with <zone>/<device>; everybody else with its name or <name>/<anything>.',
  blame: 'device',
  retry: 'never',
})

export const AuthRevoked = defineError({
  code: 'IG_ERR_AUTH_REVOKED',
  message: 'certificate %s of %s is revoked',
  hint: 'Issue a new certificate if the device is to come back.',
  blame: 'device',
  retry: 'never',
})

export const AuthCertExpired = defineError({
  code: 'IG_ERR_AUTH_CERT_EXPIRED',
  message: 'certificate of %s was valid until %s',
  hint: 'Renew it with `npm run pki -- renew <name>` and give the device the new files.',
  blame: 'device',
  retry: 'never',
})

export const AuthTopicDenied = defineError({
  code: 'IG_ERR_AUTH_TOPIC_DENIED',
  message: '%s %s may not %s %j: %s',
  hint: 'See docs/topics.md for who may publish and subscribe to what.',
  blame: 'device',
  retry: 'never',
})

export const ProtocolRefused = defineError({
  code: 'IG_ERR_BROKER_PROTOCOL',
  message: 'not spoken here: %s',
  hint: 'Speak MQTT 3.1.1 with QoS 0 or 1.',
  blame: 'device',
  retry: 'never',
})

export const MsgTooLarge = defineError({
  code: 'IG_ERR_MSG_TOO_LARGE',
  message: 'MQTT packet of %d bytes, limit %d',
  hint: 'Send fewer entries per message.',
  blame: 'device',
  retry: 'never',
})

export const SubscriberTooSlow = defineError({
  code: 'IG_ERR_BROKER_SUBSCRIBER_SLOW',
  message: 'client %s does not read: %d bytes wait, limit %d, or for too long',
  hint: 'Subscribe to less, or read faster; what was missed is in the history (`npm run history -- --help`).',
  blame: 'world',
  retry: 'later',
})

export const ClientSilent = defineError({
  code: 'IG_ERR_BROKER_CLIENT_SILENT',
  message: 'client %s was not heard in time: %s',
  hint: 'A dead link, or a keep-alive shorter than the device can hold.',
  blame: 'world',
  retry: 'later',
})

export const ConnectionTakenOver = defineError({
  code: 'IG_ERR_BROKER_TAKEN_OVER',
  message: 'client id %s connected again; the older connection is closed [MQTT-3.1.4-2]',
  hint: 'If this repeats, two programs use the same certificate and client id.',
  blame: 'world',
  retry: 'never',
})

export const DevelopmentAuthority = defineError({
  code: 'IG_ERR_TLS_DEVELOPMENT_AUTHORITY',
  message:
    '%s is a development authority (%s): anybody with the data directory can issue certificates',
  hint: 'Make your own with `npm run pki -- init --authority-name "…"`, keep its key off this machine, and name its ca.crt.',
  blame: 'operator',
  retry: 'never',
})
