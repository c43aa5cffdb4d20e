import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startChild } from '../../../../gateway/evaluate/control/child.ts'

function programOf(text: string) {
  const folder = mkdtempSync(join(tmpdir(), 'intergreen-child-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'program.mjs')
  writeFileSync(file, text)
  return startChild({ args: [file], signal: new AbortController().signal })
}

test('its lines are read as they come, and its end is awaited', async () => {
  const child = programOf(
    `console.log('no json'); console.log(JSON.stringify({ event: 'ready', port: 7 }))`,
  )
  expect(await child.line((line) => line.event === 'ready')).toMatchObject({ port: 7 })
  await child.ended()
})

test('one that ends in error says its own words: IG_ERR_EVALUATE_RUN_FAILED', async () => {
  const child = programOf(`process.stderr.write('no such town'); process.exitCode = 3`)
  await expect(child.line((line) => line.event === 'ready')).rejects.toMatchObject({
    code: 'IG_ERR_EVALUATE_RUN_FAILED',
    message: expect.stringContaining('no such town'),
  })
})

test('what is exported for the programs in service does not reach it', async () => {
  onTestFinished(() => void vi.unstubAllEnvs())
  vi.stubEnv('INTERGREEN_INFLUX_URL', 'http://influx.example:8086')
  const child = programOf('console.log(JSON.stringify(process.env))')
  const seen = await child.line(() => true)
  expect(seen).toMatchObject({ PATH: process.env.PATH })
  expect(Object.keys(seen).filter((name) => name.startsWith('INTERGREEN_'))).toEqual([])
  await child.ended()
})
