import { expect, it } from 'vitest'
import { principalOf } from '../../src/auth/principal.ts'
import { Tokens } from '../../src/auth/tokens.ts'
import { addRoot, bytes, Keyspace } from './keyspace.ts'

const secret = { publicKey: new Uint8Array(0), privateKey: bytes('a secret') }

/** What alice's token, given after `addRoot`, comes to when `change` has been made. */
async function afterwards(
  survivesUserChanges: boolean,
  change: (keyspace: Keyspace) => void,
): Promise<string> {
  const keyspace = new Keyspace()
  const { auth } = keyspace
  addRoot(keyspace)
  auth.userAdd('alice', bytes('a hash'))
  auth.roleAdd('all')
  auth.roleGrantPermission({
    name: 'all',
    perm: { permType: 2, key: bytes('a'), rangeEnd: bytes('b') },
  })
  auth.userGrantRole({ user: 'alice', role: 'all' })
  auth.enable()
  const settings = { kind: 'jwt', signMethod: 'HS256', ttl: 300_000, survivesUserChanges } as const
  const tokens = new Tokens(auth, { ...settings, ...secret })
  await tokens.open()
  const token = await tokens.issue({ username: 'alice', revision: auth.revision })
  change(keyspace)
  const users = {
    auth,
    tokens,
    leases: () => keyspace.leases(),
    leasedKeys: (id: bigint) => keyspace.leasedKeys(id),
  }
  const principal = await principalOf(users, { token })
  try {
    principal.authenticate()
    principal.authorize('/etcdserverpb.KV/Range', { key: bytes('a'), rangeEnd: bytes('') })
    return 'passes'
  } catch (error) {
    return (error as Error).message
  }
}

const changes: readonly [string, (keyspace: Keyspace) => void, string, string][] = [
  ['nothing', () => undefined, 'passes', 'passes'],
  ['another user', ({ auth }) => auth.userAdd('bob', bytes('b')), 'auth-old-revision', 'passes'],
  [
    'her own role taken away',
    ({ auth }) => auth.userRevokeRole({ name: 'alice', role: 'all' }),
    'auth-old-revision',
    'permission-denied',
  ],
  [
    'another password',
    ({ auth }) => auth.userChangePassword('alice', bytes('another')),
    'auth-old-revision',
    'auth-old-revision',
  ],
  [
    'another user of her name',
    ({ auth }) => {
      auth.userDelete('alice')
      auth.userAdd('alice', bytes('another'))
      auth.userGrantRole({ user: 'alice', role: 'all' })
    },
    'auth-old-revision',
    'auth-old-revision',
  ],
]

it.each(changes)('[AUT43] a JWT after %s', async (_, change, plain, surviving) => {
  expect(await afterwards(false, change)).toBe(plain)
  expect(await afterwards(true, change)).toBe(surviving)
})
