/**
 * Question: does a message cost the same whoever else is connected, and what does the rate do to its price and its delay?
 *
 * The gateway with a database behind it, at several numbers of devices and rates (open loop); CPU of the gateway process
 * per message, memory, publish to PUBACK.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeCertificates } from './stand/certificates.ts'
import { startGateway } from './stand/contenders.ts'
import { buildLoadGenerator } from './stand/load-generator.ts'
import { machine, round } from './stand/machine.ts'
import { cpuUsOf, rssKbOf } from './stand/processes.ts'

const { values: options } = parseArgs({
  options: {
    devices: { type: 'string', default: '100,1000,5000' },
    rates: { type: 'string', default: '1000,3000' },
    seconds: { type: 'string', default: '6' },
  },
})
const dir = mkdtempSync(join(tmpdir(), 'bench-scaling-'))
const generator = buildLoadGenerator(dir)
if (typeof generator === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'scaling', skipped: generator })}\n`)
  process.exit(0)
}
const certificates = await makeCertificates(dir)
const rows: object[] = []
for (const devices of options.devices.split(',').map(Number)) {
  const gateway = await startGateway(dir, certificates)
  const pid = gateway.processes[0]!.pid
  for (const rate of options.rates.split(',').map(Number)) {
    let before = 0
    const report = await generator.run(
      [
        ...['-h', '127.0.0.1', '-p', String(gateway.port), '-X', '-A', certificates.clientDir],
        ...['-q', '1', '-c', String(devices), '-b', '1', '-w', '10', '--perrec', '--src'],
        ...['--warm', '0', '-m', '30', '-r', String(rate)],
        ...['-n', String(rate * Number(options.seconds))],
      ],
      () => {
        before = cpuUsOf(pid)
      },
    )
    await gateway.done()
    rows.push({
      devices,
      rate,
      achieved: report.msg_s,
      gatewayUsPerMessage: round((cpuUsOf(pid) - before) / report.acked, 1),
      ackP50Ms: round(report.ack_p50_us / 1_000, 1),
      ackP99Ms: round(report.ack_p99_us / 1_000, 1),
      rssMb: Math.round(rssKbOf(pid) / 1_024),
      lost: report.sent - report.acked,
    })
  }
  await gateway.stop()
}
rmSync(dir, { recursive: true, force: true })
process.stdout.write(`${JSON.stringify({ bench: 'scaling', machine: machine(), rows })}\n`)
