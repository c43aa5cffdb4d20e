/**
 * Who may look at the page: a one-time token opens a session, the session's cookie opens everything else.
 *
 * - A token works once; what is stored is its digest, compared in constant time.
 * - Sessions end by themselves and are few; the oldest makes room.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

const sessionMs = 12 * 3_600_000 // A shift at the desk.
const sessionsMax = 64 // More people than a control room has.
export const cookieName = 'intergreen-session'

export interface Sessions {
  /** A new token, to be shown once to who started the gateway. */
  createToken(): string
  /** The session a token opens, or undefined for a wrong or used one. */
  redeem(token: string): string | undefined
  isOpen(session: string | undefined): boolean
}

const digest = (text: string) => createHash('sha256').update(text).digest()

export function createSessions(nowMs: () => number): Sessions {
  const tokens: Buffer[] = []
  const sessions = new Map<string, number>()
  return {
    createToken() {
      const token = randomBytes(24).toString('base64url')
      tokens.push(digest(token))
      return token
    },
    redeem(token) {
      const offered = digest(token)
      const at = tokens.findIndex((known) => timingSafeEqual(known, offered))
      if (at < 0) return undefined
      tokens.splice(at, 1)
      if (sessions.size >= sessionsMax) sessions.delete(sessions.keys().next().value!)
      const session = randomBytes(32).toString('base64url')
      sessions.set(session, nowMs() + sessionMs)
      return session
    },
    isOpen(session) {
      const endsAtMs = session === undefined ? undefined : sessions.get(session)
      if (endsAtMs === undefined) return false
      if (endsAtMs > nowMs()) return true
      sessions.delete(session!)
      return false
    },
  }
}
