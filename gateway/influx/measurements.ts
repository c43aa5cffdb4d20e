/**
 * The measurements: what a database will hold, by name. docs/influx.md is proven equal to this by a test.
 *
 * - Tags are few and their values bounded: nodes, components, codes and small vocabularies; never an id, a
 *   text or a quality, which would make a second series (and so a second point) of the same reading.
 * - A field keeps its kind for ever: databases refuse a field that was an integer and comes as a float.
 */
import type { FieldKind, Measurement } from './ports.ts'

interface Declared extends Measurement {
  readonly tags: readonly string[]
  /** For people, one sentence. */
  readonly says: string
  /** Meaning and unit by field, for people. */
  readonly meanings: Readonly<Record<string, string>>
}

function measurement(
  name: string,
  says: string,
  tags: readonly string[],
  fields: Readonly<Record<string, readonly [FieldKind, string]>>,
): Declared {
  const names = Object.keys(fields).sort()
  return {
    name,
    says,
    tags,
    fields: names.map((field) => ({ name: field, kind: fields[field]![0] })),
    meanings: Object.fromEntries(names.map((field) => [field, fields[field]![1]])),
  }
}

const quality = ['int', 'quality code, see above; absent where it is the ordinary one'] as const

export const measurements = {
  trafficCount: measurement(
    'traffic_count',
    'Vehicles counted in a window, per detector; time is the end of the window.',
    ['component', 'node', 'window', 'zone'],
    {
      vehicles: ['int', 'vehicles that passed in the window'],
      occupancy: ['float', 'share of the window the detector was occupied, in %'],
      speed: ['float', 'mean speed in km/h; absent when no vehicle passed'],
      quality,
      window_ms: ['int', 'length of the window in ms'],
    },
  ),
  trafficQueue: measurement(
    'traffic_queue',
    'The queue on a lane as an area detector sees it.',
    ['component', 'node', 'zone'],
    {
      queue_vehicles: ['int', 'halting vehicles in range'],
      queue_meters: ['float', 'length of the queue in m'],
      approaching_vehicles: ['int', 'moving vehicles in range'],
      passed_vehicles: ['int', 'vehicles over the stop line since the entry before'],
      blocked_vehicles: ['int', 'vehicles known to wait upstream of the range'],
      range_meters: ['float', 'how far upstream the sensor sees, in m'],
      quality,
    },
  ),
  tlcGroups: measurement(
    'tlc_groups',
    'What the lamps of a signal group show; written when it changes, and once a minute.',
    ['component', 'node', 'zone'],
    { state: ['int', 'lamp code, see below'] },
  ),
  tlcStage: measurement(
    'tlc_stage',
    'The green stage; written when it changes, and once a minute.',
    ['node', 'zone'],
    {
      stage: ['int', 'green stage, 0 while the stages change'],
      next_stage: ['int', 'the stage to come while they change, else 0'],
      cycle_counter: ['int', 'cycles since the controller started'],
    },
  ),
  tlcPlan: measurement('tlc_plan', 'The timing a controller runs.', ['node', 'zone'], {
    plan: ['int', 'number of the plan that is the base'],
    cycle_s: ['float', 'cycle length in s'],
    offset_s: ['float', 'offset in s'],
    source: ['text', 'who chose it: central, calendar, manual, local, fallback'],
    is_central: ['bool', 'the center chose it'],
  }),
  tlcGreen: measurement(
    'tlc_green',
    'Green of each stage of the timing a controller runs.',
    ['node', 'stage', 'zone'],
    { green_s: ['float', 'green in s, intergreen not counted'] },
  ),
  tlcMode: measurement('tlc_mode', 'How a controller works.', ['node', 'zone'], {
    mode: ['text', 'normal, flashing, dark, all-red, fault'],
    control: ['text', 'central, local, manual'],
    is_normal: ['bool', 'mode is normal'],
    is_central: ['bool', 'control is central'],
    held_stage: ['int', 'stage held by a command, 0 without one'],
  }),
  alarm: measurement(
    'alarm',
    'An alarm raised (active true) or over; node is the device it is about, also where the gateway raises it.',
    ['code', 'component', 'kind', 'node', 'zone'],
    { active: ['bool', 'raised'], text: ['text', 'in words'] },
  ),
  health: measurement('health', 'A device about itself.', ['node', 'zone'], {
    uptime_s: ['float', 'seconds since start'],
    cpu_percent: ['float', 'CPU load in %'],
    memory_percent: ['float', 'memory in use in %'],
    temperature_c: ['float', 'temperature in °C'],
    clock_offset_ms: ['float', 'the device’s own idea of its clock error in ms'],
  }),
  presence: measurement('presence', 'A device comes or goes.', ['node', 'zone'], {
    online: ['bool', 'it is there'],
    state: ['text', 'online, shutdown, offline'],
  }),
  commandResult: measurement(
    'command_result',
    'What a device says became of a command.',
    ['code', 'node', 'state', 'zone'],
    { count: ['int', 'always 1'], id: ['text', 'id of the command'], reason: ['text', 'why'] },
  ),
  command: measurement(
    'command',
    'A step in the life of a command, as the gateway sees it; node is the junction.',
    ['code', 'node', 'state', 'zone'],
    {
      count: ['int', 'always 1'],
      id: ['text', 'id of the command'],
      issuer: ['text', 'who asked'],
      reason: ['text', 'why'],
    },
  ),
  decision: measurement(
    'decision',
    'A decision about a junction and what it rests on; node is the junction, role `in-force` or `shadow`.',
    ['node', 'role', 'rung', 'strategy', 'zone'],
    {
      count: ['int', 'always 1'],
      decision: ['text', 'keep, timing, stage, plan, release, stand-down'],
      why: ['text', 'the reason'],
      command_id: ['text', 'id of the command, where one was issued'],
      is_shadow: ['bool', 'decided beside the one in force and not sent'],
      forecast_age_ms: ['int', 'age of the newest reading it rests on, in ms'],
      forecast_model: ['text', 'id of the model'],
    },
  ),
  accounts: measurement('gateway_accounts', 'The accounts of the gateway.', ['node', 'zone'], {
    received: ['int', 'messages received'],
    stored: ['int', 'stored in the ledger'],
    duplicate: ['int', 'recognised as sent before'],
    quarantined: ['int', 'not understood and kept aside'],
    refused: ['int', 'refused at the gate'],
    residual: ['int', 'received less the other four'],
  }),
  devices: measurement(
    'gateway_devices',
    'What the door has seen of a device since the gateway began; written when it changes, once a minute at most; node is the device.',
    ['node', 'zone'],
    {
      messages: ['int', 'messages received'],
      duplicates: ['int', 'recognised as sent before'],
      quarantined: ['int', 'not understood and kept aside'],
      gaps: ['int', 'times numbers were missing in the sequence'],
      missing: ['int', 'numbers that did not come, less those filled in since'],
      replayed: ['int', 'entries filled in by replay'],
      restarts: ['int', 'times the numbers began anew'],
      late: ['int', 'messages that came late'],
      future: ['int', 'messages from the future'],
      misaligned: ['int', 'windows that do not end where they should'],
      clock_offset_ms: ['float', 'device clock less the gateway’s, estimated, in ms'],
    },
  ),
  model: measurement(
    'gateway_model',
    'A forecasting model came, went, was refused, or took or lost its seat.',
    ['event', 'model', 'node', 'quantity', 'zone'],
    {
      count: ['int', 'always 1'],
      from: ['text', 'who held the seat before, where it changed'],
      why: ['text', 'better, landslide, withdrawn, empty, remembered; or the reason of a refusal'],
      pairs: ['int', 'comparisons a change of seat rests on'],
      ratio: ['float', 'its loss over that of the model before; below 1 is better'],
      facts: ['text', 'all of it, JSON: scores, checks, reasons'],
    },
  ),
  street: measurement(
    'sim_street',
    'What a simulated street costs its drivers.',
    ['node', 'zone'],
    {
      vehicles: ['int', 'vehicles that entered so far'],
      control_delay_s: ['float', 'mean delay per vehicle under control, in s'],
      local_plan_delay_s: [
        'float',
        'mean delay per vehicle in the twin under its local plan, in s',
      ],
      monitor_violations: ['int', 'violations seen by the lamp monitor'],
    },
  ),
  probe: measurement(
    'gateway_sink',
    'Written when a whole batch was refused, to learn whether the points are to blame or the request.',
    [],
    { probe: ['int', 'always 1'] },
  ),
} as const

/** RSMP 3.2 value quality as a number, the better the lower. */
export const qualityCodes = { recent: 0, old: 1, undefined: 2, unknown: 3 } as const

/** Lamp states as a number, the greener the higher; R is red by fault or blocked. */
export const lampCodes = { O: 0, R: 1, r: 2, u: 3, y: 4, g: 5, G: 6 } as const
