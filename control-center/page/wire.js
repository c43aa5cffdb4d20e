/**
 * How the page reads what comes over the wire: topics of nodes of one to three levels, payloads in JSON or CBOR. The
 * rules are those of schemas/topics.ts and schemas/payload.ts, which a browser cannot load as they are.
 */
import { decode as decodeCbor } from '/vendor/cborg/decode.js'

/** A filter for each depth a node may have. @param {string} rest */
export const ofAllNodes = (rest) => ['+', '+/+', '+/+/+'].map((node) => `${node}/${rest}`)

/** @param {string} topic */
export function readTopic(topic) {
  // The first level that is the name of a type ends the node.
  const [, node = '', type = '', code = ''] =
    /^(.+?)\/(presence|status|result|reject)(?:\/([^/]+).*)?$/.exec(topic) ?? []
  return { node, type, code }
}

/** A CBOR map begins with 0xa0 to 0xbf, a JSON object never does. @param {Uint8Array} bytes */
export function readPayload(bytes) {
  const isCbor = bytes[0] >= 0xa0 && bytes[0] <= 0xbf
  return isCbor
    ? decodeCbor(bytes, { rejectDuplicateMapKeys: true, allowUndefined: false })
    : JSON.parse(new TextDecoder().decode(bytes))
}
