import type * as z from 'zod'
import type { keyspaceSums } from '../../api/keyspaces.ts'
import type { AuthState, SourceHash } from './source.ts'

/** How many leases were brought, and how many of them cannot have expired meanwhile. */
export interface LeaseCounts {
  readonly all: number
  readonly lasting: number
}

interface Source {
  readonly hash: SourceHash
  readonly auth: AuthState | undefined
  /** Undefined where they were brought by an earlier run. */
  readonly leases: LeaseCounts | undefined
}

/** In what a keyspace is not as its source; empty where it is. */
export function differences(
  sums: z.output<typeof keyspaceSums>,
  { hash, auth, leases }: Source,
): readonly string[] {
  const problems: string[] = []
  const told = `${sums.hash} (compacted at ${sums.compactRevision})`
  const wanted = `${hash.hash} (compacted at ${hash.compactRevision})`
  if (told !== wanted) {
    problems.push(`its HashKV is ${told} and not ${wanted}`)
  }
  if (auth !== undefined && auth.revision !== sums.authRevision) {
    problems.push(`its auth revision is ${sums.authRevision} and not ${auth.revision}`)
  }
  if (auth !== undefined && auth.enabled !== sums.authEnabled) {
    problems.push(`its auth is ${sums.authEnabled ? 'on' : 'off'}`)
  }
  if (leases !== undefined && (sums.leases > leases.all || sums.leases < leases.lasting)) {
    problems.push(`it has ${sums.leases} leases and not ${leases.all}`)
  }
  return problems
}
