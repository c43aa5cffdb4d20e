/**
 * A world under its local plans, without any gateway: the twin beside the controlled street, and the yardstick of
 * tests and figures. Controllers of its own, the same code, watched by monitors of their own.
 */
import type { Junction } from '../schemas/generated/messages.ts'
import { type Controller, createController } from './controller/controller.ts'
import { createMonitor, type Monitor } from './monitor.ts'
import type { World } from './world.ts'

export interface LocalRun {
  readonly world: World
  readonly controllers: readonly Controller[]
  readonly monitors: readonly Monitor[]
  /** Moves world and controllers on by one step. */
  step(stepMs: number): Promise<void>
  /** Mean delay per vehicle so far, in seconds. */
  meanDelayS(): number
}

/** `junctions` replaces the world's own documents, to try other plans on the same street. */
export function createLocalRun(
  world: World,
  stepMs: number,
  junctions: readonly Junction[] = world.junctions,
): LocalRun {
  const startMs = world.nowMs()
  const controllers = junctions.map((junction) => createController(junction, { startMs, stepMs }))
  const monitors = junctions.map(createMonitor)
  return {
    world,
    controllers,
    monitors,
    async step(ms) {
      const nowMs = world.nowMs()
      for (const [index, controller] of controllers.entries()) {
        controller.advance(nowMs)
        controller.takeResults()
        const lamps = controller.lamps()
        monitors[index]?.observe(nowMs, lamps)
        world.showLamps(controller.junction.node, lamps)
      }
      await world.step(ms)
    },
    meanDelayS() {
      const { delayS, demandVehicles } = world.figures()
      return demandVehicles === 0 ? 0 : delayS / demandVehicles
    },
  }
}
