/**
 * Payload bytes to a plain value and back. JSON or CBOR (RFC 8949): the first byte tells which.
 *
 * A JSON message is an object, so its first byte is `{` or white space (0x09, 0x0a, 0x0d, 0x20, 0x7b);
 * a CBOR map begins with 0xa0–0xbf. No byte is both, so no header is needed.
 */
import { decode as decodeCbor, encode as encodeCbor } from 'cborg'
import type { CodedError } from './coded-error.ts'
import { MsgNotJson } from './errors.ts'

export type PayloadFormat = 'json' | 'cbor'

export function formatOf(bytes: Uint8Array): PayloadFormat {
  const first = bytes[0] ?? 0
  return first >= 0xa0 && first <= 0xbf ? 'cbor' : 'json'
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The value, or the coded reason why the bytes are none. Never throws. */
export function decodePayload(
  bytes: Uint8Array,
): { readonly value: unknown } | { readonly error: CodedError } {
  try {
    if (formatOf(bytes) === 'cbor') {
      return { value: decodeCbor(bytes, { rejectDuplicateMapKeys: true, allowUndefined: false }) }
    }
    return { value: JSON.parse(utf8.decode(bytes)) }
  } catch (cause) {
    return { error: MsgNotJson.from(cause, (cause as Error).message) }
  }
}

export function encodePayload(value: unknown, format: PayloadFormat = 'json'): Buffer {
  if (format === 'cbor') return Buffer.from(encodeCbor(value))
  return Buffer.from(JSON.stringify(value))
}
