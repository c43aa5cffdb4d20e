/**
 * A program for the tests: appends records to the ledger in argv[2] as fast as it can, and writes the number of each to
 * stdout, in one write call, once it is durable. Ends with the ledger still open when its input ends.
 */
import { writeSync } from 'node:fs'
import { silentLog } from '../../../gateway/kit/log.ts'
import { openLedger } from '../../../gateway/ledger/ledger.ts'
import { isCodedError } from '../../../schemas/coded-error.ts'

const dir = process.argv[2] as string
const waitingMax = 200 // As from 200 devices that have one message in flight each.
let waiting = 0

try {
  const ledger = await openLedger({ dir, log: silentLog })
  say('ready')
  process.stdin.on('end', () => process.exit(0)).resume()
  append()

  function append(): void {
    while (waiting < waitingMax) {
      const payload = Buffer.from(JSON.stringify({ n: ledger.nextOffset, text: 'x'.repeat(200) }))
      const entry = { receivedAtMs: 1_000, topic: 'north/det-1/status/traffic.count', payload }
      waiting += 1
      const offset = ledger.append(entry, (error) => {
        waiting -= 1
        if (!error) say(String(offset))
      })
    }
    setImmediate(append)
  }
} catch (error) {
  writeSync(2, isCodedError(error) ? `${error.code} ${error.message}` : String(error))
  process.exit(2)
}

/** The pipe may be full for a moment; what is said must be out before the process goes on. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, `${line}\n`)
      return
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error
    }
  }
}
