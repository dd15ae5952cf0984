import type { V2KeysCall } from '../../src/protocol/v2-call.ts'

/** Sets a file. */
export const V2_SET: V2KeysCall = {
  on: 'keys',
  method: 'PUT',
  path: '/a',
  askedPath: '/a',
  value: 'v',
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
  credentials: 'none',
}
