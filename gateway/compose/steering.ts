/** From a view of the street to a command on its way: control decides and guards, commands keeps and sends. */
import type { Broker } from '../../broker/broker.ts'
import { topics } from '../../schemas/topics.ts'
import { type Commands, createCommands } from '../commands/commands.ts'
import { statusOf } from '../commands/record.ts'
import { type Control, createControl } from '../control/loop.ts'
import type { FlowForecaster } from '../control/ports.ts'
import { createRandom } from '../kit/random.ts'
import type { Foundation, GatewayEvent } from './foundation.ts'
import type { OwnNode } from './own-node.ts'

export interface SteeringPorts {
  readonly own: OwnNode
  readonly broker: Broker
  readonly forecaster: FlowForecaster
  tell(event: GatewayEvent): void
}

export interface Steering {
  readonly control: Control
  readonly commands: Commands
}

export function createSteering(foundation: Foundation, ports: SteeringPorts): Steering {
  const { config, log, instruments, strategies, junctions, clock, eventClock } = foundation
  const { own, broker, forecaster, tell } = ports
  const commands = createCommands({
    dir: config.dataDir,
    clock,
    outlet: {
      deliver: (node, topic, payload, timeoutMs) =>
        broker.deliver(node, topic, Buffer.from(payload), timeoutMs),
      isReachable: (node) => broker.isReachable(node),
    },
    log: log.child({ room: 'commands' }),
    metrics: instruments.commands,
    lastWord: (record) => control.lastWord(record),
    ...(eventClock ? { random: createRandom(config.control.seed) } : {}),
  })
  const control = createControl({
    clock,
    looksOnNews: eventClock === undefined,
    junctions: config.control.isEnabled ? junctions : new Map(),
    strategyFor: (_junction, rung) => strategies[rung](),
    shadowsFor: () => strategies.shadows(),
    forecaster,
    commands,
    output: {
      decided({ atMs, values }) {
        own.status('gateway.control', atMs, values, { keep: true })
        if (values.isShadow) return
        const { junction, decision, why } = values
        tell({ kind: 'decision', atMs, junction, what: decision, why })
      },
      answer: (operator, code, result) => own.tell(topics.result(operator, code), result, 1),
    },
    log: log.child({ room: 'control' }),
    metrics: instruments.control,
  })
  commands.onTransition(({ record }) => {
    const { junction, code, state, issuer, changedAtMs } = record
    own.status('gateway.commands', changedAtMs, statusOf(record), { keep: true })
    tell({ kind: 'command', atMs: changedAtMs, junction, what: state, why: `${code} ${issuer}` })
  })
  return { control, commands }
}
