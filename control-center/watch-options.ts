/** What `npm run watch` can be told. */
import type { ProgramSchema } from '../schemas/command-line.ts'
import { type DeskOptions, deskOptions } from './desk.ts'

export interface WatchOptions extends DeskOptions {
  readonly nodes: readonly string[]
  readonly json: boolean
  readonly seconds: number
}

export const watchProgram: ProgramSchema = {
  name: 'npm run watch --',
  summary: 'Shows commands and their life as they happen, and what each decision was based on.',
  properties: {
    ...deskOptions('center/desk-1'),
    nodes: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'show these nodes only, e.g. north/tlc-001',
    },
    json: { type: 'boolean', default: false, description: 'print messages as JSON lines' },
    seconds: { type: 'number', minimum: 0, default: 0, description: 'end after so long; 0: never' },
  },
  notes: ['', 'Exit codes: 0 ended by signal or --seconds, 2 not let in or a bad option.'],
}
