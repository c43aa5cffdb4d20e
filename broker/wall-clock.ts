/**
 * The machine's time, by which certificates are valid. Commands expire by the gateway's clock instead, which
 * may run in simulated time; a certificate never does.
 */
export interface WallClock {
  nowMs(): number
}

export const wallClock: WallClock = { nowMs: Date.now }
