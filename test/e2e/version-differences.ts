// What older etcds answer differently from 3.7: each difference by name, and how far to compare.
import type { ComparableAnswer } from './comparable.ts'
import { isObject, type Json, type JsonObject } from './http.ts'
import type { RandomRequest } from './random-request.ts'

export type Encoding = 'json' | 'grpc'

export interface VersionDifference {
  readonly name: string
  /** The first etcd that answers as 3.7 does. */
  readonly since: string
  /** Where it shows, if not everywhere. */
  readonly encoding?: Encoding
  readonly applies: (request: RandomRequest) => boolean
  /**
   * `skip`: sent to neither, since there is nothing to compare, or one of the two would write.
   * A function maps both answers to what they still share.
   */
  readonly effect: 'skip' | ((answer: ComparableAnswer) => ComparableAnswer)
}

/** The old gateway parses with another library, which is more, and sometimes less, lenient. */
const parsedOtherwise: ReadonlySet<string> = new Set([
  'a character too many',
  'a character less',
  'another value',
  'bad UTF-8',
  'bad base64',
  'base64 unpadded',
  'base64 URL-safe',
  'escapes in base64',
  'broken string',
  'both spellings',
  'duplicate field',
  'integer as a float',
  'not an integer',
  'huge integer',
  'negative zero',
  'unknown enum name',
  'enum out of range',
  'enum as a float',
  'null in a list',
  'null in a oneof',
  'two of a oneof',
  'list of others',
  'lone surrogate',
  'wrong type',
])

const versionDifferences: readonly VersionDifference[] = [
  {
    name: 'HashKV has no path of its own',
    since: '3.5.0',
    encoding: 'json',
    applies: ({ path }) => path === '/v3/maintenance/hashkv',
    effect: 'skip',
  },
  {
    name: 'HashKV does not say the hashed revision',
    since: '3.6.0',
    applies: ({ path }) => path === '/v3/maintenance/hashkv',
    effect: (answer) => changeBody(answer, ({ hash_revision: _, ...body }) => body),
  },
  {
    name: 'bodies that the old JSON library takes for something else',
    since: '3.6.0',
    applies: ({ flaw }) => flaw !== undefined && parsedOtherwise.has(flaw),
    effect: 'skip',
  },
  {
    name: 'bad JSON fails a stream instead of ending its input',
    since: '3.6.0',
    applies: ({ path, flaw }) => flaw !== undefined && path === '/v3/lease/keepalive',
    effect: 'skip',
  },
  {
    name: 'other words for bad JSON',
    since: '3.6.0',
    encoding: 'json',
    applies: ({ flaw }) => flaw !== undefined,
    effect: (answer) => changeBody(answer, ({ message: _, ...body }) => body),
  },
  {
    name: 'error bodies repeat the message as "error"',
    since: '3.6.0',
    applies: () => true,
    effect: (answer) => changeBody(answer, ({ error: _, ...body }) => body),
  },
  {
    name: 'FailedPrecondition is 412',
    since: '3.6.0',
    applies: () => true,
    effect: (answer) => (answer.status === 412 ? { ...answer, status: 400 } : answer),
  },
  {
    name: 'puts of a transaction are checked before its ranges, and their leases last',
    since: '3.6.0',
    applies: ({ path }) => path === '/v3/kv/txn',
    effect: (answer) => (failedCheck(answer) ? { ...answer, status: 0, body: null } : answer),
  },
  {
    name: 'other words for bytes that are no message',
    since: '3.7.0',
    encoding: 'grpc',
    applies: ({ flaw }) => flaw !== undefined,
    effect: (answer) => changeBody(answer, ({ message: _, ...body }) => body),
  },
  {
    name: 'HashKV looks at its revision otherwise, and no hash is remembered by a compaction',
    since: '3.6.0',
    encoding: 'grpc',
    applies: ({ path }) => path === '/v3/maintenance/hashkv',
    effect: 'skip',
  },
  {
    name: 'lists are not streamed, so that none is refused for being streamed',
    since: '3.7.0',
    encoding: 'grpc',
    applies: ({ path, message }) =>
      path.endsWith('/RangeStream') &&
      Object.keys(message).some((name) => /^sort_|^(min|max)_/.test(name)),
    effect: 'skip',
  },
  {
    name: 'keys_only tells the lease',
    since: '3.7.0',
    applies: ({ message }) => JSON.stringify(message).includes('keys_only'),
    effect: (answer) => ({ ...answer, body: withoutLeases(answer.body) }),
  },
]

/** The differences between 3.7 and the given version of etcd, such as `3.4.23`. */
export function differencesOf(
  version: string,
  asked: Encoding,
  among: readonly VersionDifference[] = versionDifferences,
): readonly VersionDifference[] {
  return among.filter(({ since, encoding = asked }) => encoding === asked && older(version, since))
}

export function older(version: string, than: string): boolean {
  return version.localeCompare(than, 'en', { numeric: true }) < 0
}

/** Which failure is told when a transaction has several depends on the order of the checks. */
function failedCheck({ body }: ComparableAnswer): boolean {
  return (
    isObject(body) &&
    (body['code'] === 5 || body['code'] === 11 || body['message'] === 'etcdserver: key not found')
  )
}

export function changeBody(
  answer: ComparableAnswer,
  change: (body: JsonObject) => JsonObject,
): ComparableAnswer {
  return isObject(answer.body) ? { ...answer, body: change(answer.body) } : answer
}

/** A request may hold many ranges: the lease is left out of every key-value in the answer. */
function withoutLeases(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map((element: Json) => withoutLeases(element))
  }
  if (!isObject(value)) {
    return value
  }
  const fields = Object.entries(value).filter(([name]) => name !== 'lease')
  return Object.fromEntries(fields.map(([name, field = null]) => [name, withoutLeases(field)]))
}
