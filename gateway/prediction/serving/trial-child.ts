/**
 * Entry of a trial: a process that loads one model, runs it, says what that cost, and ends.
 *
 * `node trial-child.ts FOLDER SHA256` prints one JSON line: `{report, memoryBytes}`, or `{code, message}` with exit code 1.
 * Whatever a foreign file does to native code, it does it here.
 */
import { isCodedError } from '../../../schemas/coded-error.ts'
import { ModelRefused } from '../errors.ts'
import { readModel } from './model-card.ts'
import { openSession } from './session.ts'

async function trial(folder: string, sha256: string) {
  const files = await readModel(folder)
  if (files.card.sha256 !== sha256) throw ModelRefused(files.card.id, 'its files changed meanwhile')
  const beforeKb = process.resourceUsage().maxRSS
  const { session, report } = await openSession(files.card, files.bytes)
  await session.close()
  return { report, memoryBytes: (process.resourceUsage().maxRSS - beforeKb) * 1024 }
}

const [folder = '', sha256 = ''] = process.argv.slice(2)
try {
  process.stdout.write(`${JSON.stringify(await trial(folder, sha256))}\n`)
} catch (error) {
  const code = isCodedError(error) ? error.code : ModelRefused.code
  const message = error instanceof Error ? error.message : `${error}`
  process.stdout.write(`${JSON.stringify({ code, message })}\n`)
  process.exitCode = 1
}
