import { expect, test } from 'vitest'
import { Contest } from '../../../../gateway/prediction/judges/contest.ts'

/** So many pairs of losses, then a check; as every five minutes of a street. */
function round(contest: Contest, championLoss: number, challengerLoss: number, pairs = 100) {
  for (let i = 0; i < pairs; i++) contest.add('challenger', championLoss, challengerLoss)
  return contest.check()
}

test('a challenger that is clearly better for an hour takes the seat, once', () => {
  const contest = new Contest('vehiclesPer5Min', 'champion')
  const changes = Array.from({ length: 40 }, () => round(contest, 1, 0.9)).filter(Boolean)
  expect(changes).toMatchObject([{ from: 'champion', to: 'challenger', why: 'better' }])
  expect(changes[0]!.ratio).toBeCloseTo(0.9)
  expect(contest.champion).toBe('challenger')
})

test('a little better is not enough, and luck for half an hour neither', () => {
  const contest = new Contest('vehiclesPer5Min', 'champion')
  for (let i = 0; i < 100; i++) expect(round(contest, 1, 0.98)).toBeUndefined()
  for (let i = 0; i < 200; i++) {
    const isLucky = i % 12 < 6
    expect(round(contest, 1, isLucky ? 0.9 : 1.1, 1_500)).toBeUndefined()
  }
  expect(contest.champion).toBe('champion')
})

test('a champion that has lost its way goes at once', () => {
  const contest = new Contest('vehiclesPer5Min', 'champion')
  expect(round(contest, 3, 1, 700)).toMatchObject({ to: 'challenger', why: 'landslide' })
})

test('after a change the seat rests, so that two equals do not swap every hour', () => {
  const contest = new Contest('vehiclesPer5Min', 'champion')
  while (contest.champion === 'champion') round(contest, 1, 0.9)
  let checks = 0
  while (contest.champion === 'challenger') {
    for (let i = 0; i < 100; i++) contest.add('champion', 1, 0.9)
    contest.check()
    checks += 1
  }
  expect(checks).toBeGreaterThanOrEqual(36)
})

test('few pairs decide nothing, however clear they look', () => {
  const contest = new Contest('vehiclesPer5Min', 'champion')
  for (let i = 0; i < 50; i++) expect(round(contest, 1, 0.1, 10)).toBeUndefined()
})

test('a champion that leaves hands its seat to the heir; a challenger that leaves changes nothing', () => {
  const contest = new Contest('vehiclesPer5Min', 'network')
  contest.add('profile', 1, 2)
  expect(contest.withdraw('challenger', 'profile')).toBeUndefined()
  expect(contest.withdraw('network', 'profile')).toMatchObject({
    to: 'profile',
    why: 'withdrawn',
  })
})

test('trust shrinks while somebody does better than the champion', () => {
  const contest = new Contest('vehiclesPer5Min', 'champion')
  expect(contest.trust()).toBe(1)
  round(contest, 1, 0.8, 700)
  expect(contest.trust()).toBeCloseTo(0.8)
})
