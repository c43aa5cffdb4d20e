/**
 * Reads the junction documents: one JSON file, or all `*.json` of a directory.
 *
 * - All or nothing: the first document that does not hold together ends the start, with file and path.
 * - What is checked here (groups, conflicts, stages, plans, lanes fit each other) nobody checks again.
 * - Does not judge traffic: a bad plan that contradicts nothing is the operator's.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Junction } from '../../schemas/generated/messages.ts'
import { validateAgainst } from '../../schemas/validators.ts'
import { JunctionInvalid, JunctionUnreadable } from './errors.ts'

export type Junctions = ReadonlyMap<string, Junction>

interface Finding {
  readonly path: string
  readonly message: string
}

/** @throws IG_ERR_CONTROL_JUNCTION_UNREADABLE, IG_ERR_CONTROL_JUNCTION_INVALID */
export function readJunctions(path: string): Junctions {
  const junctions = new Map<string, Junction>()
  const files = new Map<string, string>()
  for (const file of filesAt(path)) {
    const junction = parseJunction(file, textOf(file))
    const twin = files.get(junction.node)
    if (twin) throw JunctionInvalid(file, '/node', `is ${junction.node}, which ${twin} has too`)
    files.set(junction.node, file)
    junctions.set(junction.node, junction)
  }
  for (const [node, file] of files) {
    const [first] = downstreamFindings(junctions.get(node) as Junction, junctions)
    if (first) throw JunctionInvalid(file, first.path, first.message)
  }
  return junctions
}

/** One document. `file` is for the error's reader. @throws IG_ERR_CONTROL_JUNCTION_INVALID */
export function parseJunction(file: string, text: string): Junction {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw JunctionInvalid.from(cause, file, '/', `is not JSON: ${(cause as Error).message}`)
  }
  const [misfit] = validateAgainst('site/junction.schema.json', value) ?? []
  if (misfit) throw JunctionInvalid(file, misfit.path, misfit.message)
  const [finding] = junctionFindings(value as Junction)
  if (finding) throw JunctionInvalid(file, finding.path, finding.message)
  return deepFreeze(value as Junction)
}

/** What does not hold together in a document that fits its schema. */
function junctionFindings(junction: Junction): readonly Finding[] {
  return [
    ...cycleFindings(junction),
    ...conflictFindings(junction),
    ...stageFindings(junction),
    ...planFindings(junction),
    ...laneFindings(junction),
  ]
}

function cycleFindings({ cycleS }: Junction): Finding[] {
  if (cycleS.min <= cycleS.max) return []
  return [{ path: '/cycleS', message: `min ${cycleS.min} is more than max ${cycleS.max}` }]
}

function conflictFindings(junction: Junction): Finding[] {
  const findings: Finding[] = []
  const intergreens = new Map(junction.intergreensS.map((it) => [`${it.from} ${it.to}`, it.s]))
  junction.conflicts.forEach(([a = '', b = ''], at) => {
    const path = `/conflicts/${at}`
    findings.push(...unknownGroups(junction, [a, b], path))
    if (a === b) findings.push({ path, message: `${a} cannot conflict with itself` })
    for (const [from, to] of [
      [a, b],
      [b, a],
    ]) {
      if (!intergreens.has(`${from} ${to}`)) {
        findings.push({ path, message: `there is no intergreen from ${from} to ${to}` })
      }
    }
  })
  junction.intergreensS.forEach(({ from, to, s }, at) => {
    const path = `/intergreensS/${at}`
    findings.push(...unknownGroups(junction, [from, to], path))
    const yellowS = junction.groups[from]?.yellowS ?? 0
    if (s < yellowS) {
      findings.push({ path, message: `${s} s is shorter than the yellow of ${from}, ${yellowS} s` })
    }
  })
  return findings
}

function stageFindings(junction: Junction): Finding[] {
  const findings: Finding[] = []
  const served = new Set<string>()
  for (const [key, stage] of Object.entries(junction.stages)) {
    const path = `/stages/${key}`
    const green = new Set(stage.green)
    findings.push(...unknownGroups(junction, [...stage.green, ...stage.permissive], path))
    for (const group of [...stage.green, ...stage.permissive]) served.add(group)
    const twice = stage.permissive.find((group) => green.has(group))
    if (twice) findings.push({ path, message: `${twice} is both green and permissive` })
    const pair = junction.conflicts.find(([a = '', b = '']) => green.has(a) && green.has(b))
    if (pair) findings.push({ path, message: `gives green to ${pair.join(' and ')}, a conflict` })
  }
  const idle = Object.keys(junction.groups).find((group) => !served.has(group))
  if (idle) findings.push({ path: `/groups/${pointer(idle)}`, message: 'is green in no stage' })
  return findings
}

function planFindings(junction: Junction): Finding[] {
  const findings: Finding[] = []
  if (!Object.hasOwn(junction.plans, String(junction.localPlan))) {
    findings.push({ path: '/localPlan', message: `there is no plan ${junction.localPlan}` })
  }
  for (const [key, plan] of Object.entries(junction.plans)) {
    const path = `/plans/${key}`
    for (const stage of plan.stages) {
      if (!Object.hasOwn(junction.stages, String(stage))) {
        findings.push({ path: `${path}/stages`, message: `there is no stage ${stage}` })
      } else if (plan.greensS[String(stage)] === undefined) {
        findings.push({ path: `${path}/greensS`, message: `says nothing about stage ${stage}` })
      }
    }
  }
  return findings
}

function laneFindings(junction: Junction): Finding[] {
  return Object.entries(junction.lanes).flatMap(([lane, { groups }]) =>
    unknownGroups(junction, groups, `/lanes/${pointer(lane)}/groups`),
  )
}

/** Lanes of neighbours whose documents are here; a neighbour without one is somebody else's. */
function downstreamFindings(junction: Junction, all: Junctions): Finding[] {
  return Object.entries(junction.lanes).flatMap(([lane, { downstream = [] }]) =>
    downstream.flatMap(({ node, lane: target }, at) => {
      const neighbour = all.get(node)
      if (!neighbour || Object.hasOwn(neighbour.lanes, target)) return []
      const path = `/lanes/${pointer(lane)}/downstream/${at}`
      return [{ path, message: `${node} has no lane ${target}` }]
    }),
  )
}

function unknownGroups(junction: Junction, groups: readonly string[], path: string): Finding[] {
  return groups
    .filter((group) => !Object.hasOwn(junction.groups, group))
    .map((group) => ({ path, message: `there is no group ${group}` }))
}

/** A member name inside a JSON pointer, RFC 6901 §3. */
function pointer(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1')
}

function filesAt(path: string): string[] {
  try {
    if (!statSync(path).isDirectory()) return [path]
    const names = readdirSync(path).filter((name) => name.endsWith('.json'))
    return names.sort().map((name) => join(path, name))
  } catch (cause) {
    throw JunctionUnreadable.from(cause, path, (cause as Error).message)
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw JunctionUnreadable.from(cause, file, (cause as Error).message)
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}
