/**
 * Frames that are answered before Aedes sees them, because it would answer late or not tell us.
 *
 * - PUBACK of a command: Aedes does not say which message of a clean session was acknowledged.
 * - PINGREQ: behind messages that wait at the gate Aedes would not read it, and a device that waits for the ledger would
 *   take the connection for dead.
 */
import type { CommandOutlet } from './command-outlet.ts'
import type { Connection } from './connection.ts'
import { packetType } from './door-stream.ts'

const pingreq = Buffer.from([packetType.pingreq << 4, 0])
const pingresp = Buffer.from([packetType.pingresp << 4, 0])

/** True when the frame is dealt with. What is malformed is left to Aedes, which closes the connection. */
export function takeFrame(
  connection: Connection,
  outlet: CommandOutlet,
  frame: Buffer,
  type: number,
  headerBytes: number,
): boolean {
  if (type === packetType.puback) return outlet.takePuback(connection, frame, headerBytes)
  if (type !== packetType.pingreq || !frame.equals(pingreq)) return false
  connection.write(pingresp)
  return true
}
