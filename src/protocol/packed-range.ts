import type { PackedPage, PackedRows } from '../mvcc/packed-page.ts'
import { leaseOf } from '../mvcc/packed-rows.ts'
import { type KeyValue, NO_LEASE } from '../mvcc/types.ts'
import { keyValueSize, writeKeyValue } from './binary-key-value.ts'
import { encode } from './binary.ts'
import { RangeResponse, type ResponseHeader } from './generated/messages.ts'
import { bigintSize, int64Size, uint32Size, WireWriter } from './wire.ts'

const kvsTag = 0x12
const keyTag = 0x0a
const createRevisionTag = 0x10
const modRevisionTag = 0x18
const versionTag = 0x20
const valueTag = 0x2a
const leaseTag = 0x30

const noBytes = new Uint8Array(0)

/**
 * The RangeResponse of a page that is packed, as `encodeBehind` would have it, without an object for each
 * of its versions. Living keys have revisions and a version that are not zero.
 */
export function encodePackedRange(
  roomBytes: number,
  header: ResponseHeader | undefined,
  { rows, more, count }: PackedPage,
): Uint8Array {
  const before = encode(RangeResponse, { ...RangeResponse.empty(), header })
  const behind = encode(RangeResponse, { ...RangeResponse.empty(), more, count })
  const sizes: number[] = []
  let size = before.length + behind.length
  for (const part of rows) {
    size += 'piece' in part ? measureRows(part, sizes) : measureOne(part, sizes)
  }
  const writer = new WireWriter(new Uint8Array(roomBytes + size), roomBytes)
  writer.raw(before)
  let next = 0
  for (const part of rows) {
    next =
      'piece' in part ? writeRows(part, writer, sizes, next) : writeOne(part, writer, sizes, next)
  }
  writer.raw(behind)
  return roomBytes === 0 ? writer.bytes : writer.bytes.subarray(roomBytes)
}

function listed(size: number, sizes: number[]): number {
  sizes.push(size)
  return 1 + uint32Size(size) + size
}

function measureOne(kv: KeyValue, sizes: number[]): number {
  return listed(keyValueSize(kv), sizes)
}

function writeOne(
  kv: KeyValue,
  writer: WireWriter,
  sizes: readonly number[],
  next: number,
): number {
  writer.uint32(kvsTag)
  writer.uint32(sizes[next] ?? 0)
  writeKeyValue(kv, writer)
  return next + 1
}

function measureRows({ piece, from, to }: PackedRows, sizes: number[]): number {
  const { keyLengths, valueLengths, createRevisions, mains, versions, leases } = piece
  let all = 0
  for (let i = from; i < to; i++) {
    const keyLength = keyLengths[i] ?? 0
    const valueLength = valueLengths[i] ?? 0
    const lease = leaseOf(leases[i])
    const size =
      4 +
      uint32Size(keyLength) +
      keyLength +
      int64Size(createRevisions[i] ?? 0) +
      int64Size(mains[i] ?? 0) +
      int64Size(versions[i] ?? 0) +
      (valueLength === 0 ? 0 : 1 + uint32Size(valueLength) + valueLength) +
      (lease === NO_LEASE ? 0 : 1 + bigintSize(lease))
    all += listed(size, sizes)
  }
  return all
}

function writeRows(
  { piece, from, to, ...start }: PackedRows,
  writer: WireWriter,
  sizes: readonly number[],
  first: number,
): number {
  const { keys, values = noBytes, keyLengths, valueLengths } = piece
  let { keyAt, valueAt } = start
  let next = first
  for (let i = from; i < to; i++) {
    const keyLength = keyLengths[i] ?? 0
    const valueLength = valueLengths[i] ?? 0
    const lease = leaseOf(piece.leases[i])
    writer.uint32(kvsTag)
    writer.uint32(sizes[next++] ?? 0)
    writer.uint32(keyTag)
    writer.part(keys, keyAt, keyLength)
    keyAt += keyLength
    writer.uint32(createRevisionTag)
    writer.int64(piece.createRevisions[i] ?? 0)
    writer.uint32(modRevisionTag)
    writer.int64(piece.mains[i] ?? 0)
    writer.uint32(versionTag)
    writer.int64(piece.versions[i] ?? 0)
    if (valueLength > 0) {
      writer.uint32(valueTag)
      writer.part(values, valueAt, valueLength)
      valueAt += valueLength
    }
    if (lease !== NO_LEASE) {
      writer.uint32(leaseTag)
      writer.bigint(lease)
    }
  }
  return next
}
