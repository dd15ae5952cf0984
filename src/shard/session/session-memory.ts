import { equalBytes } from '../../mvcc/key-range.ts'
import { bytesOf, numberOf, type Sql, textOf } from '../../mvcc/sql.ts'
import type { WatcherChange, WatcherState } from '../../mvcc/watcher.ts'
import { decode, encode } from '../../protocol/binary.ts'
import { WatchCreateRequest } from '../../protocol/generated/messages.ts'

/** A Durable Object lets a hibernating socket remember 16,384 bytes. */
const ATTACHMENT_BYTES_MAX = 14_000
/** What an entry takes of the attachment besides its state. */
const ENTRY_OVERHEAD_BYTES = 48

const INSERT_ENTRY = `
INSERT INTO watch (socket, stream, watch_id, state) VALUES (?, ?, ?, ?)
ON CONFLICT (socket, stream, watch_id) DO UPDATE SET state = excluded.state`
const DELETE_ENTRY = 'DELETE FROM watch WHERE socket = ? AND stream = ? AND watch_id = ?'
const DELETE_SOCKET = 'DELETE FROM watch WHERE socket = ?'
const SELECT_ENTRIES = 'SELECT stream, watch_id, state FROM watch WHERE socket = ?'
const SELECT_SOCKETS = 'SELECT DISTINCT socket FROM watch'

/** What resumes a stream. */
export interface StreamState extends StreamHead {
  readonly watchers: readonly WatcherState[]
}

/** What an open stream is, apart from its watches. */
export interface StreamHead {
  readonly nextWatchId: number
  /** etcd's token, which further watches will need. */
  readonly token: string | undefined
  readonly commonName?: string | undefined
  /** The authority of a stream that was opened with an access token of its own (door.ts). */
  readonly access?: string | undefined
}

/** A watch, or with an empty `watchId` an open stream, whose state is its head. */
interface Entry {
  readonly stream: number
  readonly watchId: string
  readonly state: Uint8Array
}

interface Attachment {
  /** What the socket's client may (door.ts). */
  readonly access: string
  /** Of a link, which leaves when it is asked to. */
  readonly isLink?: boolean
  /** Names the socket's rows in the table, once its entries are more than an attachment holds. */
  readonly rows?: string
  readonly entries: readonly Entry[]
}

/**
 * What a socket remembers of its streams while the object is not in memory: an attachment, which
 * costs nothing, or rows when they are many.
 */
export class SessionMemory {
  readonly #sql: Sql
  readonly #socket: WebSocket
  readonly #entries = new Map<string, Entry>()
  #bytes = 0
  #changed = false
  #rows: string | undefined
  readonly #of: Pick<Attachment, 'access' | 'isLink'>

  /** `of` is what to remember of a new socket; one that has outlived the memory knows. */
  constructor(sql: Sql, socket: WebSocket, of?: Pick<Attachment, 'access' | 'isLink'>) {
    this.#sql = sql
    this.#socket = socket
    const { access = '', isLink = false } = of ?? attachmentOf(socket) ?? {}
    this.#of = { access, isLink }
    if (of !== undefined) {
      this.#attach({ entries: [] })
    }
  }

  get access(): string {
    return this.#of.access
  }

  get isLink(): boolean {
    return this.#of.isLink ?? false
  }

  /** Drops the rows of sockets that are gone, after a start. */
  static forgetOthers(sql: Sql, sockets: readonly WebSocket[]): void {
    const names = new Set(sockets.map((socket) => attachmentOf(socket)?.rows))
    for (const [name] of sql.all(SELECT_SOCKETS)) {
      if (!names.has(textOf(name))) {
        sql.run(DELETE_SOCKET, textOf(name))
      }
    }
  }

