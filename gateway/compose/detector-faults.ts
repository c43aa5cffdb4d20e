/** Where detector faults come together: found at the door or on the live path, told once, remembered over a restart. */
import { join } from 'node:path'
import { openFaultFile } from '../ingress/fault-file.ts'
import { createPlausibility, type Plausibility } from '../ingress/plausibility.ts'
import { createQueueChecks, type QueueChecks } from '../ingress/queue-checks.ts'
import type { Part } from '../kit/part.ts'
import type { Foundation } from './foundation.ts'
import type { DetectorFaultReport, OwnNode } from './own-node.ts'

export interface DetectorFaults {
  readonly plausibility: Plausibility
  readonly queues: QueueChecks
  /** Writes what is left at the end. */
  readonly part: Part
}

export function createDetectorFaults(
  { config, log, junctions }: Foundation,
  own: Pick<OwnNode, 'detectorFault'>,
): DetectorFaults {
  const file = openFaultFile(
    join(config.dataDir, 'detector-faults.json'),
    log.child({ room: 'ingress' }),
  )
  const tell = (fault: DetectorFaultReport) => {
    own.detectorFault(fault)
    file.note(fault)
  }
  const plausibility = createPlausibility({ onFault: tell })
  const queues = createQueueChecks(junctions, tell)
  plausibility.restore(file.active())
  queues.restore(file.active())
  return {
    plausibility,
    queues,
    part: { name: 'detector faults', async start() {}, stop: () => file.close() },
  }
}
