import type { V2Permissions } from '../protocol/v2-service-call.ts'
import { V2AuthError } from './auth-error.ts'

/** Whether patterns let somebody at a key: one is the key, or ends in a star and begins it. */
export function matches(patterns: readonly string[] | undefined, key: string): boolean {
  return (patterns ?? []).some((pattern) =>
    pattern.endsWith('*')
      ? key.startsWith(pattern.slice(0, -1))
      : pattern !== '' && pattern === key,
  )
}

/** The same for a key and all below it, which takes a pattern with a star. */
export function matchesBelow(patterns: readonly string[] | undefined, key: string): boolean {
  return (patterns ?? []).some(
    (pattern) => pattern.endsWith('*') && key.startsWith(pattern.slice(0, -1)),
  )
}

/** Throws a V2AuthError for what is there already. */
export function granted(
  permissions: V2Permissions,
  more: V2Permissions | undefined,
): V2Permissions {
  if (more === undefined) {
    return permissions
  }
  return {
    read: listWith(permissions.read, more.read, 'read'),
    write: listWith(permissions.write, more.write, 'write'),
  }
}

/** What was never granted is not missed. */
export function revoked(
  permissions: V2Permissions,
  less: V2Permissions | undefined,
): V2Permissions {
  if (less === undefined) {
    return permissions
  }
  return {
    read: listWithout(permissions.read, less.read),
    write: listWithout(permissions.write, less.write),
  }
}

type List = readonly string[] | undefined

function listWith(list: List, more: List, kind: 'read' | 'write'): readonly string[] {
  const patterns = new Set(list)
  for (const pattern of more ?? []) {
    if (patterns.has(pattern)) {
      throw new V2AuthError(409, `Granting duplicate ${kind} permission ${pattern}`)
    }
    patterns.add(pattern)
  }
  return [...patterns].toSorted()
}

function listWithout(list: List, less: List): readonly string[] {
  const gone = new Set(less)
  return [...new Set(list)].filter((pattern) => !gone.has(pattern)).toSorted()
}
