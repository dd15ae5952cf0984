import { bytesOfText } from '../protocol/byte-text.ts'
import type { V2KeysCall, V2Method, V2UnreadableCall } from '../protocol/v2-call.ts'
import type { V2Credentials } from '../protocol/v2-credentials.ts'
import type { V2ErrorCode, V2Refusal } from '../protocol/v2-error.ts'
import { FormError, type FormSource, parseForm, type V2Form } from './v2-form.ts'

/** A request that is refused before the store is asked. */
class V2RequestError extends Error {
  override readonly name = 'V2RequestError'
  readonly refusal: V2Refusal

  constructor(code: V2ErrorCode, cause: string) {
    super(cause)
    this.refusal = { code, cause, index: 0 }
  }
}

const UINT64_MAX = 0xffff_ffff_ffff_ffffn
/** Of a path and a value together: what fits into a row of the store. */
const NODE_BYTES_MAX = 1_572_864
const PATH_BYTES_MAX = 65_536

export interface V2KeysRequest extends FormSource {
  readonly method: V2Method
  /** Clean, below /v2/keys. */
  readonly path: string
  /** As it was asked for. */
  readonly askedPath: string
  readonly credentials: V2Credentials
}

/** What the shard is asked, be it that somebody hears why nothing is. */
export function keysCall(asked: V2KeysRequest): V2KeysCall | V2UnreadableCall {
  try {
    return readCall(asked)
  } catch (error) {
    if (error instanceof V2RequestError) {
      return { on: 'unreadable', refusal: error.refusal }
    }
    throw error
  }
}

/** What a request asks that says no more than a value. */
const plainCall = {
  on: 'keys',
  dir: false,
  prevValue: '',
  prevIndex: 0n,
  prevExist: undefined,
  ttl: undefined,
  refresh: false,
  recursive: false,
  quorum: false,
  wait: false,
  stream: false,
  waitIndex: 0n,
  noValueOnSuccess: false,
} as const

/** In etcd's order (parseKeyRequest). Throws a V2RequestError. */
function readCall(asked: V2KeysRequest): V2KeysCall {
  const { method, path, askedPath, credentials } = asked
  const form = formOf(asked)
  if (form.hasOnly('value')) {
    // A set, mostly: nothing of what follows can be wrong, and looking for each takes longer than all else.
    const value = form.get('value')
    requireFits(path, value)
    return { ...plainCall, method, path, askedPath, value, credentials }
  }
  const prevIndex = uint64(form, 'prevIndex', 203)
  const waitIndex = uint64(form, 'waitIndex', 203)
  // In the order in which etcd looks at them. Lists are sorted here whether that is asked for or not.
  const recursive = flag(form, 'recursive')
  flag(form, 'sorted')
  const wait = flag(form, 'wait')
  const dir = flag(form, 'dir')
  const quorum = flag(form, 'quorum')
  const stream = flag(form, 'stream')
  if (wait && method !== 'GET') {
    throw new V2RequestError(209, '"wait" can only be used with GET requests')
  }
  const prevValue = form.get('prevValue')
  if (form.has('prevValue') && prevValue === '') {
    throw new V2RequestError(201, '"prevValue" cannot be empty')
  }
  const noValueOnSuccess = flag(form, 'noValueOnSuccess')
  const ttl = form.get('ttl') === '' ? undefined : uint64(form, 'ttl', 202)
  const prevExist = form.has('prevExist')
    ? flag(form, 'prevExist', 'invalid value for prevExist')
    : undefined
  const refresh = refreshOf(form, ttl)
  const value = form.get('value')
  requireFits(path, value)
  return {
    on: 'keys',
    method,
    path,
    askedPath,
    value,
    dir,
    prevValue,
    prevIndex,
    prevExist,
    ttl,
    refresh,
    recursive,
    quorum,
    wait,
    stream,
    waitIndex,
    noValueOnSuccess,
    credentials,
  }
}

function requireFits(path: string, value: string): void {
  // A text has at most three bytes for each of its units: that small they need not be counted.
  if (3 * (path.length + value.length) <= PATH_BYTES_MAX) {
    return
  }
  const pathBytes = bytesOfText(path).length
  if (pathBytes > PATH_BYTES_MAX || pathBytes + bytesOfText(value).length > NODE_BYTES_MAX) {
    throw new V2RequestError(210, 'http: POST too large')
  }
}

function formOf(source: FormSource): V2Form {
  try {
    return parseForm(source)
  } catch (error) {
    throw error instanceof FormError ? new V2RequestError(210, error.message) : error
  }
}

function refreshOf(form: V2Form, ttl: bigint | undefined): boolean {
  const refresh = form.has('refresh') && flag(form, 'refresh', 'invalid value for refresh')
  if (refresh && form.get('value') !== '') {
    throw new V2RequestError(211, 'A value was provided on a refresh')
  }
  if (refresh && ttl === undefined) {
    throw new V2RequestError(212, 'No TTL value set')
  }
  return refresh
}

/** Go's strconv.ParseUint, of decimal digits; 0 where it is not there. */
function uint64(form: V2Form, name: string, code: V2ErrorCode): bigint {
  if (!form.has(name)) {
    return 0n
  }
  const text = form.get(name)
  const value = /^\d+$/.test(text) ? BigInt(text) : undefined
  if (value === undefined || value > UINT64_MAX) {
    throw new V2RequestError(code, `invalid value for "${name}"`)
  }
  return value
}

const truths: ReadonlySet<string> = new Set(['1', 't', 'T', 'TRUE', 'true', 'True'])
const lies: ReadonlySet<string> = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False'])

/** Go's strconv.ParseBool; false where it is not there. */
function flag(form: V2Form, name: string, problem = `invalid value for "${name}"`): boolean {
  if (!form.has(name)) {
    return false
  }
  const text = form.get(name)
  if (!truths.has(text) && !lies.has(text)) {
    throw new V2RequestError(209, problem)
  }
  return truths.has(text)
}
