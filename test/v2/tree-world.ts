import type { Sql } from '../../src/mvcc/sql.ts'
import { V2Error } from '../../src/v2/error.ts'
import type { V2Content, V2Store } from '../../src/v2/store.ts'
import { copyTree } from '../../src/v2/tree-copy.ts'

function cell(value: unknown): unknown {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value
}

/** All rows of a v2 store as a text: equal for equal ones. */
export function shownTree(sql: Sql): string {
  const { nodes, events, parts } = copyTree(sql)
  return [nodes, events, parts]
    .map((rows) => rows.map((row) => JSON.stringify(row.map(cell))).join('\n'))
    .join('\n\n')
}

const PATHS = ['/1/a', '/1/a/b', '/1/a/b/c', '/1/d', '/1/d/e', '/1/_f/g', '/2/users/root']

/** Something that a client may do to a v2 store. What is refused changes nothing. */
export function actOnTree(store: V2Store, below: (count: number) => number, now: number): void {
  const path = `${PATHS[below(PATHS.length)]}${below(3) === 0 ? '' : below(9)}`
  const content = (dir: boolean): V2Content => ({
    dir,
    value: dir ? '' : 'v'.repeat(below(below(20) === 0 ? 30_000 : 100)),
    expires: below(3) === 0 ? now + 1 + below(60_000) : undefined,
    refresh: false,
  })
  const kind = below(10)
  try {
    if (kind < 5) {
      store.set(path, content(below(5) === 0), now)
    } else if (kind === 5) {
      store.create(path, content(false), true, now)
    } else if (kind === 6) {
      store.update(path, { ...content(false), value: below(2) === 0 ? '' : 'updated' }, now)
    } else if (kind === 7) {
      store.compareAndSwap(path, { value: '', index: 0n }, content(false), now)
    } else if (kind === 8) {
      store.delete(below(4) === 0 ? '/1/a' : path, true, true, now)
    } else {
      store.expire(now, 3)
    }
  } catch (error) {
    if (!(error instanceof V2Error)) {
      throw error
    }
  }
}
