/**
 * The control center's page: an MQTT subscriber in the browser. It shows what the gateway and the controllers say
 * and keeps nothing; a reload begins anew with the retained presences and the next statuses. Where the session may ask,
 * it has a form for that (asking.js).
 *
 * - Everything that comes from the wire is shown as text, never as markup.
 * - What it cannot read is counted, and stops nothing.
 * - Bounded: a junction is one card, feeds keep their newest rows.
 */
import { answerFilters, createAsking } from '/asking.js'
import mqtt from '/vendor/mqtt.esm.js'
import { ofAllNodes, readPayload, readTopic } from '/wire.js'

const decisionsMax = 30
const commandsMax = 40
const filters = {
  0: [
    ...ofAllNodes('status/tlc.groups/#'),
    ...ofAllNodes('status/tlc.plan/#'),
    ...ofAllNodes('status/sim.street/#'),
    'gateway/+/status/#',
  ],
  1: ofAllNodes('presence'),
}
/** Statuses that the gateway dates by what its clock shows as it says them. */
const tellsTime = new Set(['gateway.clock', 'gateway.accounts', 'gateway.control'])

const element = (/** @type {string} */ id) =>
  /** @type {HTMLElement} */ (document.getElementById(id))

/** @param {string} tag @param {string} [text] @param {Record<string, string>} [data] */
function make(tag, text = '', data = {}) {
  const made = document.createElement(tag)
  made.textContent = text
  Object.assign(made.dataset, data)
  return made
}

/** @param {string} ts */
const clockOf = (ts) => ts.slice(11, 19)

const figures = new Map()
/** @param {string} name @param {string} value */
function showFigure(name, value) {
  figures.set(name, value)
  element('figures').replaceChildren(
    ...[...figures].map(([label, text]) => {
      const pair = make('div')
      pair.append(make('dt', label), make('dd', text))
      return pair
    }),
  )
}

const devices = new Set()
const cards = new Map()

/** @param {string} node */
function cardOf(node) {
  const known = cards.get(node)
  if (known) return known
  const card = {
    root: make('article', '', { node }),
    title: make('h3', node),
    lamps: make('div'),
    stage: make('p'),
    plan: make('p'),
  }
  card.lamps.className = 'lamps'
  card.root.append(card.title, card.lamps, card.stage, card.plan)
  cards.set(node, card)
  element('junctions').append(card.root)
  asking?.addJunction(node)
  return card
}

/** What is done with each kind of entry. @type {Record<string, (node: string, entry: any) => void>} */
const shows = {
  'tlc.groups'(node, { values }) {
    const card = cardOf(node)
    card.lamps.replaceChildren(
      ...Object.entries(values.groups).map(([group, lamp]) => {
        const shown = make('span', group, { lamp: String(lamp) })
        shown.className = 'lamp'
        return shown
      }),
    )
    card.stage.textContent = values.stage === null ? 'stages change' : `stage ${values.stage}`
  },
  'tlc.plan'(node, { values }) {
    const greens = Object.entries(values.greensS).map(([stage, s]) => `${stage}: ${s} s`)
    cardOf(node).plan.textContent =
      `plan ${values.plan} (${values.source}), cycle ${values.cycleS} s, greens ${greens.join(', ')}`
  },
  'sim.street'(_node, { values }) {
    showFigure('delay under control', `${values.controlDelayS.toFixed(1)} s`)
    if (values.localPlanDelayS !== null) {
      showFigure('under the local plan', `${values.localPlanDelayS.toFixed(1)} s`)
    }
  },
  'gateway.accounts'(_node, { values }) {
    for (const name of ['stored', 'duplicate', 'quarantined', 'refused', 'residual']) {
      showFigure(name, String(values[name]))
    }
  },
  'gateway.control'(_node, { ts, values }) {
    if (values.isShadow) return
    const row = make('li')
    row.append(make('time', clockOf(ts)), ` ${values.junction}: ${values.decision} – ${values.why}`)
    element('decisions').prepend(row)
    while (element('decisions').children.length > decisionsMax)
      element('decisions').lastChild?.remove()
  },
  'gateway.commands'(_node, { ts, values }) {
    const row = document.getElementById(`command-${values.id}`) ?? commandRow(ts, values)
    const life = /** @type {HTMLElement} */ (row.lastElementChild)
    life.textContent = `${life.textContent}${life.textContent ? ' → ' : ''}${values.state}${values.reason ? ` (${values.reason})` : ''}`
  },
}

