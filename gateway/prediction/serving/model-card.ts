/**
 * What a model says of itself, and what must be true of it before it may run.
 *
 * A model is a folder with `model.onnx` and `card.json`. The card names the shape, the checksum and a test vector; the
 * input must have exactly the layout of online/features.ts, so that a model trained on another one is refused, not misled.
 */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ModelRefused } from '../errors.ts'
import { stepCount } from '../online/calendar.ts'
import { featureCount, featureLayout } from '../online/features.ts'
import type { Quantity } from '../ports.ts'

export const outputColumns = ['p10', 'p50', 'p90', 'mean'] as const
export const outputSize = stepCount * outputColumns.length
const modelBytesMax = 32 * 1024 * 1024
const cardBytesMax = 4 * 1024 * 1024
const idPattern = /^[a-z0-9][a-z0-9._-]{0,63}$/
const quantityNames: readonly string[] = ['vehiclesPer5Min', 'speedKmh', 'occupancyPercent']

export interface ModelCard {
  readonly id: string
  readonly quantities: readonly Quantity[]
  readonly date: string
  readonly sha256: string
  /** Rows a model has learned from, with a checksum over them; what the evaluator proves its claims by. */
  readonly learnedFrom?: readonly {
    readonly name: string
    readonly rows?: number
    readonly sha256?: string
  }[]
  readonly input: { readonly name: string }
  readonly output: { readonly name: string }
  readonly inputRange: { readonly low: readonly number[]; readonly high: readonly number[] }
  readonly vector: {
    readonly features: readonly (readonly number[])[]
    readonly forecast: readonly (readonly number[])[]
  }
}

export interface ModelFiles {
  readonly card: ModelCard
  readonly folder: string
  readonly bytes: Uint8Array
}

/** @throws IG_ERR_PREDICTION_MODEL_REFUSED */
export async function readModel(folder: string): Promise<ModelFiles> {
  const card = parseCard(await readText(join(folder, 'card.json')), folder)
  const file = join(folder, 'model.onnx')
  const cannotRead = (cause: unknown): never => {
    throw ModelRefused.from(cause, card.id, `${file} cannot be read`)
  }
  const { size } = await stat(file).catch(cannotRead)
  if (size > modelBytesMax)
    throw ModelRefused(card.id, `${file} has ${size} bytes, limit ${modelBytesMax}`)
  const bytes = await readFile(file).catch(cannotRead)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (sha256 !== card.sha256)
    throw ModelRefused(card.id, `${file} has checksum ${sha256}, its card says ${card.sha256}`)
  return { card, folder, bytes }
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path)
    if (size > cardBytesMax) throw ModelRefused(path, `it has ${size} bytes, limit ${cardBytesMax}`)
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw ModelRefused.from(cause, path, 'its card cannot be read')
  }
}

/** A card before it has been looked at. */
interface RawCard {
  readonly id?: unknown
  readonly quantities?: unknown
  readonly date?: unknown
  readonly sha256?: unknown
  readonly input?: { readonly layout?: unknown }
  readonly output?: unknown
  readonly inputRange?: { readonly low?: unknown; readonly high?: unknown }
  readonly vector?: { readonly features?: unknown; readonly forecast?: unknown }
}

/** @throws IG_ERR_PREDICTION_MODEL_REFUSED naming the member that does not fit */
function parseCard(text: string, name: string): ModelCard {
  let card: RawCard
  try {
    card = JSON.parse(text) as RawCard
  } catch (cause) {
    throw ModelRefused.from(cause, name, 'card.json is not JSON')
  }
  const refuse = (member: string, wanted: string): never => {
    throw ModelRefused(name, `card.json: ${member} must be ${wanted}`)
  }
  if (card === null || typeof card !== 'object') refuse('it', 'an object')
  const { id, quantities, date, sha256, input, output, inputRange, vector } = card
  if (typeof id !== 'string' || !idPattern.test(id)) refuse('id', 'of a-z, 0-9, dot, - and _')
  if (!isList(quantities) || quantities.length === 0) refuse('quantities', 'a list with members')
  for (const quantity of quantities as readonly unknown[])
    if (!quantityNames.includes(`${quantity}`))
      refuse('quantities', `of ${quantityNames.join(', ')}`)
  if (typeof date !== 'string') refuse('date', 'a date')
  if (typeof sha256 !== 'string') refuse('sha256', 'the checksum of model.onnx')
  if (!isTensor(input, [null, featureCount])) refuse('input.shape', `[null, ${featureCount}]`)
  if (JSON.stringify(input?.layout) !== JSON.stringify(featureLayout))
    refuse('input.layout', 'the layout of this version')
  if (!isTensor(output, [null, stepCount, outputColumns.length]))
    refuse('output.shape', `[null, ${stepCount}, ${outputColumns.length}]`)
  const rows = (list: unknown, width: number) =>
    isList(list) && list.length > 0 && list.every((row) => isNumbers(row, width))
  if (!isNumbers(inputRange?.low, featureCount) || !isNumbers(inputRange?.high, featureCount))
    refuse('inputRange', `low and high, ${featureCount} numbers each`)
  if (!rows(vector?.features, featureCount) || !rows(vector?.forecast, outputSize))
    refuse('vector', 'rows of features and the forecasts that belong to them')
  return card as unknown as ModelCard
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value)
}

function isNumbers(value: unknown, length: number): boolean {
  return isList(value) && value.length === length && value.every(Number.isFinite)
}

function isTensor(value: unknown, shape: readonly (number | null)[]): boolean {
  const tensor = value as { name?: unknown; shape?: unknown } | undefined
  return typeof tensor?.name === 'string' && JSON.stringify(tensor.shape) === JSON.stringify(shape)
}
