/**
 * When which message is due: an open loop, fixed by the phase alone. Answers that are late change nothing, and the
 * time a message waited to be sent counts as the gateway's (no coordinated omission).
 */
import type { Phase } from './options.ts'

/** How many messages of the phase are due after `elapsedS`. */
export function dueBy(phase: Phase, elapsedS: number): number {
  const s = Math.min(elapsedS, phase.seconds)
  if (phase.kind === 'steady') return Math.floor(phase.messagesPerSecond * s)
  // From nothing to the full rate: the area under a triangle.
  return Math.floor((phase.messagesPerSecond * s * s) / (2 * phase.seconds))
}

/** Seconds after the begin of the phase at which its message number `index` (from 0) is due. */
export function dueAtS(phase: Phase, index: number): number {
  if (phase.kind === 'steady') return (index + 1) / phase.messagesPerSecond
  return Math.sqrt((2 * phase.seconds * (index + 1)) / phase.messagesPerSecond)
}
