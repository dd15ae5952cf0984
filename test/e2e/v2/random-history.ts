// Random histories of /v2/keys: short, each on its own, with polls that hear what the rest does.
import type { Random } from '../random.ts'
import type { V2Request } from './ask.ts'

export interface Told {
  readonly kind: 'ask'
  readonly request: V2Request
}

/** A long poll or stream; what it hears is looked at when the history ends. */
export interface Opened {
  readonly kind: 'open'
  readonly request: V2Request
}

/** A moment in which TTLs of one second end. */
interface Passing {
  readonly kind: 'expire'
}

export type Action = Told | Opened | Passing

/** What the answers so far say, for indexes that may fit. */
export interface Known {
  /** The largest X-Etcd-Index. */
  readonly index: number
}

const names = ['a', 'b', 'c', '_h', 'd']
const oddNames = [
  '%C3%A4',
  'x%20y',
  'x+y',
  '_',
  '%2F',
  'a%2Fb',
  '.a',
  '..b',
  '%00',
  '%3C%26',
  '%F0%9F%98%80',
  'a:b',
  "it's",
]
const values = ['1', '2', '3', 'two words', 'ä€😀', '<&>', '"\\', '\u2028\n\t']
const form = { 'content-type': 'application/x-www-form-urlencoded' }

/** Takes away whatever an earlier history may have left. */
export const wiping: readonly Told[] = [...names, 'q'].map((name) => ({
  kind: 'ask',
  request: { method: 'DELETE', path: `/v2/keys/${name}?recursive=true` },
}))

type Fields = Record<string, string>

export function randomAction(random: Random, known: Known): Told | Opened {
  const path = randomPath(random)
  switch (
    random.weighted({
      set: 28,
      create: 6,
      update: 7,
      swap: 10,
      remove: 9,
      post: 6,
      get: 20,
      refresh: 4,
      wait: 9,
      odd: 4,
    })
  ) {
    case 'set':
      return write(random, 'PUT', path, { ...valueOrDir(random), ...maybeTtl(random) })
    case 'create':
      return write(random, 'PUT', path, {
        ...valueOrDir(random),
        ...maybeTtl(random),
        prevExist: 'false',
      })
    case 'update':
      return write(random, 'PUT', path, {
        ...valueOrDir(random),
        ...maybeTtl(random),
        prevExist: 'true',
      })
    case 'swap': {
      const method = random.pick(['PUT', 'PUT', 'DELETE'])
      const fields = method === 'PUT' ? { value: random.pick(values), ...maybeTtl(random) } : {}
      return write(random, method, path, { ...fields, ...comparison(random, known) })
    }
    case 'remove':
      return write(
        random,
        'DELETE',
        path,
        random.pick<Fields>([
          {},
          {},
          { dir: 'true' },
          { recursive: 'true' },
          { recursive: 'true', dir: 'false' },
        ]),
      )
    case 'post':
      return write(random, 'POST', random.pick([path, '/q', '/q/']), {
        ...valueOrDir(random),
        ...maybeTtl(random),
      })
    case 'get':
      return ask('GET', path, reading(random))
    case 'refresh':
      return write(random, 'PUT', path, {
        refresh: 'true',
        ttl: random.pick(['10000', '20000', '']),
        ...random.pick<Fields>([
          {},
          {},
          { prevExist: 'true' },
          comparison(random, known),
          { value: '1' },
        ]),
      })
    case 'wait':
      return { kind: 'open', request: ask('GET', path, waiting(random, known)).request }
    case 'odd':
      return oddRequest(random, path)
  }
}

/**
 * Sets that end in a second, one after the other. One that ends at once comes last: etcd looks for what
 * has ended twice a second, and the rest would depend on when.
 */
export function shortLived(random: Random): readonly Told[] {
  const count = random.integer(1, 4)
  return Array.from({ length: count }, (_, at) =>
    write(random, 'PUT', randomPath(random), {
      ...valueOrDir(random),
      ttl: random.pick(['1', '1', '1', '10000', '', at === count - 1 ? '0' : '1']),
      ...random.pick<Fields>([
        {},
        {},
        { prevExist: 'true' },
        { prevExist: 'false' },
        { refresh: 'true', value: '' },
      ]),
    }),
  )
}

function ask(method: string, path: string, fields: Fields): Told {
  const query = new URLSearchParams(fields).toString()
  return {
    kind: 'ask',
    request: { method, path: `/v2/keys${path}${query === '' ? '' : `?${query}`}` },
  }
}

