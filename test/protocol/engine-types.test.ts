// That the engine takes decoded requests as they are, and the codecs its results, is for the
// compiler to check: the annotations are the test. That nothing is lost on the way is checked here.
import { expect, it } from 'vitest'
import type * as engine from '../../src/mvcc/types.ts'
import * as engineValues from '../../src/mvcc/types.ts'
import {
  CompareResult,
  CompareTarget,
  DeleteRangeRequest,
  DeleteRangeResponse,
  Event,
  EventType,
  FilterType,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  SortOrder,
  SortTarget,
  TxnRequest,
  WatchResponse,
} from '../../src/protocol/generated/messages.ts'
import { decodeJson } from '../../src/protocol/json-decode.ts'
import { encodeJson } from '../../src/protocol/json-encode.ts'
import { create } from '../../src/protocol/message-type.ts'
import { utf8 } from './golden-file.ts'

const kv: engine.KeyValue = {
  key: utf8('a'),
  createRevision: 2,
  modRevision: 3,
  version: 2,
  value: utf8('1'),
  lease: engineValues.NO_LEASE,
}
const kvJson =
  '{"key":"YQ==","create_revision":"2","mod_revision":"3","version":"2","value":"MQ=="}'

it('[PRO14] decodes requests to what the engine takes', () => {
  const range: engine.RangeRequest = decodeJson(RangeRequest, utf8('{"key":"YQ==","limit":"5"}'))
  expect(range.limit).toBe(5)
  const put: engine.PutRequest = decodeJson(PutRequest, utf8('{"key":"YQ==","lease":"-7"}'))
  expect(put.lease).toBe(-7n)
  const deletion: engine.DeleteRangeRequest = decodeJson(
    DeleteRangeRequest,
    utf8('{"prevKv":true}'),
  )
  expect(deletion.prevKv).toBe(true)
  const body = '{"compare":[{"target":"LEASE","lease":3}],"success":[{"requestTxn":{}}]}'
  const txn: engine.TxnRequest = decodeJson(TxnRequest, utf8(body))
  expect(txn.compare[0]?.lease).toBe(3n)
  expect(txn.success[0]?.requestTxn).toEqual({ compare: [], success: [], failure: [] })
})

it('[PRO14] encodes what the engine answers', () => {
  const range: engine.RangeResult = { kvs: [kv], more: false, count: 1 }
  expect(encodeJson(RangeResponse, range)).toBe(`{"kvs":[${kvJson}],"count":"1"}`)
  const put: engine.PutResult = { prevKv: kv }
  expect(encodeJson(PutResponse, put)).toBe(`{"prev_kv":${kvJson}}`)
  const deletion: engine.DeleteRangeResult = { deleted: 1, prevKvs: [kv] }
  expect(encodeJson(DeleteRangeResponse, deletion)).toBe(`{"deleted":"1","prev_kvs":[${kvJson}]}`)
  const events: readonly engine.Event[] = [{ type: 1, kv, prevKv: undefined }]
  expect(encodeJson(WatchResponse, create(WatchResponse, { events }))).toBe(
    `{"events":[{"type":"DELETE","kv":${kvJson}}]}`,
  )
  expect(encodeJson(Event, { type: 0, kv, prevKv: kv })).toBe(
    `{"kv":${kvJson},"prev_kv":${kvJson}}`,
  )
})

it('[PRO14] numbers enums as the engine does', () => {
  const { CompareResult: result, CompareTarget: target, EventType: event } = engineValues
  expect([CompareResult, CompareTarget, EventType]).toEqual([result, target, event])
  const { FilterType: filter, SortOrder: order, SortTarget: by } = engineValues
  expect([FilterType, SortOrder, SortTarget]).toEqual([filter, order, by])
})
