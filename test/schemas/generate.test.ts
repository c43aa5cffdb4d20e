import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { generateTypes } from '../../schemas/generate.ts'

test('the generated types are what the schemas say', async () => {
  const written = readFileSync(
    join(import.meta.dirname, '../../schemas/generated/messages.ts'),
    'utf8',
  )
  expect(await generateTypes()).toBe(written)
})
