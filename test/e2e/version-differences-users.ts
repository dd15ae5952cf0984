// What older etcds answer otherwise once there are users: as version-differences.ts has it.
import { isObject, type Json } from './http.ts'
import { hasBackwardRange } from './random-visits.ts'
import { changeBody, type VersionDifference } from './version-differences.ts'

export const userDifferences: readonly VersionDifference[] = [
  {
    name: 'there is no AuthStatus and no downgrade',
    since: '3.5.0',
    applies: ({ path }) => path === '/v3/auth/status' || path === '/v3/maintenance/downgrade',
    effect: 'skip',
  },
  {
    name: 'anybody may grant and revoke leases, keep them alive, look at them and at members',
    since: '3.5.29',
    applies: ({ path }) => /\/lease\/|\/member\/list$/.test(path),
    effect: 'skip',
  },
  {
    name: 'who logs in with an invalid token is refused',
    since: '3.5.0',
    applies: ({ path, shown }) => path === '/v3/auth/authenticate' && shown !== undefined,
    effect: 'skip',
  },
  {
    name: 'permissions are not looked at when they are granted',
    since: '3.5.0',
    applies: ({ path, message: { perm }, flaw }) =>
      path === '/v3/auth/role/grant' && (flaw !== undefined || !isPermission(perm)),
    effect: 'skip',
  },
  {
    name: 'anybody may compact',
    since: '3.5.28',
    applies: ({ path }) => path === '/v3/kv/compaction',
    effect: 'skip',
  },
  {
    name: 'Bearer is a part of the token',
    since: '3.5.32',
    applies: ({ shown }) => shown?.value.startsWith('Bearer ') === true,
    effect: 'skip',
  },
  {
    name: 'a hash that comes with a request is none',
    since: '3.5.0',
    applies: ({ path, message }) => path === '/v3/auth/user/changepw' && message['password'] === '',
    effect: 'skip',
  },
  {
    name: 'an alarm turns the checks of auth off',
    since: '3.5.0',
    applies: ({ path }) => path === '/v3/maintenance/alarm',
    effect: 'skip',
  },
  {
    name: 'anybody may ask for the status and move the leader',
    since: '3.5.0',
    applies: ({ path }) => /\/(status|transfer-leadership)$/.test(path),
    effect: 'skip',
  },
  {
    name: 'tokens are looked at when auth is off',
    since: '3.5.0',
    applies: ({ path }) => path === '/v3/auth/disable',
    effect: 'skip',
  },
  {
    name: 'a learner whose URLs are updated is no learner any more',
    since: '3.5.0',
    applies: ({ path }) => path === '/v3/cluster/member/update',
    effect: 'skip',
  },
  {
    name: 'of a long password the first 72 bytes count',
    since: '3.6.0',
    applies: ({ message: { password = '' } }) => String(password).length > 72,
    effect: 'skip',
  },
  {
    name: 'nested transactions are not looked at',
    since: '3.5.0',
    applies: ({ message }) => JSON.stringify(message).includes('request_txn'),
    effect: 'skip',
  },
  {
    name: 'what is attached to a lease is not looked at in a transaction, such as a campaign is',
    since: '3.5.0',
    applies: ({ path, message }) =>
      path.startsWith('/v3/kv/') && JSON.stringify(message).includes('"lease"'),
    effect: 'skip',
  },
  {
    name: 'to watch from a key on takes the right to read that key',
    since: '3.7.1',
    applies: ({ path, message: { create_request: created } }) =>
      path === '/v3/watch' && isObject(created) && created['range_end'] === 'AA==',
    effect: 'skip',
  },
  {
    name: 'the role root is one like any',
    since: '3.5.0',
    applies: ({ path, message }) => path === '/v3/auth/role/get' && message['role'] === 'root',
    effect: (answer) => changeBody(answer, ({ perm: _, ...body }) => body),
  },
  {
    name: 'a stream that ends without a message has a content type',
    since: '3.6.0',
    encoding: 'json',
    applies: ({ path }) => path === '/v3/election/observe',
    effect: (answer) => (answer.body === '' ? { ...answer, type: undefined } : answer),
  },
  {
    name: 'who may not maintain is told so without a code',
    since: '3.6.0',
    applies: ({ path }) => path.startsWith('/v3/maintenance/'),
    effect: (answer) => (answer.status === 200 ? answer : { ...answer, status: 0, body: null }),
  },
]

function isPermission(permission: Json | undefined): boolean {
  return (
    isObject(permission) && typeof permission['key'] === 'string' && !hasBackwardRange(permission)
  )
}
