/**
 * What an operator types, made into a request: `stage north/tlc-001 2` becomes the code, the junction and the values of a
 * message that its schema accepts. Pure; what is wrong is said by word or option.
 */
import { CommandLineInvalid } from '../schemas/errors.ts'
import { isNodeId, type NodeId } from '../schemas/ids.ts'
import { formatTimestamp } from '../schemas/time.ts'
import { validateMessage } from '../schemas/validators.ts'

export interface RequestWords {
  readonly hold: string
  readonly validS: number
  readonly component: string
  readonly cycleS?: number
  readonly offsetS: number
  readonly control?: string
  readonly kind: string
  readonly etaS: number
  readonly vehicle?: string
}

export interface OperatorRequest {
  readonly code: string
  readonly target: NodeId
  /** Absent in a release. */
  readonly holdForMs?: number
  readonly component?: string
  readonly values: Readonly<Record<string, unknown>>
}

interface Form {
  readonly code: string
  /** The words after the junction, as the help shows them. */
  readonly takes: string
  values(word: string, options: RequestWords): Readonly<Record<string, unknown>>
}

/** What can be asked for, by the first word. */
const forms: Readonly<Record<string, Form>> = {
  stage: {
    code: 'tlc.stage.set',
    takes: 'STAGE',
    values: (word) => ({ stage: numberOf('STAGE', word) }),
  },
  plan: {
    code: 'tlc.plan.set',
    takes: 'PLAN',
    values: (word) => ({ plan: numberOf('PLAN', word) }),
  },
  timing: {
    code: 'tlc.timing.set',
    takes: 'STAGE=GREEN_S,…',
    values(word, { cycleS, offsetS }) {
      if (cycleS === undefined) throw CommandLineInvalid('--cycle-s', 'must be given with a timing')
      return { cycleS, offsetS, greensS: greensOf(word) }
    },
  },
  mode: {
    code: 'tlc.mode.set',
    takes: 'normal|flashing|all-red',
    values: (mode, { control }) => ({ mode, ...(control && { control }) }),
  },
  priority: {
    code: 'tlc.priority.request',
    takes: 'STAGE',
    values: (word, { kind, etaS, vehicle }) => ({
      stage: numberOf('STAGE', word),
      kind,
      etaS,
      ...(vehicle && { vehicle }),
    }),
  },
  release: { code: 'release', takes: '', values: () => ({}) },
}

export const requestUsage = Object.entries(forms).map(([name, { takes }]) =>
  `  ${name.padEnd(8)} JUNCTION ${takes}`.trimEnd(),
)

/** @throws IG_ERR_COMMAND_LINE_INVALID */
export function readWords(words: readonly string[], options: RequestWords): OperatorRequest {
  const [name = '', junction = '', ...rest] = words
  const form = Object.hasOwn(forms, name) ? forms[name] : undefined
  if (!form) {
    throw CommandLineInvalid(name || 'the first word', `is one of ${Object.keys(forms).join(', ')}`)
  }
  if (!isNodeId(junction)) {
    throw CommandLineInvalid(junction || 'JUNCTION', 'is a junction like north/tlc-001')
  }
  const wanted = form.takes === '' ? 0 : 1
  if (rest.length !== wanted) {
    throw CommandLineInvalid(name, `takes: ${`JUNCTION ${form.takes}`.trimEnd()}`)
  }
  return {
    code: form.code,
    target: junction,
    ...(form.code !== 'release' && { holdForMs: durationOf(options.hold) }),
    ...(options.component && form.code !== 'release' && { component: options.component }),
    values: form.values(rest[0] ?? '', options),
  }
}

/** As it goes on the wire, dated by the gateway's time. @throws IG_ERR_COMMAND_LINE_INVALID */
export function requestMessage(
  request: OperatorRequest,
  { id, nowMs, validS }: { readonly id: string; readonly nowMs: number; readonly validS: number },
): Readonly<Record<string, unknown>> {
  const { code, ...what } = request
  const message = {
    id,
    ts: formatTimestamp(nowMs),
    expiresAt: formatTimestamp(nowMs + validS * 1000),
    ...what,
  }
  const errors = validateMessage('request', code, message)
  if (Array.isArray(errors)) {
    const [error] = errors as readonly { readonly path: string; readonly message: string }[]
    throw CommandLineInvalid(error?.path ?? '/', error?.message ?? 'is not valid')
  }
  return message
}

function numberOf(name: string, word: string): number {
  const value = Number(word)
  if (word === '' || !Number.isFinite(value)) {
    throw CommandLineInvalid(name, `${JSON.stringify(word)} is not a number`)
  }
  return value
}

/** `1=41,2=21` */
function greensOf(word: string): Readonly<Record<string, number>> {
  return Object.fromEntries(
    word.split(',').map((pair) => {
      const [stage = '', seconds = ''] = pair.split('=')
      return [stage, numberOf(`the green of stage ${stage}`, seconds)]
    }),
  )
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** `90s`, `5m`, `1h` in ms. The options' schema holds the form. */
function durationOf(text: string): number {
  return Math.round(Number(text.slice(0, -1)) * (unitMs[text.slice(-1)] ?? 1_000))
}
