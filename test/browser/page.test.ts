/** The control center's page in a real browser, with a real street behind it. */
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { silentLog } from '../../gateway/kit/log.ts'
import { createWeb } from '../../gateway/web/server.ts'
import { isChromiumMissing, openPage } from '../support/chromium.ts'
import { eventually } from '../support/eventually.ts'
import { root, runProgramFile, temporaryFolder } from '../support/house.ts'

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
      files: {
        '/': join(root, 'control-center/page'),
        '/vendor/': join(root, 'node_modules/mqtt/dist'),
      },
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
