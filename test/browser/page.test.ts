/** The control center's page in a real browser, with a real street behind it. */
import { expect, onTestFinished, test } from 'vitest'
import { pageFolders } from '../../gateway/compose/front.ts'
import { silentLog } from '../../gateway/kit/log.ts'
import { createWeb } from '../../gateway/web/server.ts'
import { encodePayload } from '../../schemas/payload.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { openHouse as openDoor } from '../broker/house.ts'
import { isChromiumMissing, openPage } from '../support/chromium.ts'
import { eventually } from '../support/eventually.ts'
import { openHouse, runProgramFile, temporaryFolder } from '../support/house.ts'
import { openStreetHouse, runStreet } from '../support/street-house.ts'

test.skipIf(isChromiumMissing)(
  'the printed address opens a page that shows junctions, decisions and commands (needs chromium)',
  async () => {
    const dir = await temporaryFolder()
    const run = runProgramFile('gateway/start.ts', [
      ...['--duration', '60s', '--data-dir', dir, '--mqtt-port', '0', '--web-port', '0'],
    ])
    const address = await eventually(() => {
      const found = run.lines.find((line) => line.startsWith('page'))?.split(/\s+/)[1]
      expect(found).toBeDefined()
      return found!
    }, 20_000)
    const page = await openPage()
    await page.goto(address)
    await eventually(async () => {
      const text = await page.text()
      expect(text).toContain('connected')
      expect(text).toContain('north/tlc-001')
      expect(text).toMatch(/stage \d/)
      expect(text).toMatch(/plan \d+ \(\w+\), cycle/)
      expect(text).toContain('tlc.stage.set')
      expect(text).toMatch(/issued → delivered/)
      expect(text).toMatch(/delay under control\s+\d/)
    }, 40_000)
    expect(await page.evaluate('location.search')).toBe('')
    expect(page.errors).toEqual([])
    run.child.kill('SIGTERM')
    expect(await run.ended).toBe(0)
  },
  90_000,
)

test.skipIf(isChromiumMissing)(
  'a page whose session has ended says so and stops asking (needs chromium)',
  async () => {
    const web = createWeb({
      host: '127.0.0.1',
      port: 0,
      files: pageFolders,
      metrics: async () => '',
      health: () => ({ ready: true, findings: [] }),
      acceptCenter: () => {},
      sessionMs: 3_000,
      log: silentLog,
    })
    await web.start(new AbortController().signal)
    onTestFinished(() => web.stop(1_000))
    const page = await openPage()
    await page.goto(web.pageUrl())
    await eventually(
      async () => expect(await page.text()).toContain('the session has ended'),
      20_000,
    )
  },
  40_000,
)

test.skipIf(isChromiumMissing)(
  'nodes of one, two and three levels are shown, in JSON and in CBOR; a page that may only look has no form (needs chromium)',
  async () => {
    const house = await openHouse()
    const page = await openPage()
    await page.goto(house.gateway.pageUrl())
    await eventually(async () => expect(await page.text()).toContain('connected'), 20_000)
    let seq = 0
    for (const [at, name] of ['tlc-lone', 'north/tlc-001', 'north/west/tlc-002'].entries()) {
      const device = await house.connect('device', name)
      await eventually(async () => {
        seq += 1
        const values = { groups: { 'sg/1': 'G', 'sg/2': 'r' }, stage: at + 4, cycleCounter: 1 }
        const message = { entries: [{ ts: formatTimestamp(Date.now()), seq, values }] }
        const format = at % 2 === 0 ? 'cbor' : 'json'
        await device.publish(`${name}/status/tlc.groups`, encodePayload(message, format))
        const text = await page.text()
        expect(text).toContain(name)
        expect(text).toContain(`stage ${at + 4}`)
      }, 20_000)
    }
    expect(page.errors).toEqual([])
    expect(await page.text()).not.toContain('not readable')
    expect(await page.evaluate('document.getElementById("asking").hidden')).toBe(true)
    expect(await page.text()).not.toContain('Ask')
  },
  60_000,
)

test.skipIf(isChromiumMissing)(
  'what the page cannot read is counted, and stops nothing that comes after it (needs chromium)',
  async () => {
    const door = await openDoor()
    const web = createWeb({
      host: '127.0.0.1',
      port: 0,
      files: pageFolders,
      metrics: async () => '',
      health: () => ({ ready: true, findings: [] }),
      acceptCenter: (stream) =>
        door.broker.acceptStream(stream, { role: 'center', name: 'web', serial: '01' }),
      log: silentLog,
    })
    await web.start(new AbortController().signal)
    onTestFinished(() => web.stop(1_000))
    const page = await openPage()
    await page.goto(web.pageUrl())
    await eventually(async () => expect(await page.text()).toContain('connected'), 20_000)
    const values = { groups: { 'sg/1': 'G' }, stage: 3, cycleCounter: 1 }
    const good = encodePayload({ entries: [{ ts: formatTimestamp(Date.now()), seq: 1, values }] })
    const publish = (payload: Buffer) =>
      door.broker.publish('north/tlc-001/status/tlc.groups', payload, { qos: 0, retain: false })
    await eventually(async () => {
      publish(Buffer.from('no message'))
      publish(Buffer.from([0xbf, 0x01]))
      publish(good)
      const text = await page.text()
      expect(text).toMatch(/messages not readable\s+\d*[02468]\b/)
      expect(text).toContain('stage 3')
    }, 20_000)
    expect(page.errors).toEqual([])
  },
  40_000,
)

test.skipIf(isChromiumMissing)(
  'an operator asks at the page for a stage, is answered, and gives the junction back (needs chromium)',
  async () => {
    const house = await openStreetHouse({ isOperator: true })
    await runStreet(house, ['--speed=20']).ready
    const page = await openPage()
    await page.goto(house.gateway.pageUrl())
    const fill = (fields: Readonly<Record<string, string>>) =>
      page.evaluate(`for (const [name, value] of ${JSON.stringify(Object.entries(fields))}) {
        const field = document.getElementById('ask').elements.namedItem(name)
        field.value = value
        field.dispatchEvent(new Event('change', { bubbles: true }))
      }`)
    const submit = () => page.evaluate(`document.querySelector('#ask button').click()`)
    const newest = () => page.evaluate<string>(`document.querySelector('#answers li')?.textContent`)
    await eventually(async () => {
      expect(await page.evaluate(`document.getElementById('asking').hidden`)).toBe(false)
      expect(await page.evaluate(`document.querySelector('#ask select').options.length`)).toBe(3)
      expect(house.gateway.summary().commands.applied).toBeGreaterThan(0)
    }, 30_000)

    await fill({ junction: 'north/tlc-002', what: 'stage', stage: '2', holdS: '90' })
    await submit()
    await eventually(async () => {
      expect(await newest()).toMatch(
        /^07:\d\d:\d\d north\/tlc-002, stage 2 for 90 s: asked → accepted → applied/,
      )
    }, 20_000)
    expect(await page.text()).toContain('operator:web')

    await fill({ what: 'stage', stage: '88' })
    await submit()
    await eventually(async () => expect(await newest()).toMatch(/→ rejected \(.*stage/), 20_000)

    await fill({ what: 'release' })
    expect(
      await page.evaluate(`document.querySelector('input[name=stage]').checkVisibility()`),
    ).toBe(false)
    await submit()
    await eventually(
      async () => expect(await newest()).toMatch(/give back: asked → released/),
      20_000,
    )
    expect(page.errors).toEqual([])
  },
  90_000,
)
