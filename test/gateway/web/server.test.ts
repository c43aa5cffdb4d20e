import { mkdtemp, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import WebSocket from 'ws'
import { silentLog } from '../../../gateway/kit/log.ts'
import { createWeb, type WebOptions } from '../../../gateway/web/server.ts'
import { eventually } from '../../support/eventually.ts'

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

test('a WebSocket ends with its session', async () => {
  const { base, login } = await openWeb({ sessionMs: 300, acceptCenter: () => {} })
  const cookie = await login()
  const socket = new WebSocket(`${base.replace('http', 'ws')}/mqtt`, 'mqtt', {
    headers: { cookie, origin: base },
  })
  const closed = new Promise((resolve) => socket.once('close', resolve))
  await new Promise((resolve) => socket.once('open', resolve))
  expect((await fetch(base, { headers: { cookie } })).status).toBe(200)
  await closed
  expect((await fetch(base, { headers: { cookie } })).status).toBe(401)
})

test('when an address was used the gateway is told, so that it prints another', async () => {
  const { web, login } = await openWeb()
  let opened = 0
  web.onOpened(() => {
    opened += 1
  })
  await login()
  await login()
  expect(opened).toBe(2)
})

test('a cookie is for this site, for no script, and no longer than its session', async () => {
  const { web } = await openWeb({ sessionMs: 90_000 })
  const response = await fetch(web.pageUrl(), { redirect: 'manual' })
  const [, ...attributes] = (response.headers.get('set-cookie') ?? '').split('; ')
  expect(attributes).toEqual(['HttpOnly', 'SameSite=Strict', 'Path=/', 'Max-Age=90'])
})

test('every answer tells a browser to keep to this site, to be in no frame, and to keep nothing', async () => {
  const { base, web, login } = await openWeb()
  const cookie = await login()
  const answers = [
    await fetch(base),
    await fetch(base, { headers: { cookie } }),
    await fetch(`${base}/metrics`),
    await fetch(`${base}/nothing.html`, { headers: { cookie } }),
    await fetch(web.pageUrl(), { redirect: 'manual' }),
  ]
  expect(answers.map(({ status }) => status)).toEqual([401, 200, 200, 404, 303])
  for (const { headers } of answers) {
    expect(headers.get('content-security-policy')).toMatch(/default-src 'self'.*frame-ancestors/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-frame-options')).toBe('DENY')
    expect(headers.get('cache-control')).toBe('no-store')
  }
})

test('the page is told whether its session may ask, strangers are told nothing', async () => {
  for (const mayAsk of [true, false]) {
    const { base, login } = await openWeb({ mayAsk })
    expect((await fetch(`${base}/session.json`)).status).toBe(401)
    const answer = await fetch(`${base}/session.json`, { headers: { cookie: await login() } })
    expect(await answer.json()).toEqual({ mayAsk })
  }
})

test('only GET and HEAD are answered, and nobody sends a body', async () => {
  const { base, web } = await openWeb()
  const post = await fetch(base, { method: 'POST', body: 'x'.repeat(100_000) })
  expect([post.status, post.headers.get('connection')]).toEqual([405, 'close'])
  expect((await fetch(`${base}/health/live`, { method: 'HEAD' })).status).toBe(200)
  const socket = createConnection(web.address().port, '127.0.0.1')
  socket.on('error', () => {}) // The gateway may hang up while this still sends.
  socket.write('GET /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n')
  const ended = new Promise((resolve) => socket.once('close', resolve))
  let answer = ''
  socket.on('data', (data) => {
    answer += data
  })
  await ended
  expect(answer).toMatch(/^HTTP\/1\.1 413/)
})

test('a look at where an address leads does not use it up', async () => {
  const { web } = await openWeb()
  const url = web.pageUrl()
  expect((await fetch(url, { method: 'HEAD' })).status).toBe(401)
  expect((await fetch(url, { redirect: 'manual' })).status).toBe(303)
})

const wide = {
  connectionsMax: 100,
  connectionsOfOneMax: 100,
  requestsMax: 100,
  requestsOfOneMax: 100,
}

test('who asks too much before a login gets IG_ERR_WEB_BUSY; a session and health go on', async () => {
  let refused = 0
  const { base, login } = await openWeb({
    limits: { ...wide, requestsMax: 3 },
    refused: {
      add(amount) {
        refused += amount
      },
    },
  })
  const cookie = await login()
  for (let at = 0; at < 2; at++) expect((await fetch(`${base}/metrics`)).status).toBe(200)
  const busy = await fetch(`${base}/metrics`)
  expect([busy.status, busy.headers.get('retry-after')]).toEqual([429, '10'])
  expect(await busy.json()).toMatchObject({ code: 'IG_ERR_WEB_BUSY', hint: expect.any(String) })
  const upgrade = new WebSocket(`${base.replace('http', 'ws')}/mqtt`, 'mqtt')
  expect(await new Promise<Error>((resolve) => upgrade.once('error', resolve))).toMatchObject({
    message: expect.stringContaining('429'),
  })
  expect((await fetch(base, { headers: { cookie } })).status).toBe(200)
  expect((await fetch(`${base}/health/live`)).status).toBe(200)
  expect(refused).toBe(2)
})

test('connections beyond the bound are told so and closed, and free their place when they end', async () => {
  const { base, web } = await openWeb({ limits: { ...wide, connectionsOfOneMax: 2 } })
  const held = [1, 2].map(() => createConnection(web.address().port, '127.0.0.1'))
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  const third = createConnection(web.address().port, '127.0.0.1')
  const told = await new Promise<string>((resolve) => {
    third.once('data', (data) => resolve(String(data)))
  })
  expect(told).toMatch(/^HTTP\/1\.1 429.*IG_ERR_WEB_BUSY/s)
  for (const socket of held) socket.destroy()
  await eventually(async () => {
    expect((await fetch(`${base}/health/live`)).status).toBe(200)
  })
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
