/**
 * A real browser for tests: Debian's Chromium without a window, driven over its DevTools protocol. Only what a test of a
 * page needs: open an address, read what a person would read.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { onTestFinished } from 'vitest'
import WebSocket from 'ws'

const program = 'chromium'

export const isChromiumMissing = spawnSync(program, ['--version']).error !== undefined

export interface Page {
  goto(url: string): Promise<void>
  /** Value of an expression in the page. */
  evaluate<T>(expression: string): Promise<T>
  /** Text as it is shown. */
  text(): Promise<string>
  /** Errors the page reported. */
  readonly errors: readonly string[]
}

export async function openPage(): Promise<Page> {
  const profile = await mkdtemp(join(tmpdir(), 'intergreen-chromium-'))
  const child = spawn(
    program,
    [
      ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
      ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
      ...['--disable-dev-shm-usage', '--remote-debugging-port=0', `--user-data-dir=${profile}`],
      'about:blank',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  onTestFinished(async () => {
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
    await rm(profile, { recursive: true, force: true, maxRetries: 5 })
  })
  const browserUrl = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error('the browser ended before it was ready')))
    createInterface({ input: child.stderr }).on('line', (line) => {
      const found = /listening on (ws:\S+)/.exec(line)
      if (found?.[1]) resolve(found[1])
    })
  })
  const port = new URL(browserUrl).port
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
    type: string
    webSocketDebuggerUrl: string
  }[]
  return drive(targets.find(({ type }) => type === 'page')!.webSocketDebuggerUrl)
}

async function drive(url: string): Promise<Page> {
  const socket = new WebSocket(url)
  await once(socket, 'open')
  const waiting = new Map<number, (answer: Answer) => void>()
  const errors: string[] = []
  let last = 0
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Answer & {
      id?: number
      method?: string
      params?: unknown
    }
    if (message.id !== undefined) waiting.get(message.id)?.(message)
    else if (message.method === 'Runtime.exceptionThrown')
      errors.push(JSON.stringify(message.params))
  })
  const call = (method: string, params: object = {}) =>
    new Promise<Answer>((resolve) => {
      last += 1
      waiting.set(last, resolve)
      socket.send(JSON.stringify({ id: last, method, params }))
    })
  await call('Runtime.enable')
  await call('Page.enable')
  const evaluate = async <T>(expression: string): Promise<T> => {
    const { result } = await call('Runtime.evaluate', { expression, returnByValue: true })
    return result?.result?.value as T
  }
  return {
    goto: async (address) => void (await call('Page.navigate', { url: address })),
    evaluate,
    text: () => evaluate<string>('document.body.innerText'),
    errors,
  }
}

interface Answer {
  readonly result?: { readonly result?: { readonly value?: unknown } }
}
