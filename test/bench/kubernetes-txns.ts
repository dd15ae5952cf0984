// The two writes that Kubernetes makes (etcd's client/v3/kubernetes/client.go). kine takes no others.
import { decode, encode } from '../../src/protocol/binary.ts'
import {
  Compare,
  CompareTarget,
  PutRequest,
  RangeRequest,
  RequestOp,
  TxnRequest,
  TxnResponse,
} from '../../src/protocol/generated/messages.ts'
import { create } from '../../src/protocol/message-type.ts'

export const txnMethod = '/etcdserverpb.KV/Txn'

export function createTxn(key: string, value: Uint8Array): Uint8Array {
  return encode(TxnRequest, { ...onlyAt(key, 0), success: [putOp(key, value)], failure: [] })
}

/** Succeeds where the key was last changed at `revision`. */
export function updateTxn(key: string, value: Uint8Array, revision: number): Uint8Array {
  const requestRange = create(RangeRequest, { key: Buffer.from(key) })
  const failure = [create(RequestOp, { requestRange })]
  return encode(TxnRequest, { ...onlyAt(key, revision), success: [putOp(key, value)], failure })
}

/** The revision of a write that was done; throws where it was not. */
export function revisionOfTxn(answer: Uint8Array): number {
  const { succeeded, header } = decode(TxnResponse, answer)
  if (!succeeded || header === undefined) {
    throw new Error('a write of a key that nobody else writes was refused')
  }
  return header.revision
}

function onlyAt(key: string, modRevision: number): Pick<TxnRequest, 'compare'> {
  const target = CompareTarget.MOD
  return { compare: [create(Compare, { target, key: Buffer.from(key), modRevision })] }
}

function putOp(key: string, value: Uint8Array): RequestOp {
  return create(RequestOp, { requestPut: create(PutRequest, { key: Buffer.from(key), value }) })
}
