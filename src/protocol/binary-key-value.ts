/**
 * KeyValue by hand. Answers to lists and watches consist of it, by the ten thousand, and code that
 * names its properties is several times as fast as code that looks them up.
 */
import type { KeyValueOf } from '../mvcc/history.ts'
import type { Length } from '../mvcc/types.ts'
import type { KeyValue } from './generated/messages.ts'
import { bigintSize, int64Size, uint32Size, type WireWriter } from './wire.ts'

const keyTag = 0x0a
const createRevisionTag = 0x10
const modRevisionTag = 0x18
const versionTag = 0x20
const valueTag = 0x2a
const leaseTag = 0x30

/** The length of the message, of which key and value need not be at hand. */
export function keyValueSize(kv: KeyValueOf<Length>): number {
  const { length: keySize } = kv.key
  const { length: valueSize } = kv.value
  return (
    (keySize === 0 ? 0 : 1 + uint32Size(keySize) + keySize) +
    (kv.createRevision === 0 ? 0 : 1 + int64Size(kv.createRevision)) +
    (kv.modRevision === 0 ? 0 : 1 + int64Size(kv.modRevision)) +
    (kv.version === 0 ? 0 : 1 + int64Size(kv.version)) +
    (valueSize === 0 ? 0 : 1 + uint32Size(valueSize) + valueSize) +
    (kv.lease === 0n ? 0 : 1 + bigintSize(kv.lease))
  )
}

/** What it takes in a list of them, where its tag has one byte. */
export function listedKeyValueSize(kv: KeyValueOf<Length>): number {
  const size = keyValueSize(kv)
  return 1 + uint32Size(size) + size
}

export function writeKeyValue(kv: KeyValue, writer: WireWriter): void {
  if (kv.key.length > 0) {
    writer.uint32(keyTag)
    writer.lengthAndBytes(kv.key)
  }
  if (kv.createRevision !== 0) {
    writer.uint32(createRevisionTag)
    writer.int64(kv.createRevision)
  }
  if (kv.modRevision !== 0) {
    writer.uint32(modRevisionTag)
    writer.int64(kv.modRevision)
  }
  if (kv.version !== 0) {
    writer.uint32(versionTag)
    writer.int64(kv.version)
  }
  if (kv.value.length > 0) {
    writer.uint32(valueTag)
    writer.lengthAndBytes(kv.value)
  }
  if (kv.lease !== 0n) {
    writer.uint32(leaseTag)
    writer.bigint(kv.lease)
  }
}
