/**
 * Detectors whose values cannot be right, told from roads that are merely unusual.
 *
 *   dead        no vehicles where many must have passed
 *   stuck       the same value again and again, or occupied without end
 *   chattering  more vehicles than a lane can carry, or vehicles too short to be any
 *   drifting    for a day now more or fewer than usual, while its neighbours are as ever
 *   implausible a speed or an occupancy nothing can have
 *
 * - Looks at one 5-minute bucket at a time; what is found is told once with its beginning, and once when it is over.
 * - Cross-checks: where neighbours show the same, it is the road and not the detector (dead, drifting).
 * - Pure state, bounded; says nothing before it knows what is usual.
 */

export type FaultKind = 'dead' | 'stuck' | 'chattering' | 'drifting' | 'implausible'

export interface FaultEvent {
  readonly kind: FaultKind
  readonly isActive: boolean
  readonly sinceMs: number
  readonly atMs: number
  readonly text: string
}

export interface BucketFacts {
  readonly endMs: number
  readonly vehicles: number
  readonly speedKmh: number
  readonly occupancyPercent: number
  /** What the profile expects of this bucket; NaN while it knows less than a day. */
  readonly expectedVehicles: number
  /** Neighbours' vehicles over what is usual for them, now and over a day; undefined without neighbours. */
  readonly neighbours: { readonly now: number; readonly day: number } | undefined
}

const bucketMs = 300_000
/** Vehicles that must be missing before silence is a fault: e^-30 is no chance, and closed roads have neighbours. */
const missingVehicles = 30
const neighboursMoveShare = 0.3
/** Equal counts in a row are a fault where chance gives less than this. */
const chanceMax = 1e-9
const equalBucketsMin = 6
/** Half an hour of an occupied loop is a queue; an hour of exactly the same is not. */
const occupiedBuckets = 12
const occupiedPercent = 99
const standingPercent = 30
/** A lane's saturation is about half a vehicle a second. */
const laneVehiclesMax = 260
/** A vehicle covers a loop for some tenths of a second at the least. */
const vehicleMsMin = 40
const busyVehicles = 20
const chatterBuckets = 2
const speedKmhMax = 200
const driftRatio = 1.35
const driftVehicles = 300
const driftBuckets = 72
const dayMemory = 288
const recentMemory = 6
/** Ordinary buckets after which a fault is over. */
const clearBuckets = 6

interface Run {
  sinceMs: number
  buckets: number
}

/** All it remembers, as plain data. */
export interface FaultSnapshot {
  readonly active: readonly (readonly [kind: FaultKind, sinceMs: number, clean: number])[]
  readonly runs: readonly (readonly [kind: FaultKind, sinceMs: number, buckets: number])[]
  readonly numbers: readonly number[]
}

export class FaultFinder {
  readonly #active = new Map<FaultKind, { readonly sinceMs: number; clean: number }>()
  readonly #runs = new Map<FaultKind, Run>()
  #missing = 0
  #lastVehicles = Number.NaN
  #lastOccupancy = Number.NaN
  #logChance = 0
  #dayActual = 0
  #dayExpected = 0
  #dayBuckets = 0
  #recentActual = 0
  #recentExpected = 0

  constructor(snapshot?: FaultSnapshot) {
    if (!snapshot) return
    for (const [kind, sinceMs, clean] of snapshot.active) this.#active.set(kind, { sinceMs, clean })
    for (const [kind, sinceMs, buckets] of snapshot.runs) this.#runs.set(kind, { sinceMs, buckets })
    const [missing, logChance, dayActual, dayExpected, dayBuckets, recentActual, recentExpected] =
      snapshot.numbers
    this.#missing = missing ?? 0
    this.#logChance = logChance ?? 0
    this.#dayActual = dayActual ?? 0
    this.#dayExpected = dayExpected ?? 0
    this.#dayBuckets = dayBuckets ?? 0
    this.#recentActual = recentActual ?? 0
    this.#recentExpected = recentExpected ?? 0
    // JSON knows no NaN: a last value that is not there stays unknown.
    this.#lastVehicles = snapshot.numbers[7] ?? Number.NaN
    this.#lastOccupancy = snapshot.numbers[8] ?? Number.NaN
  }