/** @param {string} ts @param {{id: string, junction: string, code: string, issuer: string}} values */
function commandRow(ts, { id, junction, code, issuer }) {
  const row = make('tr')
  row.id = `command-${id}`
  row.append(...[clockOf(ts), junction, code, issuer, ''].map((text) => make('td', text)))
  element('commands').prepend(row)
  while (element('commands').children.length > commandsMax) element('commands').lastChild?.remove()
  return row
}

/** @param {string} state @param {string} text */
function showConnection(state, text) {
  element('connection').dataset.state = state
  element('connection').textContent = text
}

/** The gateway's time: beside a simulator it is not the wall's. */
let heard = { tsMs: Date.now(), at: performance.now() }
const gatewayNowMs = () => Math.round(heard.tsMs + performance.now() - heard.at)

/** Undefined where the session may only look. @type {ReturnType<typeof createAsking> | undefined} */
let asking
const session = await fetch('/session.json')
  .then((answer) => (answer.ok ? answer.json() : {}))
  .catch(() => ({}))

const client = mqtt.connect(`${location.origin.replace(/^http/, 'ws')}/mqtt`, {
  // A control center's client id begins with its name; each page is a client of its own.
  clientId: `web/page-${crypto.getRandomValues(new Uint32Array(1))[0].toString(16)}`,
  reconnectPeriod: 2_000,
})
if (session.mayAsk) {
  element('asking').hidden = false
  asking = createAsking({
    form: /** @type {HTMLFormElement} */ (element('ask')),
    answers: element('answers'),
    nowMs: gatewayNowMs,
    publish(topic, message) {
      // A client that is not connected would keep it and send it later.
      if (client.connected) client.publish(topic, JSON.stringify(message), { qos: 1 })
      return client.connected
    },
  })
  filters[1].push(...answerFilters)
}
client.on('connect', () => {
  showConnection('online', 'connected')
  for (const [qos, names] of Object.entries(filters)) client.subscribe(names, { qos: Number(qos) })
})
client.on('close', async () => {
  showConnection('offline', 'not connected; trying again')
  // A WebSocket does not say why it was refused; a page that may not be read any more does.
  const answer = await fetch('/').catch(() => undefined)
  if (answer?.status !== 401) return
  client.end()
  showConnection('offline', 'the session has ended: open the address that the gateway printed last')
})

/** @param {string} topic @param {Uint8Array} payload */
function show(topic, payload) {
  const message = readPayload(payload)
  const { node, type, code } = readTopic(topic)
  if (type === 'presence') {
    if (message.state === 'online') devices.add(node)
    else devices.delete(node)
    showFigure('devices online', String(devices.size))
  } else if (type === 'result') asking?.answered(message)
  else if (type === 'reject') asking?.refused(message)
  else if (type === 'status') {
    if (tellsTime.has(code)) {
      heard = { tsMs: Date.parse(message.entries.at(-1).ts), at: performance.now() }
    }
    for (const entry of message.entries) shows[code]?.(node, entry)
  }
}

let unreadable = 0
client.on('message', (/** @type {string} */ topic, /** @type {Uint8Array} */ payload) => {
  if (payload.length === 0) return
  try {
    show(topic, payload)
  } catch {
    // An error here would end the stream of messages.
    unreadable += 1
    showFigure('messages not readable', String(unreadable))
  }
})