  /** The open streams, as of the last `save`. */
  load(): ReadonlyMap<number, StreamState> {
    const attachment = attachmentOf(this.#socket)
    this.#rows = attachment?.rows
    const entries =
      this.#rows === undefined ? (attachment?.entries ?? []) : this.#select(this.#rows)
    const heads = new Map<number, StreamHead>()
    const watchers = new Map<number, WatcherState[]>()
    for (const entry of entries) {
      this.#put(entry)
      if (entry.watchId === '') {
        heads.set(entry.stream, decodeHead(entry.state))
      } else {
        const others = watchers.get(entry.stream)
        const state = decodeState(entry.state)
        if (others === undefined) {
          watchers.set(entry.stream, [state])
        } else {
          others.push(state)
        }
      }
    }
    const streams = [...heads].map(([stream, head]): [number, StreamState] => [
      stream,
      { ...head, watchers: watchers.get(stream) ?? [] },
    ])
    return new Map(streams)
  }

  #select(name: string): readonly Entry[] {
    return this.#sql.all(SELECT_ENTRIES, name).map(([stream, watchId, state]) => ({
      stream: numberOf(stream),
      watchId: textOf(watchId),
      state: bytesOf(state),
    }))
  }

  /** Watches of one stream have changed; without a head the stream has ended. */
  change(stream: number, watches: readonly WatcherChange[], head: StreamHead | undefined): void {
    for (const { watchId, state } of watches) {
      this.#change(
        { stream, watchId: String(watchId), state: encodeState(state) },
        state === undefined,
      )
    }
    this.#change({ stream, watchId: '', state: encodeHead(head) }, head === undefined)
  }

  #change(entry: Entry, gone: boolean): void {
    const old = this.#entries.get(nameOf(entry))
    if (old !== undefined && !gone && equalBytes(old.state, entry.state)) {
      return
    }
    if (gone) {
      this.#delete(entry)
    } else {
      this.#put(entry)
    }
    this.#changed = true
    if (this.#rows !== undefined) {
      this.#write(this.#rows, entry, gone)
    }
  }

  /** At the end of a turn. Rows are written as they change; an attachment is written whole. */
  save(): void {
    if (!this.#changed || this.#rows !== undefined) {
      return
    }
    this.#changed = false
    if (this.#bytes <= ATTACHMENT_BYTES_MAX) {
      this.#attach({ entries: [...this.#entries.values()] })
      return
    }
    const rows = crypto.randomUUID()
    this.#rows = rows
    for (const entry of this.#entries.values()) {
      this.#write(rows, entry, false)
    }
    this.#attach({ rows, entries: [] })
  }

  #attach(attachment: Pick<Attachment, 'rows' | 'entries'>): void {
    this.#socket.serializeAttachment({ ...this.#of, ...attachment })
  }

  #write(rows: string, entry: Entry, gone: boolean): void {
    if (gone) {
      this.#sql.run(DELETE_ENTRY, rows, entry.stream, entry.watchId)
    } else {
      this.#sql.run(INSERT_ENTRY, rows, entry.stream, entry.watchId, entry.state)
    }
  }

  #put(entry: Entry): void {
    this.#delete(entry)
    this.#entries.set(nameOf(entry), entry)
    this.#bytes += entry.state.length + ENTRY_OVERHEAD_BYTES
  }

  #delete(entry: Entry): void {
    const old = this.#entries.get(nameOf(entry))
    if (old !== undefined) {
      this.#entries.delete(nameOf(entry))
      this.#bytes -= old.state.length + ENTRY_OVERHEAD_BYTES
    }
  }

  /** The socket is gone for good. */
  forget(): void {
    if (this.#rows !== undefined) {
      this.#sql.run(DELETE_SOCKET, this.#rows)
    }
  }
}

function nameOf(entry: Entry): string {
  return `${entry.stream}/${entry.watchId}`
}

function attachmentOf(socket: WebSocket): Attachment | undefined {
  return (socket.deserializeAttachment() as Attachment | null) ?? undefined
}

/** One byte that says whether the watch is caught up, then the request that would resume it. */
function encodeState(state: WatcherState | undefined): Uint8Array {
  if (state === undefined) {
    return new Uint8Array(0)
  }
  const request = encode(WatchCreateRequest, { ...state, startRevision: state.next })
  const bytes = new Uint8Array(1 + request.length)
  bytes[0] = state.synced ? 1 : 0
  bytes.set(request, 1)
  return bytes
}

function decodeState(bytes: Uint8Array): WatcherState {
  const { startRevision, ...request } = decode(WatchCreateRequest, bytes.subarray(1))
  return { ...request, next: startRevision, synced: bytes[0] === 1 }
}

/** JSON, which tells a token that is missing from an empty one. */
function encodeHead(head: StreamHead | undefined): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(head ?? {}))
}

function decodeHead(bytes: Uint8Array): StreamHead {
  return JSON.parse(new TextDecoder().decode(bytes)) as StreamHead
}
