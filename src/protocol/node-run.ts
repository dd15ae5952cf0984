let run: string | undefined

/** Tells this run of the runtime from others, on whichever node. No randomness is to be had before the first event. */
export function runOfIsolate(): string {
  run ??= crypto.randomUUID()
  return run
}

const linked = new Set<string>()

/**
 * The shards of this isolate that links of others than the own node are connected to, by their ids. A node of a
 * cluster that is about to stop has them tell those: its Worker and its objects share an isolate.
 */
export const linkedShards: ReadonlySet<string> = linked

/** So many are, to that one. */
export function linksOf(shard: string, count: number): void {
  if (count > 0) {
    linked.add(shard)
  } else {
    linked.delete(shard)
  }
}
