/**
 * Can this detector's window be right? A pure state machine per detector: what it remembers goes in and comes out.
 *
 * - It never changes a value; it says which quality the value deserves and which faults begin or are over.
 * - `undefined`: the numbers contradict each other or physics. `unknown`: they are possible, but hardly true.
 * - A fault begins after several bad windows and is over after several good ones; silence at night is neither.
 *
 * Where the checks come from (facts, no text or code):
 * - impossible flow, occupancy without vehicles, a value that does not move: Chen, Kwon, Rice, Skabardonis, Varaiya 2003,
 *   "Detecting errors and imputing missing data for single-loop surveillance systems", TRR 1855;
 * - effective vehicle length from speed, occupancy and count: Turochy and Smith 2000, TRR 1727;
 * - presence that does not end, no activity, erratic counts: NTCIP 1202, vehicle detector diagnostics.
 */

export interface Window {
  readonly atMs: number
  readonly windowMs: number
  readonly vehicles: number
  readonly occupancy: number | null
  readonly speed: number | null
}

/** Kinds of the alarm detector.fault that can be told from one detector's windows. */
export const faultKinds = ['implausible', 'chattering', 'stuck', 'dead', 'jump'] as const
export type FaultKind = (typeof faultKinds)[number]

interface Score {
  /** Bad windows less good ones, never below 0. */
  readonly bad: number
  readonly sinceMs: number
  readonly isRaised: boolean
}

export interface DetectorMemory {
  readonly last: Window
  /** Windows in a row with the same numbers, this one included. */
  readonly sameCount: number
  /** Moment of the last vehicle, and how many were counted since it came back. */
  readonly lastVehicleAtMs: number
  readonly vehiclesSeen: number
  /** Since when it is occupied without counting anybody; undefined when it is not. */
  readonly occupiedSinceMs: number | undefined
  /** Windows in a row partly occupied without a vehicle. */
  readonly ghostCount: number
  /** Mean and variance of vehicles per window, and over how many windows. */
  readonly mean: number
  readonly variance: number
  readonly windows: number
  readonly scores: Readonly<Partial<Record<FaultKind, Score>>>
}

export interface Finding {
  readonly kind: FaultKind
  readonly sinceMs: number
  readonly text: string
}

