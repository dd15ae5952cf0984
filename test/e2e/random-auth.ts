// Random requests to the Auth service, and the credentials that come along with any request.
import { base64, type JsonObject } from './http.ts'
import { flag, randomInterval } from './random-messages.ts'
import type { Message, Shown } from './random-request.ts'
import type { Random } from './random.ts'

const users = ['root', 'alice', 'bob', 'carol']
const roles = ['root', 'r1', 'r2', 'r3']
const passwords = ['', 'a', 'b', 'b', 'a longer one', 'x'.repeat(73)]
/** The hash of `a` at the least cost, what is no hash, and what is no base64. */
const hashes = [
  base64('$2a$04$FLH13Qtca/dVRQYYRLrewucQ7AHh51jiTKIrLNvu1uL4P2aNmRuKe'),
  base64('nonsense'),
  '***',
]

const weights = {
  enable: 6,
  disable: 1,
  status: 4,
  authenticate: 16,
  userAdd: 8,
  userGet: 6,
  userList: 4,
  userDelete: 3,
  changePassword: 3,
  userGrant: 12,
  userRevoke: 4,
  roleAdd: 6,
  roleGet: 6,
  roleList: 4,
  roleDelete: 3,
  rolePermit: 16,
  roleForbid: 6,
} as const

export function randomAuthMessage(random: Random): Message {
  switch (random.weighted(weights)) {
    case 'enable':
      return of('enable', {})
    case 'disable':
      return of('disable', {})
    case 'status':
      return of('status', {})
    case 'authenticate':
      return of('authenticate', { ...user(random), ...password(random) })
    case 'userAdd':
      return of('user/add', randomUser(random))
    case 'userGet':
      return of('user/get', user(random))
    case 'userList':
      return of('user/list', {})
    case 'userDelete':
      return of('user/delete', user(random))
    case 'changePassword':
      return of('user/changepw', { ...user(random), ...password(random), ...hash(random) })
    case 'userGrant':
      return of('user/grant', { ...user(random, 'user'), ...role(random) })
    case 'userRevoke':
      return of('user/revoke', { ...user(random), ...role(random) })
    case 'roleAdd':
      return of('role/add', role(random, 'name'))
    case 'roleGet':
      return of('role/get', role(random))
    case 'roleList':
      return of('role/list', {})
    case 'roleDelete':
      return of('role/delete', role(random))
    case 'rolePermit':
      return of('role/grant', { ...role(random, 'name'), ...permission(random) })
    case 'roleForbid':
      return of('role/revoke', { ...role(random), ...randomInterval(random) })
  }
}

function of(path: string, message: JsonObject): Message {
  return { path: `/v3/auth/${path}`, message }
}

function randomUser(random: Random): JsonObject {
  return {
    ...user(random),
    ...password(random),
    ...(random.chance(0.2) && { options: flag(random, 'no_password', 0.8) }),
    ...hash(random),
  }
}

function user(random: Random, field = 'name'): JsonObject {
  return random.chance(0.95) ? { [field]: random.pick(users) } : {}
}

function role(random: Random, field = 'role'): JsonObject {
  return random.chance(0.95) ? { [field]: random.pick(roles) } : {}
}

/** Mostly the one that a history begins with. */
function password(random: Random): JsonObject {
  return { password: random.chance(0.8) ? 'a' : random.pick(passwords) }
}

function hash(random: Random): JsonObject {
  return random.chance(0.3) ? { hashedPassword: random.pick(hashes) } : {}
}

function permission(random: Random): JsonObject {
  const permType = random.pick(['READ', 'WRITE', 'READWRITE'])
  return random.chance(0.95) ? { perm: { permType, ...randomInterval(random) } } : {}
}

const nonsense = ['', 'x', 'Bearer', 'Bearer ', 'nonsense.17', 'x'.repeat(20_000)]

/** `logins` has the user of each login so far. Undefined is nobody. */
export function randomShown(random: Random, logins: readonly string[]): Shown | undefined {
  const name = random.chance(0.5) ? 'token' : 'authorization'
  switch (random.weighted({ root: 50, other: 30, old: 6, nobody: 6, nonsense: 8 })) {
    case 'root':
      return shownLogin(name, logins.lastIndexOf('root'))
    case 'other':
      return shownLogin(name, logins.lastIndexOf(random.pick(users)))
    case 'old':
      return shownLogin(name, random.integer(0, logins.length - 1))
    case 'nobody':
      return undefined
    case 'nonsense': {
      const last = `<${logins.length - 1}>`
      const nearly = [`Bearer ${last}`, `bearer ${last}`, `${last}x`, `Bearer Bearer ${last}`]
      return { name, value: random.pick(random.chance(0.5) ? nearly : nonsense) }
    }
  }
}

function shownLogin(name: Shown['name'], login: number): Shown | undefined {
  return login < 0 ? undefined : { name, value: `<${login}>` }
}
