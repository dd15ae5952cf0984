import { waitUntil } from 'cloudflare:workers'
import { DEFAULT_KEYSPACE, isKeyspaceName } from '../config/keyspace-name.ts'
import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import { leaderStub } from '../protocol/object-address.ts'
import type { LeadershipRpc } from '../protocol/replica-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import { DirectoryClient } from './directory-client.ts'

/** Many more than an isolate serves at a time; an entry is some hundred bytes. */
const ADDRESSES_MAX = 10_000
/** Where replicas are is asked again by the first request after so many ms. */
const FRESH_MS = 30_000

interface Known {
  readonly address: KeyspaceAddress
  asked: number
}

/** By the namespace, which all requests of the isolate share, and by name. */
const known = new WeakMap<Env['DIRECTORY'], Map<string, Known>>()

/** The one of the plain paths. */
const defaultAddress: KeyspaceAddress = { name: DEFAULT_KEYSPACE, jurisdiction: undefined }

/**
 * Where a keyspace is. The directory is asked once in an isolate, and for the one that is always there only where it has
 * replicas. Throws an RpcStatus where there is no such keyspace.
 */
export function keyspaceAddress(
  name: string,
  environment: Env,
): KeyspaceAddress | Promise<KeyspaceAddress> {
  const found = addressesOf(environment).get(name)
  if (found !== undefined) {
    return found.address
  }
  if (name === DEFAULT_KEYSPACE) {
    return defaultAddress
  }
  if (!isKeyspaceName(name)) {
    throw statusOf('keyspace-not-found')
  }
  return askDirectory(name, environment)
}

/** Asks the directory now. Rejects with an RpcStatus where there is no such keyspace. */
export async function askDirectory(name: string, environment: Env): Promise<KeyspaceAddress> {
  const asked = Date.now()
  const address = await new DirectoryClient(environment).read((all) => all.find(name))
  if (address === undefined) {
    addressesOf(environment).delete(name)
    throw statusOf('keyspace-not-found')
  }
  remember({ address, asked }, environment)
  return address
}

/** Asks it, and where another one leads by now, tells so to the one that was asked until then. */
export async function askAnew(address: KeyspaceAddress, environment: Env): Promise<void> {
  const { leader, epoch } = await askDirectory(address.name, environment)
  if (leader !== address.leader && epoch !== undefined) {
    // The types of a stub wrap answers.
    const former = leaderStub(environment, address) as unknown as LeadershipRpc
    await former.deposed(epoch)
  }
}

/**
 * Asks now and then who is nearest, and whether a leader that was passed over is still asked from here. The request itself
 * does not wait for it.
 */
export function refreshAddress(address: KeyspaceAddress, environment: Env): void {
  const { name } = address
  const now = Date.now()
  const found = addressesOf(environment).get(name)
  if (found !== undefined && now - found.asked < FRESH_MS) {
    return
  }
  remember({ address, asked: now }, environment)
  waitUntil(askAnew(address, environment).catch(() => undefined))
}

/** The shard has said that it is not so, or not any more: the next request asks the directory. */
export function forgetAddress({ name }: KeyspaceAddress, environment: Env): void {
  addressesOf(environment).delete(name)
}

function remember(entry: Known, environment: Env): void {
  const addresses = addressesOf(environment)
  if (addresses.size >= ADDRESSES_MAX) {
    addresses.clear()
  }
  addresses.set(entry.address.name, entry)
}

function addressesOf({ DIRECTORY }: Env): Map<string, Known> {
  let addresses = known.get(DIRECTORY)
  if (addresses === undefined) {
    addresses = new Map()
    known.set(DIRECTORY, addresses)
  }
  return addresses
}
