/** A house whose junctions are those of the built-in street, and the street that goes with it, in simulated time. */
import { expect } from 'vitest'
import type { GatewayChoices } from '../../gateway/config/gateway-config.ts'
import { type House, openHouse, runProgramFile, temporaryFolder } from './house.ts'

const street = ['street', '--zone=north', '--seed=7', '--certificates=zone', '--log-level=warn']

export async function openStreetHouse(choices: Partial<GatewayChoices> = {}): Promise<House> {
  const dir = await temporaryFolder()
  const described = runProgramFile('devices-sim/main.ts', [
    ...street,
    '--describe',
    `--junctions-out=${dir}`,
  ])
  expect(await described.ended).toBe(0)
  const house = await openHouse({ junctions: dir, clock: 'event', ...choices })
  await house.certificates.of('simulator', 'north')
  return house
}

/** The street as a process of its own. */
export function runStreet(house: House, more: readonly string[]) {
  return runProgramFile('devices-sim/main.ts', [
    ...street,
    `--url=mqtts://localhost:${house.port}`,
    `--pki-dir=${house.certificates.dir}`,
    ...more,
  ])
}
