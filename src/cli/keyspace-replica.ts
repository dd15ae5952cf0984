import * as z from 'zod'
import { keyspaceReplicas, promotedReplica, replica } from '../api/replicas.ts'
import { type Region, regions } from '../config/region.ts'
import { ApiClient } from './api-client.ts'
import { clientTable, replicaPromoteTable, replicaTable } from './client-flag-table.ts'
import { Failure } from './failure.ts'
import { parseClientFlags } from './flags.ts'
import { onlyName } from './keyspace-arguments.ts'
import { type Environment, subcommands } from './subcommand.ts'
import { columns, writeOut } from './write-out.ts'

type Replica = z.output<typeof replica>

/** `keyspace replica add|list|remove|promote`: resolves to what is to be printed. Throws Failure. */
export const replicaCommand = subcommands('keyspace replica', { add, list, remove, promote })

async function add(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(replicaTable, args, environment)
  const name = onlyName('replica add', operands)
  const body = { region: regionOf(flags.region) }
  const request = { method: 'POST', path: `/keyspaces/${name}/replicas`, body } as const
  const added = await new ApiClient(flags).ask(request, replica)
  return writeOut(flags, added, () => `Replica of ${name} added in ${added.region}`)
}

async function list(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(clientTable, args, environment)
  const path = `/keyspaces/${onlyName('replica list', operands)}/replicas`
  const listed = await new ApiClient(flags).ask({ method: 'GET', path }, keyspaceReplicas)
  const { leader, replicas } = listed
  const first = [leader.region ?? '-', 'leader', shown(leader.revision), '']
  return writeOut(flags, listed, () => columns([first, ...replicas.map(lineOf)]))
}

function lineOf({ region, state, revision, lagRevisions }: Replica): readonly string[] {
  const lag = lagRevisions === undefined ? '' : `${lagRevisions} behind`
  return [region, state, shown(revision), state === 'asleep' ? '' : lag]
}

function shown(revision: number | undefined): string {
  return revision === undefined ? '-' : String(revision)
}

async function remove(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(replicaTable, args, environment)
  const name = onlyName('replica remove', operands)
  const region = regionOf(flags.region)
  const path = `/keyspaces/${name}/replicas/${region}`
  await new ApiClient(flags).ask({ method: 'DELETE', path }, z.undefined())
  return writeOut(flags, { name, region }, () => `Replica of ${name} in ${region} removed`)
}

async function promote(args: readonly string[], environment: Environment): Promise<string> {
  const { flags, operands } = parseClientFlags(replicaPromoteTable, args, environment)
  const name = onlyName('replica promote', operands)
  if (flags.region === '' && !flags.force) {
    throw new Failure('keyspace replica promote takes --region, or --force for the furthest one', 2)
  }
  const body = {
    ...(flags.region !== '' && { region: regionOf(flags.region) }),
    force: flags.force,
  }
  const request = { method: 'POST', path: `/keyspaces/${name}/leader`, body } as const
  const promoted = await new ApiClient(flags).ask(request, promotedReplica)
  const { region, revision, missing, isWhole } = promoted
  const loss = isWhole
    ? ''
    : `\nThe former leader did not answer: ${missing} revisions are known to be missing, and there may have been more`
  return writeOut(
    flags,
    promoted,
    () => `Keyspace ${name} is led from ${region}, at revision ${revision}${loss}`,
  )
}

function regionOf(text: string): Region {
  const region = regions.find((one) => one === text)
  if (region === undefined) {
    throw new Failure(`--region takes one of ${regions.join(', ')}`, 2)
  }
  return region
}
