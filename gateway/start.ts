#!/usr/bin/env node
/** `npm start`: the whole system at work on one machine (start/program.ts). */
import { createSystemClock } from './kit/clock.ts'
import { keepCompiled } from './kit/compile-cache.ts'
import { adaptToLargeHeap } from './kit/large-heap.ts'

keepCompiled()
adaptToLargeHeap(createSystemClock())
await import('./start/program.ts')
