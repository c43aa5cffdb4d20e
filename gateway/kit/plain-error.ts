/** Errors that cross to another thread or process as plain data and are themselves again there. */
import { CodedError, isCodedError } from '../../schemas/coded-error.ts'

export type PlainError = Pick<CodedError, 'code' | 'hint' | 'blame' | 'retry' | 'message'> | string

/** An error without a code crosses as its message. */
export function plainError(error: unknown): PlainError {
  if (!isCodedError(error)) return error instanceof Error ? error.message : String(error)
  const { code, message, hint, blame, retry } = error
  return { code, message, hint, blame, retry }
}

/** `uncoded` makes an error of what had no code. */
export function errorOf<E extends Error>(
  error: PlainError,
  uncoded: (why: string) => E,
): E | CodedError {
  if (typeof error === 'string') return uncoded(error)
  const { code, message, hint, blame, retry } = error
  const definition = { code: code as `IG_ERR_${string}`, message, hint, blame, retry }
  return new CodedError(definition, message)
}