  snapshot(): FaultSnapshot {
    return {
      active: [...this.#active].map(([kind, { sinceMs, clean }]) => [kind, sinceMs, clean]),
      runs: [...this.#runs].map(([kind, { sinceMs, buckets }]) => [kind, sinceMs, buckets]),
      numbers: [
        ...[this.#missing, this.#logChance, this.#dayActual, this.#dayExpected, this.#dayBuckets],
        ...[this.#recentActual, this.#recentExpected, this.#lastVehicles, this.#lastOccupancy],
      ],
    }
  }

  get kinds(): readonly FaultKind[] {
    return [...this.#active.keys()]
  }

  /** Vehicles over what was expected, for the last day; 1 while unknown. */
  get dayRatio(): number {
    return this.#dayExpected * dayMemory > driftVehicles && this.#dayBuckets >= driftBuckets
      ? this.#dayActual / this.#dayExpected
      : 1
  }

  /** The same for the last half hour or so; undefined where next to nothing is expected. */
  get recentRatio(): number | undefined {
    return this.#recentExpected > 1 ? this.#recentActual / this.#recentExpected : undefined
  }

  update(facts: BucketFacts): readonly FaultEvent[] {
    if (!Number.isFinite(facts.vehicles)) return []
    this.#followDay(facts)
    return [
      this.#judge(
        'dead',
        this.#isDead(facts),
        facts,
        () => `0 vehicles where about ${Math.round(this.#missing)} were expected`,
      ),
      this.#judge(
        'stuck',
        this.#isStuck(facts),
        facts,
        () =>
          `vehicles ${facts.vehicles}, occupancy ${format(facts.occupancyPercent)} % again and again`,
      ),
      this.#judge(
        'chattering',
        this.#isChattering(facts),
        facts,
        () =>
          `${Math.round(facts.vehicles)} vehicles in 5 min, occupancy ${format(facts.occupancyPercent)} %`,
      ),
      this.#judge(
        'drifting',
        this.#isDrifting(facts),
        facts,
        () =>
          `${Math.round(100 * this.dayRatio)} % of the usual for a day, neighbours ${Math.round(100 * (facts.neighbours?.day ?? 1))} %`,
      ),
      this.#judge(
        'implausible',
        this.#isImplausible(facts),
        facts,
        () => `speed ${format(facts.speedKmh)} km/h, occupancy ${format(facts.occupancyPercent)} %`,
      ),
    ].filter((event) => event !== undefined)
  }

