/** What a status says about a command: named, equal, other, or nothing. */
import { expect, test } from 'vitest'
import {
  type GroupsValues,
  type ModeValues,
  type PlanValues,
  type ReadBack,
  readBack,
  type SignalStatus,
} from '../../../gateway/commands/read-back.ts'
import type { CommandRecord } from '../../../gateway/commands/record.ts'
import { commandOf } from './record.ts'

const stage = commandOf(1)
const rival = commandOf(2)
const values = { cycleS: 80, offsetS: 10, greensS: { '1': 40, '2': 30 } }
const timing = commandOf(3, { code: 'tlc.timing.set', values })
const plan = commandOf(4, { code: 'tlc.plan.set', values: { plan: 2 } })
const flashing = commandOf(5, { code: 'tlc.mode.set', values: { mode: 'flashing' } })
const local = commandOf(6, {
  code: 'tlc.mode.set',
  values: { mode: 'normal', control: 'local' },
})

const tlcPlan = (changes: Partial<PlanValues>): SignalStatus => ({
  code: 'tlc.plan',
  values: { plan: 1, ...values, source: 'central', ...changes },
})
const tlcMode = (changes: Partial<ModeValues>): SignalStatus => ({
  code: 'tlc.mode',
  values: { mode: 'normal', control: 'central', ...changes },
})
const tlcGroups = (shown: number | null): SignalStatus => ({
  code: 'tlc.groups',
  values: { groups: {}, stage: shown, cycleCounter: 1 } as GroupsValues,
})

const cases: [string, CommandRecord, SignalStatus, ReadBack][] = [
  ['a timing named by tlc.plan', timing, tlcPlan({ commandId: timing.id, cycleS: 81 }), 'named'],
  ['a timing while another is named', timing, tlcPlan({ commandId: plan.id }), 'other'],
  ['a timing with equal values', timing, tlcPlan({ cycleS: 80.05 }), 'equal'],
  ['a timing with another cycle', timing, tlcPlan({ cycleS: 82 }), 'other'],
  ['a timing with another green', timing, tlcPlan({ greensS: { '1': 35, '2': 35 } }), 'other'],
  ['a timing while the local plan runs', timing, tlcPlan({ source: 'local' }), 'other'],
  ['a plan that runs', plan, tlcPlan({ plan: 2 }), 'equal'],
  ['a plan while another runs', plan, tlcPlan({ plan: 1 }), 'other'],
  ['a timing and tlc.mode', timing, tlcMode({ stage: 1 }), 'silent'],
  ['a stage named by tlc.mode', stage, tlcMode({ commandId: stage.id, stage: 2 }), 'named'],
  ['a stage held without a name', stage, tlcMode({ stage: 2 }), 'equal'],
  ['a stage held for another command', stage, tlcMode({ stage: 2, commandId: rival.id }), 'other'],
  ['a stage beside a mode command', stage, tlcMode({ stage: 2, commandId: local.id }), 'equal'],
  ['another stage held', stage, tlcMode({ stage: 3 }), 'other'],
  ['no stage held', stage, tlcMode({ stage: null }), 'other'],
  ['a device that tells no held stage', stage, tlcMode({}), 'silent'],
  ['a stage under local control', stage, tlcMode({ control: 'local', stage: 2 }), 'other'],
  ['a stage that is green', stage, tlcGroups(2), 'equal'],
  ['another stage that is green', stage, tlcGroups(1), 'silent'],
  ['a stage and tlc.plan', stage, tlcPlan({}), 'silent'],
  ['a mode that is shown', flashing, tlcMode({ mode: 'flashing' }), 'equal'],
  ['another mode', flashing, tlcMode({}), 'other'],
  ['a mode named', flashing, tlcMode({ mode: 'flashing', commandId: flashing.id }), 'named'],
  ['control that was given away', local, tlcMode({ control: 'local' }), 'equal'],
  ['control that was not', local, tlcMode({}), 'other'],
  ['a mode and tlc.groups', flashing, tlcGroups(null), 'silent'],
]

test.each(cases)('%s', (_name, record, status, verdict) => {
  const isRival = (id: string) => id === rival.id
  expect(readBack(record, status, { isRival, reportsHeldStage: false })).toBe(verdict)
})

test('a green stage proves nothing where the device tells the stage it holds', () => {
  const context = { isRival: () => false, reportsHeldStage: true }
  expect(readBack(stage, tlcGroups(2), context)).toBe('silent')
})
