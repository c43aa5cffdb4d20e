/** Writes commands as fast as it can and says which are on disk, until it is killed. Run by outbox.test.ts. */
import { openOutbox } from '../../../gateway/commands/outbox.ts'
import { commandOf } from './record.ts'

const outbox = await openOutbox({ dir: process.argv[2] ?? '', historyRowsMax: 1_000_000 })
for (let at = 0; ; at += 20) {
  const records = Array.from({ length: 20 }, (_, index) => commandOf(at + index))
  await Promise.all(
    records.map((record) =>
      outbox.write(record).then(() => process.stdout.write(`${record.id} ${record.epoch}\n`)),
    ),
  )
}
