/**
 * A model proves itself in a process of its own before it may come near the gateway's.
 *
 * A foreign ONNX file is native work on foreign data: it may loop for ever, take all memory or crash the runtime. Here
 * it may; the trial is then over after its time, and the model is refused.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { ModelRefused } from '../errors.ts'
import type { ModelFiles } from './model-card.ts'
import type { SessionReport } from './session.ts'

const trialMsMax = 30_000
const memoryBytesMax = 256 * 1024 * 1024
const answerBytesMax = 64 * 1024
const child = join(import.meta.dirname, 'trial-child.ts')

export interface TrialReport extends SessionReport {
  readonly memoryBytes: number
}

/** @throws IG_ERR_PREDICTION_MODEL_REFUSED */
export async function tryModel({ card, folder }: ModelFiles): Promise<TrialReport> {
  const { line, why } = await runChild([folder, card.sha256])
  let answer: { report?: SessionReport; memoryBytes?: number; message?: string }
  try {
    answer = JSON.parse(line)
  } catch (cause) {
    throw ModelRefused.from(cause, card.id, `its trial ended without a word: ${why}`)
  }
  const { report, memoryBytes, message } = answer
  if (!report || memoryBytes === undefined)
    throw ModelRefused(card.id, (message ?? why).replace(/^model \S+ is not let in: /, ''))
  if (memoryBytes > memoryBytesMax)
    throw ModelRefused(card.id, `it takes ${memoryBytes} bytes, limit ${memoryBytesMax}`)
  return { ...report, memoryBytes }
}

function runChild(
  words: readonly string[],
): Promise<{ readonly line: string; readonly why: string }> {
  return new Promise((resolve) => {
    const options = {
      timeout: trialMsMax,
      killSignal: 'SIGKILL',
      maxBuffer: answerBytesMax,
      // Nothing of the gateway's surroundings is a model's business.
      env: {},
    } as const
    execFile(process.execPath, [child, ...words], options, (error, stdout) => {
      const why = error ? `${error.signal ?? `exit code ${error.code}`}` : 'no answer'
      resolve({ line: stdout, why })
    })
  })
}
