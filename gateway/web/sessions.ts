/**
 * Who may look at the page: a one-time token opens a session, the session's cookie opens everything else.
 *
 * - A token works once; what is stored is its digest, compared in constant time.
 * - Sessions end by themselves and are few; the oldest makes room. What was opened with one is told of its end.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A shift at the desk. */
export const sessionMsDefault = 12 * 3_600_000
const sessionsMax = 64 // More people than a control room has.
const tokensMax = 16 // Addresses that were printed and not used yet.
export const cookieName = 'intergreen-session'

export interface Sessions {
  /** A new token, to be shown once to who may open the page. */
  createToken(): string
  /** The session a token opens, or undefined for a wrong or used one. */
  redeem(token: string): string | undefined
  /** Aborted when the session ends; undefined when it is not open. */
  lifeOf(session: string | undefined): AbortSignal | undefined
  /** Ends all of them. */
  close(): void
}

const digest = (text: string) => createHash('sha256').update(text).digest()

export function createSessions(sessionMs: number): Sessions {
  const tokens: Buffer[] = []
  const sessions = new Map<
    string,
    { readonly life: AbortController; readonly timer: NodeJS.Timeout }
  >()

  function end(session: string): void {
    const open = sessions.get(session)
    if (!open) return
    sessions.delete(session)
    clearTimeout(open.timer)
    open.life.abort()
  }

  return {
    createToken() {
      const token = randomBytes(24).toString('base64url')
      if (tokens.length >= tokensMax) tokens.shift()
      tokens.push(digest(token))
      return token
    },
    redeem(token) {
      const offered = digest(token)
      const at = tokens.findIndex((known) => timingSafeEqual(known, offered))
      if (at < 0) return undefined
      tokens.splice(at, 1)
      if (sessions.size >= sessionsMax) end(sessions.keys().next().value!)
      const session = randomBytes(32).toString('base64url')
      const timer = setTimeout(() => end(session), sessionMs).unref()
      sessions.set(session, { life: new AbortController(), timer })
      return session
    },
    lifeOf: (session) => (session === undefined ? undefined : sessions.get(session)?.life.signal),
    close() {
      for (const session of [...sessions.keys()]) end(session)
    },
  }
}