/** In the query, in the body, or some here and some there. */
function write(random: Random, method: string, path: string, fields: Fields): Told {
  const all = random.chance(0.05) ? { ...fields, noValueOnSuccess: 'true' } : fields
  const inBody: Fields = {}
  const inQuery: Fields = {}
  for (const [name, value] of Object.entries(all)) {
    const place = method === 'DELETE' || random.chance(0.4) ? inQuery : inBody
    place[name] = value
  }
  const { kind, request } = ask(method, path, inQuery)
  const body = new URLSearchParams(inBody).toString()
  return { kind, request: body === '' ? request : { ...request, headers: form, body } }
}

function randomPath(random: Random): string {
  const depth = random.weighted({ 0: 2, 1: 50, 2: 35, 3: 13 })
  const parts = Array.from({ length: Number(depth) }, () =>
    random.chance(0.04) ? random.pick(oddNames) : random.pick(names),
  )
  const path = parts.map((part) => `/${part}`).join('')
  return random.chance(0.05) ? `${path}/` : path
}

function valueOrDir(random: Random): Fields {
  if (random.chance(0.12)) {
    return {
      dir: random.pick(['true', '1', 'T', 'false']),
      ...(random.chance(0.1) && { value: '1' }),
    }
  }
  return random.chance(0.05) ? {} : { value: random.chance(0.03) ? '' : random.pick(values) }
}

/** Longer than a run takes: what has an odd name is wiped by nobody, and etcd looks for what has ended twice a second. */
const maybeTtl = (random: Random): Fields =>
  random.chance(0.15) ? { ttl: random.pick(['10000', '20000', '30000', '', '']) } : {}

function comparison(random: Random, known: Known): Fields {
  const index = String(Math.max(0, known.index - random.integer(-1, 6)))
  return random.pick<Fields>([
    { prevValue: random.pick(values) },
    { prevValue: random.pick(['1', '2']) },
    { prevIndex: index },
    { prevIndex: index },
    { prevIndex: index, prevValue: random.pick(['1', '2']) },
    { prevIndex: index, prevExist: random.pick(['true', 'false']) },
    { prevValue: '1', prevExist: 'true' },
    { prevValue: '' },
    { prevIndex: '0' },
  ])
}

function reading(random: Random): Fields {
  return {
    ...(random.chance(0.4) && { recursive: 'true' }),
    ...(random.chance(0.5) && { sorted: 'true' }),
    ...(random.chance(0.15) && { quorum: random.pick(['true', 'false']) }),
  }
}

function waiting(random: Random, known: Known): Fields {
  const back = random.pick([-3, -1, 0, 1, 3, 10, 40])
  return {
    wait: 'true',
    ...(random.chance(0.6) && { recursive: 'true' }),
    ...(random.chance(0.4) && { waitIndex: String(Math.max(0, known.index - back)) }),
    ...(random.chance(0.05) && {
      waitIndex: random.pick(['1', '900', 'x', '18446744073709551615']),
    }),
    ...(random.chance(0.3) && { stream: 'true' }),
  }
}

const oddFields: readonly Fields[] = [
  { recursive: 'x' },
  { sorted: '' },
  { dir: 'yes' },
  { ttl: '-1' },
  { ttl: '1.5' },
  { prevIndex: '1x' },
  { prevExist: '' },
  { refresh: 'x' },
  { refresh: 'true' },
  { waitIndex: '-1' },
  { wait: 'true' },
  { stream: 'true' },
  { quorum: '2' },
  { noValueOnSuccess: 'maybe' },
  { unknown: '1' },
]

function oddRequest(random: Random, path: string): Told {
  const method = random.pick(['GET', 'PUT', 'POST', 'DELETE', 'HEAD', 'PATCH', 'OPTIONS'])
  const isWaiting = (fields: Fields): boolean => fields['wait'] === 'true' && method === 'GET'
  const fields = random.pick(oddFields.filter((each) => !isWaiting(each)))
  const oddPath = random.chance(0.2)
    ? `${path}${random.pick(['//a', '/../b', '/./c', '/..'])}`
    : path
  return method === 'GET' || method === 'HEAD' || random.chance(0.5)
    ? ask(method, oddPath, fields)
    : write(random, method, oddPath, { ...fields, value: '1' })
}
