/**
 * Errors with a code, and the one way to declare them.
 *
 * - A code is declared once, in its room's `errors.ts`, and never reused.
 * - Four facts each: the code, a message template, who has to act (`blame`) and whether waiting helps (`retry`).
 * - `hint` tells the reader what to do next; docs/errors.md is proven equal to these declarations by a test.
 */
import { format } from 'node:util'

export type Blame = 'device' | 'operator' | 'world' | 'bug'
export type Retry = 'never' | 'later'

export interface ErrorDefinition {
  readonly code: `IG_ERR_${string}`
  /** `util.format` template: what was wrong with what. */
  readonly message: string
  /** What to do next. */
  readonly hint: string
  readonly blame: Blame
  readonly retry: Retry
}

export class CodedError extends Error {
  readonly code: string
  readonly hint: string
  readonly blame: Blame
  readonly retry: Retry

  constructor(definition: ErrorDefinition, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CodedError'
    this.code = definition.code
    this.hint = definition.hint
    this.blame = definition.blame
    this.retry = definition.retry
  }
}

/** A declared error: call it with the template's values to get one to throw or to return. */
export interface CodedErrorFactory extends ErrorDefinition {
  (...values: readonly unknown[]): CodedError
  /** The same, keeping what caused it. */
  from(cause: unknown, ...values: readonly unknown[]): CodedError
}

const declared = new Map<string, CodedErrorFactory>()

export function defineError(definition: ErrorDefinition): CodedErrorFactory {
  if (declared.has(definition.code)) throw new Error(`${definition.code} is declared twice`)
  const make = (...values: readonly unknown[]) =>
    new CodedError(definition, format(definition.message, ...values))
  const factory = Object.assign(make, definition, {
    from: (cause: unknown, ...values: readonly unknown[]) =>
      new CodedError(definition, format(definition.message, ...values), { cause }),
  })
  declared.set(definition.code, factory)
  return factory
}

/** Every error declared by the modules loaded so far, by code. */
export function declaredErrors(): readonly CodedErrorFactory[] {
  return [...declared.values()].sort((a, b) => a.code.localeCompare(b.code))
}

export function isCodedError(value: unknown): value is CodedError {
  return value instanceof CodedError
}
