import { DEFAULT_KEYSPACE, isKeyspaceName } from '../config/keyspace-name.ts'
import { DIRECTORY_NAME, type KeyspaceAddress } from '../directory/directory-rpc.ts'
import { statusOf } from '../protocol/status.ts'

/** Many more than an isolate serves at a time; an entry is some hundred bytes. */
const ADDRESSES_MAX = 10_000

/** By the namespace, which all requests of the isolate share, and by name. */
const known = new WeakMap<Env['DIRECTORY'], Map<string, KeyspaceAddress>>()

/** The one of the plain paths. */
export const defaultAddress: KeyspaceAddress = { name: DEFAULT_KEYSPACE, jurisdiction: undefined }

/**
 * Where a keyspace is. The directory is asked once in an isolate, and never for the one that is
 * always there. Throws an RpcStatus where there is no such keyspace.
 */
export function keyspaceAddress(
  name: string,
  environment: Env,
): KeyspaceAddress | Promise<KeyspaceAddress> {
  if (name === DEFAULT_KEYSPACE) {
    return defaultAddress
  }
  if (!isKeyspaceName(name)) {
    throw statusOf('keyspace-not-found')
  }
  return addressesOf(environment).get(name) ?? askDirectory(name, environment)
}

async function askDirectory(name: string, environment: Env): Promise<KeyspaceAddress> {
  const address = await environment.DIRECTORY.getByName(DIRECTORY_NAME).find(name)
  if (address === undefined) {
    throw statusOf('keyspace-not-found')
  }
  const addresses = addressesOf(environment)
  if (addresses.size >= ADDRESSES_MAX) {
    addresses.clear()
  }
  addresses.set(name, address)
  return address
}

/** The shard has said that it is not so, or not any more: the next request asks the directory. */
export function forgetAddress({ name }: KeyspaceAddress, environment: Env): void {
  addressesOf(environment).delete(name)
}

function addressesOf({ DIRECTORY }: Env): Map<string, KeyspaceAddress> {
  let addresses = known.get(DIRECTORY)
  if (addresses === undefined) {
    addresses = new Map()
    known.set(DIRECTORY, addresses)
  }
  return addresses
}
