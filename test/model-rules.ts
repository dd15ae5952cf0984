import { EngineError, type ErrorKind } from '../src/mvcc/errors.ts'
import type {
  KeyRange,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
} from '../src/mvcc/types.ts'

/** Bytes as a string with one char per byte: strings of this kind sort as bytes do. */
export function text(raw: Uint8Array): string {
  return String.fromCharCode(...raw)
}

export function bytes(latin1: string): Uint8Array {
  return Uint8Array.from(latin1, (char) => char.charCodeAt(0))
}

export function inRange(range: KeyRange, key: Uint8Array): boolean {
  const [at, start, end] = [text(key), text(range.key), text(range.rangeEnd)]
  return end === '' ? at === start : at >= start && (end === '\0' || at < end)
}

export function refuse(kind: ErrorKind, condition: boolean): void {
  if (condition) {
    throw new EngineError(kind)
  }
}

export const EMPTY_TXN: TxnRequest = { compare: [], success: [], failure: [] }

/** What etcd refuses of a request without a look at its state. */
export function checkRange(request: RangeRequest): void {
  const { sortOrder, sortTarget } = request
  refuse('empty-key', request.key.length === 0)
  const known = sortOrder >= 0 && sortOrder <= 2 && sortTarget >= 0 && sortTarget <= 4
  refuse('invalid-sort-option', !known)
}

export function checkPut(request: PutRequest): void {
  refuse('empty-key', request.key.length === 0)
  refuse('value-provided', request.ignoreValue && request.value.length > 0)
  refuse('lease-provided', request.ignoreLease && request.lease !== 0n)
}

export function checkOps(request: TxnRequest, opsMax: number): void {
  const { compare, success, failure } = request
  const left = opsMax - Math.max(compare.length, success.length, failure.length)
  refuse('too-many-ops', left < 0)
  refuse(
    'empty-key',
    compare.some((each) => each.key.length === 0),
  )
  for (const op of [...success, ...failure]) {
    if (op.requestRange !== undefined) {
      checkRange(op.requestRange)
    } else if (op.requestPut !== undefined) {
      checkPut(op.requestPut)
    } else if (op.requestDeleteRange !== undefined) {
      refuse('empty-key', op.requestDeleteRange.key.length === 0)
    } else {
      refuse('key-not-found', op.requestTxn === undefined)
      checkOps(op.requestTxn ?? EMPTY_TXN, left)
    }
  }
}

/** A put or a delete of a branch, with the places and branches that lead to it. */
interface Leaf {
  readonly op: RequestOp
  readonly path: readonly number[]
}

/** Every second number of a path is an operation's place, those between say which branch. */
function leaves(ops: readonly RequestOp[], path: readonly number[]): Leaf[] {
  return ops.flatMap((op, place) => {
    const here = [...path, place]
    const { success, failure } = op.requestTxn ?? EMPTY_TXN
    return op.requestTxn === undefined
      ? [{ op, path: here }]
      : [...leaves(success, [...here, 0]), ...leaves(failure, [...here, 1])]
  })
}

/** Whether a branch changes a key in two ways that etcd does not put in order. */
export function isDuplicate(ops: readonly RequestOp[]): boolean {
  const all = leaves(ops, [])
  return all.some((a) => all.some((b) => a !== b && collide(a, b)))
}

/** Whether two leaves, of which the first is a put, may not stand in one transaction. */
function collide(a: Leaf, b: Leaf): boolean {
  const fork = a.path.findIndex((step, i) => step !== b.path[i])
  const inOneTxn = fork % 2 === 1
  if (a.op.requestPut === undefined || inOneTxn) {
    return false
  }
  const { key } = a.op.requestPut
  if (b.op.requestPut !== undefined) {
    return text(key) === text(b.op.requestPut.key)
  }
  const range = b.op.requestDeleteRange
  // etcd takes the "\0" of a delete from a key on for an end, behind which no key comes.
  if (range === undefined || text(range.rangeEnd) === '\0' || !inRange(range, key)) {
    return false
  }
  const direct = fork === a.path.length - 1 || fork === b.path.length - 1
  return direct || (b.path[fork] ?? 0) < (a.path[fork] ?? 0)
}
