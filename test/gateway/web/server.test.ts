import { mkdtemp, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { silentLog } from '../../../gateway/kit/log.ts'
import { createWeb, type WebOptions } from '../../../gateway/web/server.ts'

async function openWeb(overrides: Partial<WebOptions> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'intergreen-web-'))
  await writeFile(join(dir, 'index.html'), '<h1>Intergreen</h1>')
  await writeFile(join(dir, '..', 'secret.json'), '{}')
  let accepted = 0
  const web = createWeb({
    host: '127.0.0.1',
    port: 0,
    files: { '/': dir },
    metrics: async () => 'intergreen_up 1\n',
    health: () => ({ ready: false, findings: [{ part: 'ledger', reason: 'disk full' }] }),
    acceptCenter: (stream) => {
      accepted += 1
      stream.end('hello')
    },
    log: silentLog,
    ...overrides,
  })
  await web.start(new AbortController().signal)
  onTestFinished(() => web.stop(1_000))
  const base = `http://127.0.0.1:${web.address().port}`
  const login = async () => {
    const response = await fetch(web.pageUrl(), { redirect: 'manual' })
    return (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  }
  return { web, base, login, accepted: () => accepted }
}

test('machines read metrics and health without a session', async () => {
  const { base } = await openWeb()
  expect(await (await fetch(`${base}/metrics`)).text()).toBe('intergreen_up 1\n')
  expect((await fetch(`${base}/health/live`)).status).toBe(200)
  const ready = await fetch(`${base}/health/ready`)
  expect(ready.status).toBe(503)
  expect(await ready.text()).toContain('disk full')
})

test('the page opens with a token that works once', async () => {
  const { base, web } = await openWeb()
  expect((await fetch(base)).status).toBe(401)
  const url = web.pageUrl()
  const first = await fetch(url, { redirect: 'manual' })
  expect(first.status).toBe(303)
  const cookie = (first.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  expect(await (await fetch(base, { headers: { cookie } })).text()).toContain('Intergreen')
  expect((await fetch(url, { redirect: 'manual' })).status).toBe(401)
})

test('no path leads out of the page folder', async () => {
  const { base, login } = await openWeb()
  const cookie = await login()
  for (const path of [
    '/..%2fsecret.json',
    '/%2e%2e/secret.json',
    '/nothing.html',
    '/index.html/',
  ]) {
    expect((await fetch(base + path, { headers: { cookie } })).status, path).toBe(404)
  }
})

test('a WebSocket needs a session and our own origin', async () => {
  const { base, login, accepted } = await openWeb()
  const cookie = await login()
  const url = `${base.replace('http', 'ws')}/mqtt`
  const outcome = (headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(url, 'mqtt', { headers })
      socket.on('message', (data) => resolve(String(data)))
      socket.on('error', (error) => resolve(error.message))
    })
  expect(await outcome({ origin: base })).toContain('401')
  expect(await outcome({ cookie, origin: 'http://elsewhere.example' })).toContain('401')
  expect(await outcome({ cookie })).toContain('401')
  expect(await outcome({ cookie, origin: 'null' })).toContain('401')
  expect(accepted()).toBe(0)
  expect(await outcome({ cookie, origin: base })).toBe('hello')
  expect(accepted()).toBe(1)
})

test('what is no address at all is answered, and the port stays open', async () => {
  const { base, web } = await openWeb()
  for (const head of [
    'GET // HTTP/1.1',
    'GET //[ HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket',
  ]) {
    const socket = createConnection(web.address().port, '127.0.0.1')
    socket.end(`${head}\r\nHost: x\r\nConnection: close\r\n\r\n`)
    const answer = await new Promise<string>((resolve) => {
      socket.once('data', (data) => resolve(String(data)))
    })
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d/)
  }
  expect((await fetch(`${base}/health/live`)).status).toBe(200)
})

test('a taken port is IG_ERR_WEB_PORT_TAKEN', async () => {
  const { web } = await openWeb()
  const second = createWeb({
    host: '127.0.0.1',
    port: web.address().port,
    files: {},
    metrics: async () => '',
    health: () => ({ ready: true, findings: [] }),
    acceptCenter: () => {},
    log: silentLog,
  })
  await expect(second.start(new AbortController().signal)).rejects.toMatchObject({
    code: 'IG_ERR_WEB_PORT_TAKEN',
  })
})
