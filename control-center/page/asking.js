/**
 * The form with which an operator asks for a stage, a plan or a mode, or gives a junction back, and the answers to it.
 * Shown only where the session may ask; the gateway holds to that by itself, this is not what keeps anybody out.
 *
 * - Nothing waits here: without a connection nothing is asked, and a request is void half a minute later.
 * - A request is dated by the gateway's time, which beside a simulator is not the wall's.
 */
import { ulid } from '/vendor/ulid/index.js'

/** The node that pages speak for (schemas/topics.ts: a request comes under the asker's own). */
const node = 'web'
const validMs = 30_000
const answersMax = 12

/** What can be asked for: code, values and how it is said. @type {Record<string, {code: string, values: (fields: FormData) => object, said: (fields: FormData) => string}>} */
const asks = {
  stage: {
    code: 'tlc.stage.set',
    values: (fields) => ({ stage: Number(fields.get('stage')) }),
    said: (fields) => `stage ${fields.get('stage')} for ${fields.get('holdS')} s`,
  },
  plan: {
    code: 'tlc.plan.set',
    values: (fields) => ({ plan: Number(fields.get('plan')) }),
    said: (fields) => `plan ${fields.get('plan')} for ${fields.get('holdS')} s`,
  },
  mode: {
    code: 'tlc.mode.set',
    values: (fields) => ({ mode: fields.get('mode') }),
    said: (fields) => `mode ${fields.get('mode')} for ${fields.get('holdS')} s`,
  },
  release: { code: 'release', values: () => ({}), said: () => 'give back' },
}

/** Where answers and refusals of what was asked come. */
export const answerFilters = [`${node}/result/#`, `${node}/reject`]

/**
 * @param {{form: HTMLFormElement, answers: HTMLElement, nowMs: () => number,
 *   publish: (topic: string, message: object) => boolean}} ports `publish` answers false when there is no connection.
 */
export function createAsking({ form, answers, nowMs, publish }) {
  const junctions = /** @type {HTMLSelectElement} */ (form.elements.namedItem('junction'))
  const what = /** @type {HTMLSelectElement} */ (form.elements.namedItem('what'))
  /** Rows by the request's id. @type {Map<string, {life: HTMLElement, topic: string, isAnswered: boolean}>} */
  const rows = new Map()

  function showFields() {
    /** @type {NodeListOf<HTMLLabelElement>} */
    const labels = form.querySelectorAll('label[data-for]')
    for (const label of labels) {
      const isMeant = (label.dataset.for ?? '').split(' ').includes(what.value)
      label.hidden = !isMeant
      // A field that is not shown must neither be judged nor sent.
      const field = /** @type {HTMLInputElement | HTMLSelectElement} */ (label.control)
      field.disabled = !isMeant
    }
  }

  /** @param {string} id @param {string} topic @param {string} text @param {number} atMs */
  function addRow(id, topic, text, atMs) {
    const row = document.createElement('li')
    const time = document.createElement('time')
    time.textContent = new Date(atMs).toISOString().slice(11, 19)
    const life = document.createElement('span')
    life.textContent = 'asked'
    row.append(time, ` ${text}: `, life)
    answers.prepend(row)
    while (answers.children.length > answersMax) answers.lastChild?.remove()
    rows.set(id, { life, topic, isAnswered: false })
    if (rows.size > answersMax) rows.delete(rows.keys().next().value ?? '')
  }

  /** @param {string} id @param {string} text */
  function tell(id, text) {
    const row = rows.get(id)
    if (!row) return
    row.isAnswered = true
    row.life.textContent += ` → ${text}`
  }

  function ask() {
    const fields = new FormData(form)
    const asked = asks[what.value]
    const target = String(fields.get('junction') ?? '')
    if (!asked || target === '') return
    const atMs = nowMs()
    const id = ulid(atMs)
    const topic = `${node}/request/${asked.code}`
    const message = {
      id,
      ts: new Date(atMs).toISOString(),
      expiresAt: new Date(atMs + validMs).toISOString(),
      target,
      ...(what.value !== 'release' && { holdForMs: Number(fields.get('holdS')) * 1000 }),
      values: asked.values(fields),
    }
    addRow(id, topic, `${target}, ${asked.said(fields)}`, atMs)
    if (!publish(topic, message)) return tell(id, 'not connected, nothing was asked')
    setTimeout(() => {
      if (rows.get(id)?.isAnswered === false) tell(id, 'no answer')
    }, validMs)
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault()
    ask()
  })
  what.addEventListener('change', showFields)
  showFields()

  return {
    /** @param {string} junction */
    addJunction(junction) {
      const after = [...junctions.options].find((option) => option.value > junction)
      junctions.add(new Option(junction), after ?? null)
    },
    /** @param {{id: string, state: string, reason?: string}} result */
    answered({ id, state, reason }) {
      tell(id, `${state}${reason ? ` (${reason})` : ''}`)
    },
    /** The newest request on that topic was no message at all. @param {{topic: string, code: string, errors?: {path: string, message: string}[]}} notice */
    refused({ topic, code, errors = [] }) {
      const id = [...rows].findLast(([, row]) => row.topic === topic && !row.isAnswered)?.[0]
      if (id) tell(id, `refused (${code} ${errors.map(({ message }) => message).join(', ')})`)
    },
  }
}
