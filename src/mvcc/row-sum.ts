import { crc32c } from './crc32c.ts'
import { copyBytes, type PlacedChange } from './placed-change.ts'
import { type ChangeName, revisionBytesLength, writeRevision } from './revision-bytes.ts'
import { type KeyValue, type LeaseId, NO_LEASE, type Revision } from './types.ts'

const KEY_TAG = 0x0a
const CREATE_REVISION_TAG = 0x10
const MOD_REVISION_TAG = 0x18
const VERSION_TAG = 0x20
const VALUE_TAG = 0x2a
const LEASE_TAG = 0x30

/** A revision, three numbers of nine bytes and two lengths, each with its tag. */
const HEAD_BYTES = 96

/**
 * The sum of rows of etcd's `key` bucket: of each the name of its change, and the canonical protobuf of
 * mvccpb.KeyValue, of a tombstone with its key alone. Neither is put together as a whole.
 */
export class RowSum {
  checksum: number
  #bytes = new Uint8Array(1024)
  #length = 0

  constructor(checksum: number) {
    this.checksum = checksum
  }

  add(
    change: ChangeName,
    { key, createRevision, modRevision, version, value, lease }: KeyValue,
  ): void {
    this.#begin(change, key.length)
    this.#bytes.set(key, this.#length)
    this.#length += key.length
    if (!change.deleted) {
      this.#version(createRevision, modRevision, version, value.length)
    }
    this.#sum(this.#bytes, 0, this.#length)
    this.#sum(value, 0, value.length)
    this.#lease(lease)
  }

  addPlaced(change: PlacedChange): void {
    const { key, value } = change
    this.#begin(change, key.length)
    copyBytes(key, this.#bytes, this.#length)
    this.#length += key.length
    if (!change.deleted) {
      this.#version(change.createRevision, change.main, change.version, value.length)
    }
    this.#sum(this.#bytes, 0, this.#length)
    this.#sum(value.bytes, value.at, value.at + value.length)
    this.#lease(change.lease)
  }

  /** What a revision passes over has to be zero. */
  #begin(change: ChangeName, keyLength: number): void {
    const bytes = HEAD_BYTES + keyLength
    if (this.#bytes.length < bytes) {
      this.#bytes = new Uint8Array(2 * bytes)
    } else {
      this.#bytes.fill(0, 0, HEAD_BYTES)
    }
    writeRevision(change, this.#bytes, 0)
    this.#length = revisionBytesLength(change.deleted)
    this.#int(KEY_TAG, keyLength)
  }

  #version(
    createRevision: Revision,
    modRevision: Revision,
    version: number,
    valueLength: number,
  ): void {
    this.#int(CREATE_REVISION_TAG, createRevision)
    this.#int(MOD_REVISION_TAG, modRevision)
    this.#int(VERSION_TAG, version)
    this.#int(VALUE_TAG, valueLength)
  }

  #lease(lease: LeaseId): void {
    if (lease !== NO_LEASE) {
      const field = leaseField(lease)
      this.#sum(field, 0, field.length)
    }
  }

  #sum(bytes: Uint8Array, from: number, to: number): void {
    this.checksum = crc32c(bytes, this.checksum, from, to)
  }

  /** A field of a number or the head of one of bytes; none where that is zero. */
  #int(tag: number, value: number): void {
    if (value === 0) {
      return
    }
    this.#bytes[this.#length++] = tag
    let rest = value
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#bytes[this.#length++] = rest
  }
}

/** An int64, of which a negative one takes ten bytes. */
function leaseField(lease: bigint): Uint8Array {
  const bytes = [LEASE_TAG]
  let rest = BigInt.asUintN(64, lease)
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}
