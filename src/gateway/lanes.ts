import type { KeyspaceAddress } from '../directory/directory-rpc.ts'
import { BATCH_BYTES_MAX, Batches } from './batches.ts'
import type { Target } from './keyspace-objects.ts'

/**
 * An isolate batches the calls of so many objects. What is dropped is made again, and costs the
 * next call no more than its company.
 */
const LANES_MAX = 1024

/**
 * Reads and writes of one object leave in batches of their own, since a batch is back when the last
 * of its calls is, and a write takes a commit. So do reads for which a replica asks its leader.
 */
interface Lanes {
  readonly reads: Batches
  readonly questions: Batches
  readonly writes: Batches
}

/** By the namespace, which all requests of the isolate share, and the object's address in it. */
const lanes = new WeakMap<Env['SHARD'], Map<string, Lanes>>()

/** A call of so many bytes and its answer. */
interface Load {
  readonly kind: keyof Lanes
  readonly bytes: number
}

/** The batches that a call shares with others to the same object. One that may be long shares none. */
export function batchesTo(
  { SHARD }: Pick<Env, 'SHARD'>,
  address: KeyspaceAddress,
  { region, calls }: Target,
  { kind, bytes }: Load,
): Batches {
  if (bytes > BATCH_BYTES_MAX) {
    return new Batches(calls)
  }
  let byAddress = lanes.get(SHARD)
  if (byAddress === undefined) {
    byAddress = new Map()
    lanes.set(SHARD, byAddress)
  }
  const key = keyOf(address, region ?? address.leader)
  let found = byAddress.get(key)
  if (found === undefined) {
    found = {
      reads: new Batches(calls),
      questions: new Batches(calls),
      writes: new Batches(calls),
    }
    dropOldest(byAddress, LANES_MAX)
    byAddress.set(key, found)
  }
  return found[kind]
}

function keyOf({ name, jurisdiction }: KeyspaceAddress, region: string | undefined): string {
  const within = jurisdiction === undefined ? name : `${jurisdiction}/${name}`
  return region === undefined ? within : `${within}@${region}`
}

/** Makes room for one more. */
function dropOldest(map: Map<string, unknown>, max: number): void {
  const [oldest] = map.keys()
  if (oldest !== undefined && map.size >= max) {
    map.delete(oldest)
  }
}
