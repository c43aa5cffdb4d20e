/** A database behind https whose certificate a city's own authority has signed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { initAuthority } from '../../../broker/pki/authority.ts'
import { createInfluxSink } from '../../../gateway/influx/influx-sink.ts'
import type { Lines, WriteOutcome } from '../../../gateway/influx/ports.ts'
import { createSystemClock } from '../../../gateway/kit/clock.ts'

async function authorityIn(name: string) {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-city-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return await initAuthority(dir, { name })
}

const line = 'presence,node=north/det-1,zone=north online=T 1'
const lines: Lines = { count: 1, line: () => line, text: () => line }

async function writeTo(url: string, caFile?: string): Promise<WriteOutcome> {
  const options = { url, org: 'city', bucket: 'traffic', ...(caFile ? { caFile } : {}) }
  const sink = createInfluxSink(options, { clock: createSystemClock() })
  await sink.open()
  try {
    return await sink.write(lines)
  } finally {
    await sink.close()
  }
}

test('the authority of influx.caFile is trusted for https, and nobody else’s', async () => {
  const { paths } = await authorityIn('the city')
  const seen: string[] = []
  const credentials = { cert: readFileSync(paths.serverCert), key: readFileSync(paths.serverKey) }
  const server = createServer(credentials, (request, response) => {
    request.on('data', (chunk: Buffer) => seen.push(chunk.toString()))
    request.on('end', () => response.writeHead(204).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const url = `https://localhost:${(server.address() as AddressInfo).port}`

  expect(await writeTo(url, paths.caCert)).toEqual({ accepted: [0], rejected: [] })
  expect(seen).toEqual([line])

  const other = await authorityIn('another city')
  for (const caFile of [undefined, other.paths.caCert]) {
    const { accepted, fault } = await writeTo(url, caFile)
    expect(accepted).toEqual([])
    expect(fault?.kind).toBe('unreachable')
    expect(fault?.error.message).toMatch(/certificate|signature/i)
  }
  expect(seen).toEqual([line])
})
