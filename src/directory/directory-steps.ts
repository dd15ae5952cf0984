import type { Creation, Refused } from '../protocol/shard-rpc.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import type { KeyspaceEntry } from './directory-rpc.ts'

/** A shard is lost at being destroyed, and may be lost at anything else. */
const ATTEMPTS_MAX = 4

export async function persevering<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = ATTEMPTS_MAX - 1; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (left === 0) {
        throw error
      }
    }
  }
}

/** It is not there until it is whole. */
export function isRestoring({ restore, state }: KeyspaceEntry): boolean {
  return restore !== undefined && state !== 'ready'
}

export function creationOf({ created, options }: KeyspaceEntry): Creation {
  const { quotaBackendBytes, autoCompactionMode, autoCompactionRetention, enableV2 } = options
  return { created, quotaBackendBytes, autoCompactionMode, autoCompactionRetention, enableV2 }
}

export function refusal({ code, message }: RpcStatus): Refused {
  return { refused: { code, message } }
}

/** The alarm goes on with it. */
export function unfinished(name: string, error: unknown): RpcStatus {
  // oxlint-disable-next-line no-console -- a Durable Object's log is its console
  console.error(error)
  return new RpcStatus(Code.UNAVAILABLE, `keyspace ${name} could not be reached; still trying`)
}
