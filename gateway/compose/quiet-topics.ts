/**
 * Which messages nobody acts on as they come: queues of lanes that stand in no junction document. They are stored and
 * archived like all others; forecasts and control are not shown them, so nobody parses them on the main thread.
 */
import type { Topic } from '../../schemas/topics.ts'
import type { Junctions } from '../control/junctions.ts'

export function quietTopics(junctions: Junctions): (topic: Topic) => boolean {
  const watched = new Set<string>()
  for (const { lanes } of junctions.values()) {
    for (const { sensor, detector } of Object.values(lanes)) {
      if (sensor) watched.add(sensor.node)
      if (detector) watched.add(detector.node)
    }
  }
  return ({ type, code, node }) =>
    code === 'traffic.queue' && (type === 'status' || type === 'replay') && !watched.has(node)
}
