/** The gateway's own accounts (`gateway.accounts`), read as a control center, to be held against what was sent. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import mqtt from 'mqtt'
import type { GatewayAccounts } from '../../schemas/generated/messages.ts'
import { decodePayload } from '../../schemas/payload.ts'
import { createCredentialStore } from '../device/credentials.ts'

export type Accounts = GatewayAccounts['entries'][number]['values']

export interface AccountsWatch {
  /** The next accounts that come, or undefined when none came in time. */
  next(timeoutMs: number): Promise<Accounts | undefined>
  /** Accounts that did not change any more between two statuses. */
  settled(timeoutMs: number): Promise<Accounts | undefined>
  end(): Promise<void>
}

/** Undefined where there is no certificate of that name. */
export async function watchAccounts(
  url: string,
  pkiDir: string,
  center: string,
): Promise<AccountsWatch | undefined> {
  if (center === '') return undefined
  try {
    readFileSync(join(pkiDir, 'issued', `${center.replaceAll('/', '_')}.crt`))
  } catch {
    return undefined
  }
  const client = await mqtt.connectAsync(url, {
    ...createCredentialStore(pkiDir).of(center),
    clientId: `${center}/load-${process.pid}`,
    protocolVersion: 4,
  })
  let waiters: ((accounts: Accounts) => void)[] = []
  client.on('message', (_topic, payload) => {
    const decoded = decodePayload(payload)
    if ('error' in decoded) return
    const newest = (decoded.value as GatewayAccounts).entries.at(-1)
    const woken = waiters
    waiters = []
    if (newest) for (const wake of woken) wake(newest.values)
  })
  await client.subscribeAsync('gateway/+/status/gateway.accounts', { qos: 0 })

  const next = (timeoutMs: number) =>
    new Promise<Accounts | undefined>((resolve) => {
      const timer = setTimeout(() => resolve(undefined), timeoutMs)
      waiters.push((accounts) => {
        clearTimeout(timer)
        resolve(accounts)
      })
    })
  return {
    next,
    async settled(timeoutMs) {
      const deadline = performance.now() + timeoutMs
      let last = await next(timeoutMs)
      while (last && performance.now() < deadline) {
        const later = await next(deadline - performance.now())
        if (!later || later.received === last.received) return later ?? last
        last = later
      }
      return last
    },
    end: () => client.endAsync(true),
  }
}
