/** The door's limits, each with its reason. */
const minuteMs = 60_000
const dayMs = 24 * 60 * minuteMs

export interface IngressLimits {
  /** Longest payload. A replay of 1,000 entries of 200 bytes fits. */
  readonly messageBytesMax: number
  /** Older than this when it comes: flagged late. */
  readonly lateMs: number
  /** Ahead of our clock by more: flagged future. Clocks kept by NTP are nearer. */
  readonly futureMs: number
  /** Older than this: no sensible time. Infinity switches the judgement off (simulated time). */
  readonly pastMsMax: number
  /** The same for back-fill, which is old by nature. */
  readonly replayPastMsMax: number
  /** Ahead by more: no sensible time. */
  readonly futureMsMax: number
  /** Topics whose stream is remembered, of all nodes; the longest silent are forgotten first. */
  readonly streamsMax: number
  /** Topics remembered of one node, so that one node cannot push the others out. */
  readonly streamsPerNodeMax: number
  /** Senders held back at the same time while the ledger does not take anything; others are refused at once. */
  readonly heldMax: number
  /** How long a sender is held back before it is refused. */
  readonly holdMs: number
  /** Records read at the start to know again what was sent before. */
  readonly restoreRecordsMax: number
  /** Reject notices a node gets at once, and how long until the next one. */
  readonly noticesBurst: number
  readonly noticeEveryMs: number
}

export const defaultIngressLimits: IngressLimits = {
  messageBytesMax: 256 * 1024,
  lateMs: 2 * minuteMs,
  futureMs: 5_000,
  pastMsMax: 7 * dayMs,
  replayPastMsMax: 400 * dayMs,
  futureMsMax: dayMs,
  streamsMax: 50_000,
  streamsPerNodeMax: 64,
  heldMax: 2_000,
  holdMs: 10_000,
  restoreRecordsMax: 50_000,
  noticesBurst: 3,
  noticeEveryMs: 10_000,
}
