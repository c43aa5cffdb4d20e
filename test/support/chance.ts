/**
 * The seed of every property test, and of moments that are left to chance, the same in each run so that a change is judged and not luck. Another one, to look for
 * what this one does not find: INTERGREEN_TEST_SEED=1 npm test. A failure prints its seed.
 */
import fc from 'fast-check'

export const testSeed = Number(process.env.INTERGREEN_TEST_SEED ?? 20_261_122)

fc.configureGlobal({ seed: testSeed })
