/**
 * What the terminal shows of a message: one readable line an event, or nothing. Pure: text in, text out.
 *
 * Shown are decisions with their reason and the forecast they rest on, commands, each step of their life, what the
 * junctions really run, who comes and goes, alarms, changes of the forecasting models, and now and then the delay on the street.
 */
import type { Topic } from '../schemas/topics.ts'

export interface Line {
  readonly at: string
  readonly node: string
  /** A word for the kind of event; colours go by it. */
  readonly kind:
    | 'decision'
    | 'command'
    | 'life'
    | 'result'
    | 'plan'
    | 'mode'
    | 'presence'
    | 'alarm'
    | 'street'
    | 'accounts'
    | 'model'
  readonly text: string
}

// biome-ignore lint/suspicious/noExplicitAny: the gateway has validated what it passes on; shapes are read leniently.
type Loose = any

/** The lines of one message; none for what is not worth one. */
export function linesOf(topic: Topic, value: Loose): readonly Line[] {
  const { node, type, code } = topic
  const line = (kind: Line['kind'], at: string, text: string, of: string = node): Line => ({
    at,
    node: of,
    kind,
    text,
  })
  if (type === 'presence') return [line('presence', value.ts, value.state)]
  if (type === 'command') return [line('command', value.ts, commandText(code, value))]
  if (type === 'result') {
    return [line('result', value.ts, `${short(value.id)} ${value.state}${why(value.reason)}`)]
  }
  const entries: Loose[] = value?.entries ?? []
  if (type === 'alarm') {
    return entries.map((entry) =>
      line(
        'alarm',
        entry.ts,
        `${code} ${entry.active ? 'begins' : 'is over'} ${valuesText(entry.values)}`,
      ),
    )
  }
  if (type !== 'status') return []
  return entries.flatMap(({ ts, values }: Loose): Line[] => {
    switch (code) {
      case 'gateway.control':
        // Keeping on is no event.
        if (values.decision === 'keep') return []
        return [line('decision', ts, decisionText(values), values.junction)]
      case 'gateway.commands':
        return [line('life', ts, lifeText(values), values.junction)]
      case 'tlc.plan':
        return [line('plan', ts, planText(values))]
      case 'tlc.mode':
        return [line('mode', ts, modeText(values))]
      case 'sim.street':
        return [line('street', ts, streetText(values))]
      case 'gateway.models':
        return [line('model', ts, modelText(values))]
      case 'gateway.accounts':
        return values.residual === 0 ? [] : [line('accounts', ts, valuesText(values))]
      default:
        return []
    }
  })
}

/** The last eight characters tell commands apart; the whole id is in the JSON. */
const short = (id: unknown) => (typeof id === 'string' ? `…${id.slice(-8)}` : '')
const why = (reason: unknown) => (reason ? `: ${reason}` : '')

function commandText(code: string, { id, values, holdForMs, issuer }: Loose): string {
  return `${short(id)} ${code} ${valuesText(values)}, holds ${holdForMs / 1000} s, by ${issuer}`
}

function decisionText(values: Loose): string {
  const shadow = values.isShadow ? ' (shadow, not sent)' : ''
  const of = values.commandId ? ` ${short(values.commandId)}` : ''
  const asked = values.values ? ` ${valuesText(values.values)}` : ''
  return `${values.decision}${of}${asked} [${values.strategy}, ${values.rung}]${shadow}: ${values.why}${forecastText(values)}`
}

/** What the decision was based on: flow per lane, model, and how old the newest reading was. */
function forecastText({ forecast, forecastModel, forecastAgeMs }: Loose): string {
  if (!forecast) return ''
  const lanes = Object.entries(forecast)
    .map(([lane, perHour]) => `${lane} ${Math.round(perHour as number)}`)
    .join(' ')
  const age = forecastAgeMs === undefined ? '' : `, newest reading ${forecastAgeMs / 1000} s old`
  return ` | forecast veh/h ${lanes} (${forecastModel ?? 'model unknown'}${age})`
}

function lifeText({ id, code, state, reason, issuer }: Loose): string {
  return `${short(id)} ${code} ${state}${why(reason)}${state === 'issued' ? ` by ${issuer}` : ''}`
}

function planText(values: Loose): string {
  const greens = Object.entries(values.greensS ?? {})
    .map(([stage, s]) => `${stage}:${s}`)
    .join(' ')
  const by = values.commandId ? `${values.source} ${short(values.commandId)}` : values.source
  return `runs plan ${values.plan}, cycle ${values.cycleS} s, offset ${values.offsetS} s, greens ${greens} s (${by})`
}

function modeText(values: Loose): string {
  const held = values.stage ? `, holds stage ${values.stage} ${short(values.commandId)}` : ''
  return `${values.mode}, ${values.control} control${held}`
}

/** Who forecasts for control now, instead of whom and why; what else becomes of a model in few words. */
function modelText({ event, model, facts = {} }: Loose): string {
  if (event !== 'seatChanged') return `${event} ${model}${why(facts.reason ?? facts.why)}`
  const loss = facts.pairs > 0 ? `, ${Math.round(facts.ratio * 100)} % of its loss` : ''
  return `${facts.quantity} is forecast by ${facts.to} instead of ${facts.from} (${facts.why}${loss})`
}

function streetText({
  vehicles,
  controlDelayS,
  localPlanDelayS,
  monitorViolations,
}: Loose): string {
  const twin = localPlanDelayS === null ? '' : `, under the local plan ${localPlanDelayS} s`
  const violations = monitorViolations ? `, ${monitorViolations} VIOLATIONS` : ''
  return `${vehicles} vehicles, mean delay ${controlDelayS} s${twin}${violations}`
}

function valuesText(values: Loose): string {
  return Object.entries(values ?? {})
    .map(([key, value]) => `${key} ${typeof value === 'object' ? compact(value) : value}`)
    .join(', ')
}

const compact = (value: unknown) => JSON.stringify(value).replaceAll('"', '')

const colours: Readonly<Record<Line['kind'], number>> = {
  decision: 36,
  command: 33,
  life: 32,
  result: 90,
  plan: 35,
  mode: 35,
  presence: 34,
  alarm: 31,
  street: 37,
  accounts: 31,
  model: 36,
}

/** As a terminal shows it. `isColoured` only where somebody looks. */
export function render(line: Line, isColoured: boolean): string {
  const at = String(line.at).slice(11, 19)
  const kind = line.kind.padEnd(8)
  const shown = isColoured ? `\u001b[${colours[line.kind]}m${kind}\u001b[0m` : kind
  // What comes from outside may hold anything; a terminal must not obey it.
  const text = `${line.node}  ${line.text}`.replaceAll(controlCharacters, '?')
  return `${at}  ${shown}  ${text}`
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not reach the terminal.
const controlCharacters = /[\u0000-\u001f\u007f-\u009f]/g
