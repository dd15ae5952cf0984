import type { Memory } from './compared-histories.ts'
import { asGrpcRequest } from './grpc-requests.ts'
// Random requests to every service, in the name of random users.
import { isObject, type Json, type JsonObject } from './http.ts'
import { randomAuthMessage, randomShown } from './random-auth.ts'
import { randomClusterMessage } from './random-cluster.ts'
import { randomFlaw } from './random-flaws.ts'
import { flag, randomInterval } from './random-messages.ts'
import { randomRecipeMessage } from './random-recipes.ts'
import type { Shown } from './random-request.ts'
import type { Message, RandomRequest } from './random-request.ts'
import { randomMessage } from './random-requests.ts'
import { spell } from './random-spelling.ts'
import type { Random } from './random.ts'

/** In JSON. */
export function randomVisit(random: Random, memory: Memory): RandomRequest {
  const { path, message } = randomVisitMessage(random, memory)
  const shown = shownWith(random, path, memory)
  if (isSturdy(path) && random.chance(0.06)) {
    return { ...randomFlaw(random, { path, message }), shown }
  }
  return { path, message, body: spell(random, message), shown }
}

/** Who logs in has, as a rule, nothing to show. */
function shownWith(random: Random, path: string, { logins }: Memory): Shown | undefined {
  const isLogin = path === '/v3/auth/authenticate'
  return isLogin && random.chance(0.6) ? undefined : randomShown(random, logins)
}

/** In protobuf. */
export function randomGrpcVisit(random: Random, memory: Memory): RandomRequest {
  const { path, message } = randomVisitMessage(random, memory)
  const shown = shownWith(random, path, memory)
  const flaws = isSturdy(path) ? 0.06 : 0
  return { ...asGrpcRequest(random, { path, message, flaws }), shown }
}

/**
 * Whether a range that ends before its start may be read depends on the shape of etcd's tree of
 * permissions, which was not made to look for one. Nobody has it in mind, and no key is in it.
 */
function randomVisitMessage(random: Random, memory: Memory): Message {
  for (;;) {
    const made = anyMessage(random, memory)
    if (made.path.startsWith('/v3/auth/') || !hasBackwardRange(made.message)) {
      return made
    }
  }
}

export function hasBackwardRange(value: Json | undefined): boolean {
  if (Array.isArray(value)) {
    return value.some(hasBackwardRange)
  }
  if (!isObject(value)) {
    return false
  }
  const [key, end] = [value['key'], value['range_end']].map((text) =>
    Buffer.from(String(text ?? ''), 'base64'),
  )
  const isOpen = end?.equals(Buffer.from('\0')) === true
  const isBackward = key !== undefined && end !== undefined && end.length > 0 && !isOpen
  return (isBackward && key.compare(end) >= 0) || Object.values(value).some(hasBackwardRange)
}

function anyMessage(random: Random, memory: Memory): Message {
  if (memory.expelled !== undefined && random.chance(0.7)) {
    return loginOf(memory.expelled)
  }
  switch (random.weighted({ auth: 35, kv: 35, recipe: 12, cluster: 12, watch: 6 })) {
    case 'auth':
      return randomAuthMessage(random)
    case 'kv':
      return randomMessage(random, memory)
    case 'recipe':
      return randomRecipeMessage(random, memory.elected)
    case 'cluster':
      return randomClusterMessage(random, memory)
    case 'watch':
      return { path: '/v3/watch', message: { create_request: randomCreation(random) } }
  }
}

function randomCreation(random: Random): JsonObject {
  return { ...randomInterval(random), ...flag(random, 'prev_kv', 0.3) }
}

/**
 * Whether a broken message does no harm: a lease or a member that lost a field would be another one
 * at each server, which has ids of its own, an alarm that is none ends etcd, and streams do not end
 * with their input.
 */
function isSturdy(path: string): boolean {
  const delicate = /^\/v3\/(lease\/grant|lock|election|cluster|watch|maintenance\/[adt])/
  return !delicate.test(path)
}

/** Leases, users, roles and logins to begin with. */
export const foundation: readonly RandomRequest[] = [
  ...[1, 2, 3, 4].map((id) =>
    written({ path: '/v3/lease/grant', message: { ID: String(id), TTL: String(id * 10_000) } }),
  ),
  ...['root', 'alice', 'bob'].map((name) => plain('user/add', { name, password: 'a' })),
  ...['r1', 'r2', 'r3'].map((name) => plain('role/add', { name })),
  plain('user/grant', { user: 'root', role: 'root' }),
  plain('user/grant', { user: 'alice', role: 'r1' }),
  plain('user/grant', { user: 'bob', role: 'r2' }),
  plain('enable', {}),
  ...['root', 'alice', 'bob'].map((name) => written(loginOf(name))),
]

function plain(path: string, message: JsonObject): RandomRequest {
  return written({ path: `/v3/auth/${path}`, message })
}

function loginOf(name: string): Message {
  return { path: '/v3/auth/authenticate', message: { name, password: 'a' } }
}

function written({ path, message }: Message): RandomRequest {
  return { path, message, body: JSON.stringify(message) }
}
