#!/usr/bin/env node
/** `npm run gateway`: the gateway alone, as in production (compose/program.ts). */
import { keepCompiled } from './kit/compile-cache.ts'
import { helpersGiveWay } from './kit/niceness.ts'

keepCompiled()
helpersGiveWay()
await import('./compose/program.ts')