export interface Assessment {
  readonly memory: DetectorMemory
  /** Absent where the value may be taken as it is. */
  readonly quality?: 'undefined' | 'unknown'
  readonly raised: readonly Finding[]
  readonly cleared: readonly Finding[]
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** One vehicle a second and lane is twice the flow any lane has been seen to carry (saturation is about 1 in 2 s). */
const vehiclesPerSecondMax = 1
const speedKmhMax = 200 // Of a mean, on any road.
/**
 * Effective length (vehicle and detector zone) of the shortest mean there can be: a motorcycle of 2 m and a short loop. The
 * upper bound of the literature (18 m) is not used: at a stop line vehicles stand on the detector.
 */
const effectiveLengthMetersMin = 1.5
/** Devices round occupancy to whole percents. */
const occupancyRoundingPercent = 0.5
const occupiedPercent = 95
/** Longer than any red and any queue behind one; the usual setting of "maximum presence". */
const presenceMsMax = 20 * minuteMs
/** Partly occupied and nobody counted, window after window: it sees and does not count. */
const ghostsMax = 10
const ghostOccupancyPercentMin = 2
/** Chance alone repeats three numbers that move about once in a hundred windows; ten in a row do not happen. */
const sameMax = 10
/** A count alone is a small number that repeats by chance: twice as long, and not of one or two vehicles. */
const sameCountsMax = 20
const sameVehiclesMin = 3
/** No road that carries traffic by day is empty for half a day, night included. */
const silenceMsMax = 12 * hourMs
const aliveVehiclesMin = 100
const jumpWindowsMin = 60 // An hour of minutes, before what is usual is known.
const jumpDeviations = 8
const jumpVehiclesPerMinuteMin = 20
/** The usual follows slowly, and one window moves it by no more than this many deviations. */
const meanWeight = 1 / 30
const learnedDeviations = 4
const learnedVehiclesMin = 5

/** Bad windows net of good ones until a fault begins; those that have watched long already begin at once. */
const raiseAt: Readonly<Record<FaultKind, number>> = {
  implausible: 3,
  chattering: 3,
  stuck: 1,
  dead: 1,
  jump: 3,
}
const worstScore = 6 // A fault that lasted is over after six good windows more than bad ones.

/** `before` is undefined for the first window. Windows must come in the order of their time. */
export function assess(before: DetectorMemory | undefined, window: Window): Assessment {
  const memory = remember(before, window)
  const bad = complaints(before, memory)
  const scores: Partial<Record<FaultKind, Score>> = {}
  const raised: Finding[] = []
  const cleared: Finding[] = []
  for (const kind of faultKinds) {
    const was = before?.scores[kind]
    const text = bad.get(kind)
    const isGood = text === undefined && isEvidence(kind, memory)
    if (was === undefined && text === undefined) continue
    const count = Math.min(Math.max((was?.bad ?? 0) + (text ? 1 : isGood ? -1 : 0), 0), worstScore)
    const sinceMs = was && was.bad > 0 ? was.sinceMs : window.atMs
    const isRaised = was?.isRaised ? count > 0 : count >= raiseAt[kind]
    if (isRaised && !was?.isRaised) raised.push({ kind, sinceMs, text: text ?? '' })
    if (!isRaised && was?.isRaised) cleared.push({ kind, sinceMs, text: 'plausible again' })
    if (count > 0) scores[kind] = { bad: count, sinceMs, isRaised }
  }
  const quality = qualityOf(bad, scores)
  const assessment = { memory: { ...memory, scores }, raised, cleared }
  return quality ? { ...assessment, quality } : assessment
}

/** A memory that only knows that these faults are active: after a restart. */
export function recall(
  faults: readonly { readonly kind: FaultKind; readonly sinceMs: number }[],
): DetectorMemory['scores'] {
  return Object.fromEntries(
    faults.map(({ kind, sinceMs }) => [kind, { bad: worstScore, sinceMs, isRaised: true }]),
  )
}

function remember(before: DetectorMemory | undefined, window: Window): DetectorMemory {
  const { atMs, windowMs, vehicles, occupancy } = window
  const last = before?.last
  const isSame =
    last !== undefined &&
    last.windowMs === windowMs &&
    last.vehicles === vehicles &&
    last.occupancy === occupancy &&
    last.speed === window.speed
  const isOccupied = vehicles === 0 && (occupancy ?? 0) >= occupiedPercent
  const isGhost =
    vehicles === 0 && occupancy !== null && occupancy >= ghostOccupancyPercentMin && !isOccupied
  // What is usual is only known for one length of window; another length begins anew.
  const isComparable = last !== undefined && last.windowMs === windowMs
  const mean = isComparable ? before!.mean : vehicles
  const learned = isComparable ? before! : { variance: 0, windows: 0 }
  // What is far from usual moves the usual only as far as an unusual window may, or a jump would hide itself.
  const most = Math.max(learnedDeviations * Math.sqrt(learned.variance), learnedVehiclesMin)
  const deviation = Math.max(-most, Math.min(most, vehicles - mean))
  return {
    last: window,
    sameCount: isSame ? before!.sameCount + 1 : 1,
    lastVehicleAtMs: vehicles > 0 ? atMs : (before?.lastVehicleAtMs ?? atMs),
    vehiclesSeen: Math.min((before?.vehiclesSeen ?? 0) + vehicles, aliveVehiclesMin),
    occupiedSinceMs: isOccupied ? (before?.occupiedSinceMs ?? atMs - windowMs) : undefined,
    ghostCount: isGhost ? (before?.ghostCount ?? 0) + 1 : 0,
    mean: mean + meanWeight * deviation,
    variance: (1 - meanWeight) * (learned.variance + meanWeight * deviation * deviation),
    windows: Math.min(learned.windows + 1, jumpWindowsMin + 1),
    scores: before?.scores ?? {},
  }
}

/** What is wrong with the newest window, by kind. */
function complaints(
  before: DetectorMemory | undefined,
  memory: DetectorMemory,
): ReadonlyMap<FaultKind, string> {
  const found = new Map<FaultKind, string>()
  const { last, ghostCount, occupiedSinceMs } = memory
  const { atMs, windowMs, vehicles, occupancy, speed } = last
  const seconds = windowMs / 1000
  if (vehicles > Math.ceil(seconds * vehiclesPerSecondMax))
    found.set('chattering', `${vehicles} vehicles in ${seconds} s`)
  const lengthMeters = effectiveLengthMeters(last)
  if (speed !== null && speed > speedKmhMax)
    found.set('implausible', `a mean speed of ${speed} km/h`)
  else if (vehicles === 0 && speed !== null && speed > 0)
    found.set('implausible', `a speed of ${speed} km/h and no vehicle`)
  else if (lengthMeters !== undefined && lengthMeters < effectiveLengthMetersMin)
    found.set(
      'implausible',
      `vehicles of ${lengthMeters.toFixed(1)} m by speed, occupancy and count`,
    )
  else if (ghostCount >= ghostsMax)
    found.set(
      'implausible',
      `occupied (${occupancy} %) without a vehicle for ${ghostCount} windows`,
    )
  if (occupiedSinceMs !== undefined && atMs - occupiedSinceMs >= presenceMsMax)
    found.set('stuck', `occupied without a vehicle for ${minutes(atMs - occupiedSinceMs)} min`)
  else if (isRepeating(memory)) found.set('stuck', `the same values ${memory.sameCount} times`)
  const silentMs = atMs - memory.lastVehicleAtMs
  if (memory.vehiclesSeen >= aliveVehiclesMin && silentMs >= silenceMsMax)
    found.set('dead', `no vehicle for ${Math.floor(silentMs / hourMs)} h`)
  if (before && isJump(before, last)) {
    const usual = Math.round(before.mean)
    found.set('jump', `${vehicles} vehicles where about ${usual} are usual`)
  }
  return found
}

/** Mean effective length by speed × occupied time ÷ vehicles; undefined where it cannot be told. */
function effectiveLengthMeters({ windowMs, vehicles, occupancy, speed }: Window) {
  if (vehicles === 0 || occupancy === null || speed === null) return undefined
  const share = Math.min(occupancy + occupancyRoundingPercent, 100) / 100
  return ((speed / 3.6) * share * (windowMs / 1000)) / vehicles
}

/** Empty windows are alike by nature; so are full ones, for which presence has its own bound. */
function isRepeating({ last, sameCount }: DetectorMemory): boolean {
  const { vehicles, occupancy, speed } = last
  if (vehicles === 0) return false
  const hasFineValue = (occupancy !== null && occupancy > 0) || speed !== null
  if (hasFineValue) return sameCount >= sameMax
  return vehicles >= sameVehiclesMin && sameCount >= sameCountsMax
}

function isJump({ last, mean, variance, windows }: DetectorMemory, window: Window): boolean {
  if (windows < jumpWindowsMin || last.windowMs !== window.windowMs) return false
  const distance = Math.abs(window.vehicles - mean)
  const leastDistance = (jumpVehiclesPerMinuteMin * window.windowMs) / minuteMs
  return distance >= Math.max(jumpDeviations * Math.sqrt(variance), leastDistance)
}

/** Whether a window without a complaint says that the fault is over: an empty one says nothing, except of presence. */
function isEvidence(kind: FaultKind, { last, sameCount }: DetectorMemory): boolean {
  if (kind === 'stuck') return sameCount === 1 && (last.occupancy ?? 0) < occupiedPercent
  return last.vehicles > 0
}

function qualityOf(
  bad: ReadonlyMap<FaultKind, string>,
  scores: DetectorMemory['scores'],
): Assessment['quality'] {
  if (bad.has('implausible') || bad.has('chattering')) return 'undefined'
  const isDoubtful = bad.size > 0 || faultKinds.some((kind) => scores[kind]?.isRaised)
  return isDoubtful ? 'unknown' : undefined
}

function minutes(ms: number): number {
  return Math.floor(ms / minuteMs)
}
