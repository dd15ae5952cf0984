import { bytesOf, numberOf, type Sql, type SqlParam, type SqlRow } from '../mvcc/sql.ts'
import { bytesOfText, textOfBytes } from '../protocol/byte-text.ts'
import { childOf, nameOf, parentOf, prefixOf, ROOT } from './path.ts'

const COLUMNS = 'parent, name, created, modified, expires, value'
export const SELECT_NODE = `SELECT ${COLUMNS} FROM v2_node WHERE parent = ? AND name = ?`
export const SELECT_CHILDREN = `SELECT ${COLUMNS} FROM v2_node WHERE parent = ? ORDER BY name`
export const SELECT_BELOW = `SELECT ${COLUMNS} FROM v2_node WHERE parent >= ? AND parent < ? ORDER BY parent, name`
const SELECT_ANY_CHILD = 'SELECT 1 FROM v2_node WHERE parent = ? LIMIT 1'
const SELECT_EXPIRED = `SELECT ${COLUMNS} FROM v2_node WHERE expires <= ? ORDER BY expires, parent, name LIMIT 1`
const SELECT_FIRST_EXPIRY = 'SELECT min(expires) FROM v2_node WHERE expires IS NOT NULL'
export const UPSERT_NODE = `
INSERT INTO v2_node (parent, name, created, modified, expires, value) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (parent, name) DO UPDATE SET created = excluded.created, modified = excluded.modified,
  expires = excluded.expires, value = excluded.value`
const DELETE_NODE = 'DELETE FROM v2_node WHERE parent = ? AND name = ?'
const DELETE_CHILDREN = 'DELETE FROM v2_node WHERE parent = ?'
const DELETE_BELOW = 'DELETE FROM v2_node WHERE parent >= ? AND parent < ?'

export interface V2Node {
  readonly path: string
  readonly created: number
  readonly modified: number
  /** Milliseconds since 1970; undefined for never. */
  readonly expires: number | undefined
  /** A byte text; undefined for a directory. */
  readonly value: string | undefined
}

/** They are there without a row, and stay (the namespaces of etcd's store). */
const standing: ReadonlySet<string> = new Set([ROOT, '/0', '/1'])

/** Whether nobody may change the node itself. */
export function isReadOnly(path: string): boolean {
  return standing.has(path)
}

/** The tree's nodes, by their paths. Whoever adds one sees to it that its parent is a directory. */
export class NodeTable {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  get(path: string): V2Node | undefined {
    if (standing.has(path)) {
      return { path, created: 0, modified: 0, expires: undefined, value: undefined }
    }
    const row = this.#sql.first(SELECT_NODE, bytesOfText(parentOf(path)), bytesOfText(nameOf(path)))
    return row && nodeOf(row)
  }

  put(node: V2Node): void {
    this.#sql.run(UPSERT_NODE, ...cellsOf(node, keyOf(node.path)))
  }

  /** In the order of their names. */
  children(path: string): readonly V2Node[] {
    return this.#sql.all(SELECT_CHILDREN, bytesOfText(path)).map(nodeOf)
  }

  hasChildren(path: string): boolean {
    return this.#sql.first(SELECT_ANY_CHILD, bytesOfText(path)) !== undefined
  }

  /** All nodes below a directory by the directory that they are in, those of each in order. */
  below(path: string): ReadonlyMap<string, readonly V2Node[]> {
    const directories = new Map<string, V2Node[]>([[path, [...this.children(path)]]])
    for (const row of this.#sql.iterate(SELECT_BELOW, ...rangeBelow(path))) {
      const node = nodeOf(row)
      const parent = parentOf(node.path)
      const siblings = directories.get(parent)
      if (siblings === undefined) {
        directories.set(parent, [node])
      } else if (parent !== path) {
        siblings.push(node)
      }
    }
    return directories
  }

  /** With all that is below it. */
  delete({ path, value }: V2Node): void {
    this.deleteAt(path, value === undefined)
  }

  deleteAt(path: string, isDirectory: boolean): void {
    if (isDirectory) {
      this.#sql.run(DELETE_CHILDREN, bytesOfText(path))
      this.#sql.run(DELETE_BELOW, ...rangeBelow(path))
    }
    this.#sql.run(DELETE_NODE, bytesOfText(parentOf(path)), bytesOfText(nameOf(path)))
  }

  /** The one that has expired first. */
  firstExpired(now: number): V2Node | undefined {
    const row = this.#sql.first(SELECT_EXPIRED, now)
    return row && nodeOf(row)
  }

  /** Milliseconds since 1970; undefined for none. */
  firstExpiry(): number | undefined {
    const [first] = this.#sql.first(SELECT_FIRST_EXPIRY) ?? []
    return first === null ? undefined : numberOf(first)
  }
}

/** A path in bytes, and its two parts, by which a row is found. */
export interface NodeKey {
  readonly path: Uint8Array
  readonly parent: Uint8Array
  readonly name: Uint8Array
}

export function keyOf(path: string): NodeKey {
  return {
    path: bytesOfText(path),
    parent: bytesOfText(parentOf(path)),
    name: bytesOfText(nameOf(path)),
  }
}

/** A node's row: parent, name, created, modified, expires, value. */
export function cellsOf(node: V2Node, { parent, name }: NodeKey): readonly SqlParam[] {
  const { created, modified, expires, value } = node
  const bytes = value === undefined ? null : bytesOfText(value)
  return [parent, name, created, modified, expires ?? null, bytes]
}

function nodeOf([parent, name, created, modified, expires, value]: SqlRow): V2Node {
  return {
    path: childOf(textOfBytes(bytesOf(parent)), textOfBytes(bytesOf(name))),
    created: numberOf(created),
    modified: numberOf(modified),
    expires: expires === null ? undefined : numberOf(expires),
    value: value === null ? undefined : textOfBytes(bytesOf(value)),
  }
}

/** Between the parents of what lies deeper than a directory's own children. */
export function rangeBelow(path: string): [Uint8Array, Uint8Array] {
  const start = bytesOfText(prefixOf(path))
  const end = start.slice()
  // A slash is followed by 0 in the order of bytes.
  end[end.length - 1] = 0x30
  return [start, end]
}
