// A request for each method, such as answers something by itself and does no harm to the next one.
import { encode } from '../../../../src/protocol/binary.ts'
import { PutRequest, WatchCreateRequest } from '../../../../src/protocol/generated/messages.ts'
import { rpcMethods } from '../../../../src/protocol/generated/services.ts'
import { encodeJson } from '../../../../src/protocol/json-encode.ts'
import { create, type MessageType } from '../../../../src/protocol/message-type.ts'
import { type MethodName, routes } from '../../../../src/protocol/methods.ts'

/** The election that has a leader, whom an observer is told of. */
export const ELECTION = 'led'

const key = Buffer.from('door')
let names = 0

/** Of a lock or an election that nobody else waits for. */
const newName = (): Buffer => Buffer.from(`name ${++names}`)

const fields: { readonly [method in MethodName]?: () => object } = {
  '/etcdserverpb.KV/Range': () => ({ key }),
  '/etcdserverpb.KV/RangeStream': () => ({ key }),
  '/etcdserverpb.KV/Put': () => ({ key }),
  '/etcdserverpb.KV/DeleteRange': () => ({ key: Buffer.from('no such key') }),
  '/etcdserverpb.KV/Txn': () => ({ success: [{ requestPut: create(PutRequest, { key }) }] }),
  '/etcdserverpb.Watch/Watch': () => ({ createRequest: create(WatchCreateRequest, { key }) }),
  '/etcdserverpb.Lease/LeaseKeepAlive': () => ({ ID: 1n }),
  '/etcdserverpb.Maintenance/Alarm': () => ({ action: 2 }),
  '/etcdserverpb.Maintenance/Downgrade': () => ({ action: 2 }),
  '/v3lockpb.Lock/Lock': () => ({ name: newName() }),
  '/v3electionpb.Election/Campaign': () => ({ name: newName() }),
  '/v3electionpb.Election/Observe': () => ({ name: Buffer.from(ELECTION) }),
}

export const methods = Object.keys(rpcMethods) as readonly MethodName[]

function messageOf(method: MethodName): { readonly type: MessageType<object>; message: object } {
  const type: MessageType<object> = rpcMethods[method].request
  return { type, message: create(type, fields[method]?.() ?? {}) }
}

export function binaryRequest(method: MethodName): Buffer {
  const { type, message } = messageOf(method)
  return Buffer.from(encode(type, message))
}

export function jsonRequest(method: MethodName): string {
  const { type, message } = messageOf(method)
  return encodeJson(type, message)
}

/** All paths of a method; RangeStream has none. */
export function pathsOf(method: MethodName): readonly string[] {
  return Object.entries(routes)
    .filter(([, name]) => name === method)
    .map(([path]) => path)
}
