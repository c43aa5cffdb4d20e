/** What a gateway's `/metrics` says. */
import { setTimeout as wait } from 'node:timers/promises'

const tooManyRequests = 429
const patienceMs = 1_000

/** The port answers strangers so often only; then it is asked again after a while: a refusal is not a count of nothing. */
export async function readMetrics(web: number): Promise<string> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${web}/metrics`)
    if (answer.ok) return answer.text()
    if (answer.status !== tooManyRequests) throw new Error(`/metrics answers ${answer.status}`)
    await wait(patienceMs)
  }
}