  /** Nothing more will come of the detector: what is active ends. */
  end(atMs: number): readonly FaultEvent[] {
    return [...this.#active].map(([kind, { sinceMs }]) => ({
      ...{ kind, isActive: false, sinceMs, atMs },
      text: 'the detector has fallen silent and is forgotten',
    }))
  }

  /** Turns a run of suspicious buckets into a fault with its beginning, and ordinary ones into its end. */
  #judge(
    kind: FaultKind,
    finding: { readonly isSuspect: boolean; readonly isFault: boolean },
    facts: BucketFacts,
    text: () => string,
  ): FaultEvent | undefined {
    const active = this.#active.get(kind)
    if (!finding.isSuspect) this.#runs.delete(kind)
    else if (!this.#runs.has(kind))
      this.#runs.set(kind, { sinceMs: facts.endMs - bucketMs, buckets: 0 })
    const run = this.#runs.get(kind)
    if (run) run.buckets += 1
    if (active) {
      active.clean = finding.isSuspect ? 0 : active.clean + 1
      if (active.clean < clearBuckets) return undefined
      this.#active.delete(kind)
      return { kind, isActive: false, sinceMs: active.sinceMs, atMs: facts.endMs, text: 'over' }
    }
    if (!finding.isFault || !run) return undefined
    this.#active.set(kind, { sinceMs: run.sinceMs, clean: 0 })
    return { kind, isActive: true, sinceMs: run.sinceMs, atMs: facts.endMs, text: text() }
  }

  #isDead(facts: BucketFacts) {
    // A loop that is occupied sees somebody, if only one who stands.
    const isSuspect = facts.vehicles === 0 && !(facts.occupancyPercent > standingPercent)
    this.#missing = isSuspect ? this.#missing + (facts.expectedVehicles || 0) : 0
    const isRoad = facts.neighbours !== undefined && facts.neighbours.now < neighboursMoveShare
    return { isSuspect, isFault: isSuspect && this.#missing >= missingVehicles && !isRoad }
  }

  #isStuck(facts: BucketFacts) {
    const isOccupied = facts.occupancyPercent >= occupiedPercent
    const isSameCount = facts.vehicles > 0 && facts.vehicles === this.#lastVehicles
    // Without an occupancy the counts alone must speak.
    const isSameOccupancy =
      Number.isNaN(facts.occupancyPercent) || facts.occupancyPercent === this.#lastOccupancy
    const isSame = isSameCount && isSameOccupancy
    // Chance that two Poisson counts are equal is about 1 / (2 √(π λ)).
    this.#logChance = isSame
      ? this.#logChance - Math.log(2 * Math.sqrt(Math.PI * Math.max(facts.vehicles, 1)))
      : 0
    this.#lastVehicles = facts.vehicles
    this.#lastOccupancy = facts.occupancyPercent
    const buckets = (this.#runs.get('stuck')?.buckets ?? 0) + 1
    return {
      isSuspect: isSame || isOccupied,
      isFault:
        (isOccupied && buckets >= occupiedBuckets) ||
        (isSame && buckets >= equalBucketsMin && this.#logChance < Math.log(chanceMax)),
    }
  }

  #isChattering(facts: BucketFacts) {
    const msPerVehicle = (facts.occupancyPercent / 100) * (bucketMs / facts.vehicles)
    const isSuspect =
      facts.vehicles > laneVehiclesMax ||
      (facts.vehicles >= busyVehicles && msPerVehicle < vehicleMsMin)
    const buckets = (this.#runs.get('chattering')?.buckets ?? 0) + 1
    return { isSuspect, isFault: isSuspect && buckets >= chatterBuckets }
  }

  #isDrifting(facts: BucketFacts) {
    const others = facts.neighbours?.day ?? 1
    const ratio = this.dayRatio / Math.max(others, 1e-3)
    const isSuspect = ratio > driftRatio || ratio < 1 / driftRatio
    const buckets = (this.#runs.get('drifting')?.buckets ?? 0) + 1
    return { isSuspect, isFault: isSuspect && buckets >= driftBuckets }
  }

  #isImplausible(facts: BucketFacts) {
    const isSuspect =
      facts.speedKmh > speedKmhMax || facts.occupancyPercent > 100.5 || facts.vehicles < 0
    const buckets = (this.#runs.get('implausible')?.buckets ?? 0) + 1
    return { isSuspect, isFault: isSuspect && buckets >= chatterBuckets }
  }

  #followDay(facts: BucketFacts): void {
    if (!Number.isFinite(facts.expectedVehicles)) return
    this.#dayBuckets += 1
    const rate = Math.max(1 / this.#dayBuckets, 1 / dayMemory)
    this.#dayActual += (facts.vehicles - this.#dayActual) * rate
    this.#dayExpected += (facts.expectedVehicles - this.#dayExpected) * rate
    this.#recentActual += (facts.vehicles - this.#recentActual) / recentMemory
    this.#recentExpected += (facts.expectedVehicles - this.#recentExpected) / recentMemory
  }
}

function format(value: number): string {
  return Number.isFinite(value) ? value.toFixed(1) : 'unknown'
}
