import { V2_KEYS_PREFIX } from '../protocol/v2-call.ts'

/**
 * Paths in the store are clean and absolute: `/`, `/1`, `/1/foo`. Their order, and that of siblings, is that of
 * their bytes.
 */
export const ROOT = '/'

export function childOf(parent: string, name: string): string {
  return parent === ROOT ? `/${name}` : `${parent}/${name}`
}

/** `/` for a path of one part. */
export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || ROOT
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** The path and all above it, from the root on. */
export function lineage(path: string): readonly string[] {
  const paths = [ROOT]
  for (let slash = path.indexOf('/', 1); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    paths.push(path.slice(0, slash))
  }
  if (path !== ROOT) {
    paths.push(path)
  }
  return paths
}

/** What every path below that one begins with. */
export function prefixOf(path: string): string {
  return path === ROOT ? path : `${path}/`
}

/** A directory's list leaves them out. */
export function isHidden(path: string): boolean {
  return nameOf(path).startsWith('_')
}

/** Whether a change is hidden from who watches above it. What is removed with a directory above is not. */
export function isHiddenFrom(watched: string, changed: string): boolean {
  return watched.length <= changed.length && prefixed(changed.slice(watched.length)).includes('/_')
}

function prefixed(rest: string): string {
  return rest.startsWith('/') ? rest : `/${rest}`
}

/** Clients do not see where in the store their keys are. */
export function shownPath(path: string): string {
  return path.startsWith(V2_KEYS_PREFIX) ? path.slice(V2_KEYS_PREFIX.length) : path
}
