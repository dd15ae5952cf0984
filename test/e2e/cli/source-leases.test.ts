import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { parseClientFlags } from '../../../src/cli/flags.ts'
import { migrateTable } from '../../../src/cli/migrate/flag-table.ts'
import { SourceClient } from '../../../src/cli/migrate/source-client.ts'
import { SourceLeases } from '../../../src/cli/migrate/source-leases.ts'
import type { Lease } from '../../../src/protocol/generated/messages.ts'
import { startServer } from '../server.ts'

const TTL = 600

const lines = (leases: readonly Lease[]): readonly string[] =>
  leases.map((lease) => `${lease.ID} ${lease.TTL} ${lease.RemainingTTL}`).toSorted()

it('[MOV14] asks again for the leases of which the least is left, and gives the others all of their TTL', async () => {
  const server = await startServer()
  onTestFinished(() => server.stop())
  const { flags } = parseClientFlags(migrateTable, [`--from=${server.url}`], {})
  const client = new SourceClient(flags)
  onTestFinished(() => client.close())
  const grant = (ID: bigint) => client.call('/etcdserverpb.Lease/LeaseGrant', { ID, TTL })
  const leases = new SourceLeases(client)
  await grant(1n)
  await grant(2n)
  await sleep(2_100)
  await leases.look()
  await grant(3n)
  await client.call('/etcdserverpb.Lease/LeaseRevoke', { ID: 2n })
  // One that was granted since is asked for, whatever time that takes.
  expect(lines(await leases.atRest(0))).toEqual([`1 ${TTL} ${TTL}`, `3 ${TTL} ${TTL}`])
  const asked = await leases.atRest(60_000)
  expect(lines(asked).map((line) => line[0])).toEqual(['1', '3'])
  expect(asked.find(({ ID }) => ID === 1n)?.RemainingTTL).toBeLessThan(TTL)
})
