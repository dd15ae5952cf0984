import type { Change } from '../mvcc/history.ts'
import { type ChangeName, revisionBytesLength, writeRevision } from '../mvcc/revision-bytes.ts'
import type { Length } from '../mvcc/types.ts'
import type { KeyValue, Revision } from '../mvcc/types.ts'
import { keyValueSize, writeKeyValue } from '../protocol/binary-key-value.ts'
import { WireWriter } from '../protocol/wire.ts'
import type { Bucket } from './file.ts'
import type { Part } from './page.ts'
import { NODE_BYTES } from './tree.ts'

/** Both in the same order, and the same however often they are read. */
export interface History {
  /** A change may be gone when `keptBytes` of others came behind it. */
  changes(until: Revision, keptBytes: number): Iterable<Change<Uint8Array>>
  changeSizes(until: Revision): Iterable<Change<Length>>
}

/** The revisions: what else etcd has in its file is small beside them. */
export function keyBucket(history: History, revision: Revision): Bucket {
  return {
    name: 'key',
    *entries() {
      for (const change of history.changes(revision, NODE_BYTES)) {
        yield { key: new RevisionPart(change), value: new KeyValuePart(change.kv) }
      }
    },
    *sizes() {
      for (const { deleted, kv } of history.changeSizes(revision)) {
        const length = keyValueSize(kv)
        yield { key: { length: revisionBytesLength(deleted) }, value: { length } }
      }
    },
  }
}

class RevisionPart implements Part {
  readonly length: number
  readonly #change: ChangeName

  constructor(change: ChangeName) {
    this.length = revisionBytesLength(change.deleted)
    this.#change = change
  }

  writeTo(bytes: Uint8Array, offset: number): void {
    writeRevision(this.#change, bytes, offset)
  }
}

class KeyValuePart implements Part {
  readonly length: number
  readonly #kv: KeyValue

  constructor(kv: KeyValue) {
    this.length = keyValueSize(kv)
    this.#kv = kv
  }

  writeTo(bytes: Uint8Array, offset: number): void {
    writeKeyValue(this.#kv, new WireWriter(bytes, offset))
  }
}
