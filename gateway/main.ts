#!/usr/bin/env node
/** `npm run gateway`: the gateway alone, as in production (compose/program.ts). */
import { createSystemClock } from './kit/clock.ts'
import { keepCompiled } from './kit/compile-cache.ts'
import { adaptToLargeHeap } from './kit/large-heap.ts'

keepCompiled()
adaptToLargeHeap(createSystemClock())
await import('./compose/program.ts')
