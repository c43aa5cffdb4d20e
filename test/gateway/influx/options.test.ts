import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkInfluxOptions, readToken } from '../../../gateway/influx/options.ts'

const good = { url: 'http://127.0.0.1:8086', org: 'city', bucket: 'traffic' }

function file(text: string) {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-token-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const path = join(dir, 'token')
  writeFileSync(path, text)
  return path
}

test.each([
  ['no address', { url: 'here' }, 'influx.url'],
  ['another protocol', { url: 'ftp://db' }, 'influx.url'],
  ['a secret in the address', { url: 'http://user:pass@db' }, 'influx.url'],
  ['the path of the interface', { url: 'http://db/api/v2/' }, 'influx.url'],
  ['no organisation', { org: '' }, 'influx.org'],
  ['no bucket', { bucket: '' }, 'influx.bucket'],
  ['a token file that is not there', { tokenFile: '/nowhere/token' }, 'influx.tokenFile'],
  ['authorities that are not there', { caFile: '/nowhere/ca.crt' }, 'influx.caFile'],
  ['authorities that are none', { caFile: import.meta.filename }, 'influx.caFile'],
])('%s is IG_ERR_SINK_CONFIG_INVALID and names the option', (_, wrong, option) => {
  expect(() => checkInfluxOptions({ ...good, ...wrong })).toThrow(
    expect.objectContaining({
      code: 'IG_ERR_SINK_CONFIG_INVALID',
      message: expect.stringContaining(option),
    }),
  )
})

test('a token file holds the token and nothing else', () => {
  expect(readToken({ ...good, tokenFile: file('secret\n') })).toBe('secret')
  for (const text of ['', ' \n', 'two words']) {
    expect(() => readToken({ ...good, tokenFile: file(text) })).toThrow(
      expect.objectContaining({ code: 'IG_ERR_SINK_CONFIG_INVALID' }),
    )
  }
})
