/**
 * Does the device's own status show this command in force? Pure.
 *
 * - `named`: by its id, which proves it whatever the device's clock says.
 * - `equal`: the device names no command and shows the same values; the caller asks for a status newer than the command.
 * - `other`: the status speaks about what the command governs and shows something else.
 * - `silent`: the status says nothing about it.
 *
 *   slot     tlc.plan            tlc.mode                 tlc.groups
 *   timing   id, or values       –                        –
 *   stage    –                   id, or held stage        green stage, where tlc.mode names no stage
 *   mode     –                   id, or mode and control  –
 */
import type { TlcGroups, TlcMode, TlcPlan } from '../../schemas/generated/messages.ts'
import { type CommandRecord, slotOf } from './record.ts'

export type PlanValues = TlcPlan['entries'][number]['values']
export type ModeValues = TlcMode['entries'][number]['values']
export type GroupsValues = TlcGroups['entries'][number]['values']

export type SignalStatus =
  | { readonly code: 'tlc.plan'; readonly values: PlanValues }
  | { readonly code: 'tlc.mode'; readonly values: ModeValues }
  | { readonly code: 'tlc.groups'; readonly values: GroupsValues }

export type ReadBack = 'named' | 'equal' | 'other' | 'silent'

export interface ReadBackContext {
  /** A command of ours of the same slot that is not this one. */
  isRival(commandId: string): boolean
  /** The device has told its held stage in tlc.mode, so tlc.groups need not be guessed from. */
  readonly reportsHeldStage: boolean
}

/** Controllers round to a tenth of a second at best. */
const equalWithinS = 0.1

export function readBack(
  record: CommandRecord,
  status: SignalStatus,
  context: ReadBackContext,
): ReadBack {
  switch (slotOf[record.code]) {
    case 'timing':
      return status.code === 'tlc.plan' ? timingShown(record, status.values) : 'silent'
    case 'stage':
      if (status.code === 'tlc.mode') return stageHeld(record, status.values, context)
      if (status.code === 'tlc.groups') return stageGreen(record, status.values, context)
      return 'silent'
    case 'mode':
      return status.code === 'tlc.mode' ? modeShown(record, status.values) : 'silent'
  }
}

function timingShown(record: CommandRecord, shown: PlanValues): ReadBack {
  if (shown.commandId !== undefined) return shown.commandId === record.id ? 'named' : 'other'
  if (shown.source !== 'central') return 'other'
  if (record.code === 'tlc.plan.set') return shown.plan === record.values.plan ? 'equal' : 'other'
  const asked = record.values as { cycleS: number; offsetS: number; greensS: object }
  const isEqual =
    isNear(asked.cycleS, shown.cycleS) &&
    isNear(asked.offsetS, shown.offsetS) &&
    equalGreens(asked.greensS as Record<string, number>, shown.greensS)
  return isEqual ? 'equal' : 'other'
}

function stageHeld(record: CommandRecord, shown: ModeValues, context: ReadBackContext): ReadBack {
  if (shown.commandId === record.id) return 'named'
  if (shown.control !== 'central') return 'other'
  if (shown.stage === undefined) return 'silent'
  if (shown.stage !== record.values.stage) return 'other'
  const isAnothers = shown.commandId !== undefined && context.isRival(shown.commandId)
  return isAnothers ? 'other' : 'equal'
}

function stageGreen(
  record: CommandRecord,
  shown: GroupsValues,
  context: ReadBackContext,
): ReadBack {
  if (context.reportsHeldStage) return 'silent'
  return shown.stage === record.values.stage ? 'equal' : 'silent'
}

function modeShown(record: CommandRecord, shown: ModeValues): ReadBack {
  if (shown.commandId === record.id) return 'named'
  const asked = record.values as { mode: string; control?: string }
  const isEqual =
    shown.mode === asked.mode && (asked.control === undefined || shown.control === asked.control)
  return isEqual ? 'equal' : 'other'
}

function isNear(a: number, b: number): boolean {
  return Math.abs(a - b) <= equalWithinS
}

function equalGreens(asked: Record<string, number>, shown: Record<string, number>): boolean {
  return Object.entries(asked).every(([stage, s]) => isNear(s, shown[stage] ?? Number.NaN))
}
