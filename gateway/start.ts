#!/usr/bin/env node
/** `npm start`: the whole system at work on one machine (start/program.ts). */
import { keepCompiled } from './kit/compile-cache.ts'
import { helpersGiveWay } from './kit/niceness.ts'

keepCompiled()
helpersGiveWay()
await import('./start/program.ts')
