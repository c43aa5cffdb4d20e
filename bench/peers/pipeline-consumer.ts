/**
 * The obvious pipeline's own code: what one writes in an afternoon behind a broker. Subscribes at QoS 1, checks each
 * message with ajv, makes points with the client library, lets it write to the database. Nothing is durable on the way.
 *
 * Usage: node bench/peers/pipeline-consumer.ts MQTT_PORT INFLUX_URL
 */
import { InfluxDB, Point } from '@influxdata/influxdb-client'
import mqtt from 'mqtt'
import { messageValidator } from '../../schemas/validators.ts'

const [port, url = ''] = process.argv.slice(2)
const validate = messageValidator('status', 'traffic.queue')
if (!validate) throw new Error('there is no schema of traffic.queue')
const write = new InfluxDB({ url, token: 'none' }).getWriteApi('intergreen', 'traffic', 'ms', {
  batchSize: 5_000,
  flushInterval: 1_000,
})
const client = mqtt.connect(`mqtt://127.0.0.1:${port}`, { clientId: 'pipeline', clean: true })

interface Queue {
  readonly entries: readonly {
    readonly ts: string
    readonly values: { readonly lanes: Readonly<Record<string, Lane>> }
  }[]
}
interface Lane {
  readonly queueVehicles: number
  readonly queueMeters: number
  readonly approachingVehicles: number
}

client.on('message', (topic, payload) => {
  let message: Queue
  try {
    message = JSON.parse(payload.toString())
  } catch {
    return
  }
  if (!validate(message)) return
  const [zone = '', device = ''] = topic.split('/')
  for (const { ts, values } of message.entries) {
    for (const [component, lane] of Object.entries(values.lanes)) {
      write.writePoint(
        new Point('traffic_queue')
          .tag('zone', zone)
          .tag('node', `${zone}/${device}`)
          .tag('component', component)
          .intField('queue_vehicles', lane.queueVehicles)
          .floatField('queue_meters', lane.queueMeters)
          .intField('approaching_vehicles', lane.approachingVehicles)
          .timestamp(new Date(ts)),
      )
    }
  }
})
await client.subscribeAsync('load/+/status/#', { qos: 1 })
process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`)
process.on('SIGTERM', () => {
  void write.close().finally(() => process.exit(0))
})
