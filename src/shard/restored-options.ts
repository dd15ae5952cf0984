import type { ArchivedOptions } from '../archive/state.ts'
import type { Creation, RestoredOptions } from '../protocol/shard-rpc.ts'

/** What is not given is as the source has it. */
export function optionsFor(
  creation: Creation,
  archived: ArchivedOptions | undefined,
): RestoredOptions {
  const { quotaBackendBytes, autoCompactionMode, autoCompactionRetention } = creation
  // A retention is read by its mode: they go together.
  const isKept = autoCompactionRetention === undefined
  return {
    enableV2: creation.enableV2 ?? archived?.enableV2,
    quotaBackendBytes: quotaBackendBytes ?? archived?.quotaBackendBytes ?? undefined,
    autoCompactionMode: isKept ? (archived?.autoCompactionMode ?? undefined) : autoCompactionMode,
    autoCompactionRetention: isKept
      ? (archived?.autoCompactionRetention ?? undefined)
      : autoCompactionRetention,
  }
}
