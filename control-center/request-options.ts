/** What `npm run request` can be told, and the text of its --help. */
import type { ProgramSchema } from '../schemas/command-line.ts'
import { type DeskOptions, deskOptions } from './desk.ts'
import { type RequestWords, requestUsage } from './request-words.ts'

export interface RequestOptions extends DeskOptions, RequestWords {
  readonly answerS: number
}

export const requestProgram: ProgramSchema = {
  name: 'npm run request --',
  summary:
    'Asks for a stage, plan, timing, mode or priority as an operator, or gives a junction back.',
  positionals: 'WHAT JUNCTION [VALUE]',
  properties: {
    hold: {
      type: 'string',
      pattern: '^[0-9]+(\\.[0-9]+)?(s|m|h)$',
      default: '60s',
      description: 'how long it is to hold: 90s, 5m, 1h',
    },
    validS: {
      type: 'number',
      minimum: 1,
      maximum: 120,
      default: 30,
      description: 'not to be acted on any more after so long',
    },
    component: {
      type: 'string',
      default: '',
      description: 'part of the device, where it has some',
    },
    cycleS: { type: 'number', description: 'timing: the cycle' },
    offsetS: { type: 'number', default: 0, description: 'timing: its offset' },
    control: {
      type: 'string',
      enum: ['central', 'local'],
      description: 'mode: who is to be in control',
    },
    kind: {
      type: 'string',
      enum: ['emergency', 'bus', 'tram'],
      default: 'bus',
      description: 'priority: for whom',
    },
    etaS: {
      type: 'number',
      minimum: 0,
      default: 0,
      description: 'priority: seconds to its arrival',
    },
    vehicle: { type: 'string', description: 'priority: which vehicle' },
    answerS: {
      type: 'number',
      minimum: 1,
      default: 30,
      description: 'give up when the gateway has not answered after so long',
    },
    ...deskOptions('center/operator-1'),
  },
  notes: [
    '',
    'WHAT and its VALUE:',
    ...requestUsage,
    '',
    'Examples:',
    '  npm run request -- stage north/tlc-001 2 --hold 60s',
    '  npm run request -- plan north/tlc-001 1 --hold 10m',
    '  npm run request -- timing north/tlc-001 1=40,2=14,3=20 --cycle-s 90 --hold 10m',
    '  npm run request -- mode north/tlc-001 flashing --hold 5m',
    '  npm run request -- priority north/tlc-001 2 --kind bus --eta-s 14 --vehicle line-12/4711',
    '  npm run request -- release north/tlc-001',
    '',
    'Prints JSON lines: the request, each answer, each step of the commands made for it. docs/commands.md says what they mean.',
    'Exit codes: 0 applied (a release: released), 1 rejected, expired or without an answer, 2 bad usage or certificate.',
  ],
}
