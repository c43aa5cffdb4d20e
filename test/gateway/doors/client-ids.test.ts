import { expect, test } from 'vitest'
import { type Claimant, createClientIds } from '../../../gateway/doors/client-ids.ts'

function house() {
  const said: string[] = []
  const claimant = (name: string, clientId = 'north/det-1'): Claimant => ({
    clientId,
    grant: () => void said.push(`${name} granted`),
    end: () => void said.push(`${name} ended`),
  })
  return { ids: createClientIds<Claimant>(), said, claimant }
}

test('the newest waits until the holder has gone', () => {
  const { ids, said, claimant } = house()
  const [a, b] = [claimant('a'), claimant('b')]
  ids.claim(a)
  ids.claim(b)
  expect(said).toEqual(['a granted', 'a ended'])
  expect(ids.holder('north/det-1')).toBe(a)
  ids.release(a)
  expect(said).toEqual(['a granted', 'a ended', 'b granted'])
  ids.release(b)
  expect(ids.holder('north/det-1')).toBeUndefined()
})

test('who is overtaken while it waits never begins', () => {
  const { ids, said, claimant } = house()
  const [a, b, c] = [claimant('a'), claimant('b'), claimant('c')]
  ids.claim(a)
  ids.claim(b)
  ids.claim(c)
  ids.release(b)
  ids.release(a)
  expect(said).toEqual(['a granted', 'a ended', 'b ended', 'c granted'])
})

test('who gives up while it waits leaves the id to whoever comes next', () => {
  const { ids, said, claimant } = house()
  const [a, b, c] = [claimant('a'), claimant('b'), claimant('c')]
  ids.claim(a)
  ids.claim(b)
  ids.release(b)
  ids.release(a)
  ids.claim(c)
  expect(said).toEqual(['a granted', 'a ended', 'c granted'])
  ids.release(a) // Told twice: it is nobody's id any more.
  expect(ids.holder('north/det-1')).toBe(c)
})

test('different ids do not wait for each other', () => {
  const { ids, said, claimant } = house()
  ids.claim(claimant('a', 'north/det-1'))
  ids.claim(claimant('b', 'north/det-2'))
  expect(said).toEqual(['a granted', 'b granted'])
})
