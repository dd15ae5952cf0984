// A watch stream as a test drives it: requests by name in, answers without server-specific ids out.
import { base64, call, isObject, type Json, type JsonObject } from './http.ts'
import { plainMessage } from './plain.ts'
import type { MessageStream } from './streams.ts'

export class WatchSession {
  readonly stream: MessageStream

  constructor(stream: MessageStream) {
    this.stream = stream
  }

  create(fields: JsonObject): void {
    this.stream.send(JSON.stringify({ create_request: fields }))
  }

  cancel(watchId: number | string): void {
    this.stream.send(JSON.stringify({ cancel_request: { watch_id: watchId } }))
  }

  progress(): void {
    this.stream.send(JSON.stringify({ progress_request: {} }))
  }

  /** The next WatchResponse. */
  async next(): Promise<JsonObject> {
    const line = await this.stream.next()
    const result = line?.['result']
    if (!isObject(result)) {
      throw new Error(`not a watch response: ${JSON.stringify(line)}`)
    }
    return plainMessage('/v3/watch', result)
  }

  async take(count: number): Promise<readonly JsonObject[]> {
    const taken: JsonObject[] = []
    while (taken.length < count) {
      taken.push(await this.next())
    }
    return taken
  }

  /** Sends a create request and expects its `created`; resolves to that answer. */
  async created(fields: JsonObject): Promise<JsonObject> {
    this.create(fields)
    const answer = await this.next()
    if (answer['created'] !== true || answer['canceled'] === true) {
      throw new Error(`not created: ${JSON.stringify(answer)}`)
    }
    return answer
  }
}

/** The header of every answer, after its ids became words; revision 0 is left out. */
export function headerAt(revision: number | undefined): JsonObject {
  return {
    cluster_id: '<number>',
    member_id: '<number>',
    ...(revision !== undefined && { revision: String(revision) }),
    raft_term: '<number>',
  }
}

export function eventsOf(answer: JsonObject): readonly JsonObject[] {
  const events = answer['events']
  return Array.isArray(events) ? (events as readonly JsonObject[]) : []
}

/** The keyspace through unary calls; each write resolves to its revision. */
export class Keyspace {
  readonly #url: () => string

  constructor(url: () => string) {
    this.#url = url
  }

  call(path: string, message: JsonObject): Promise<JsonObject> {
    return call(this.#url(), path, message)
  }

  put(key: string, value: string, fields: JsonObject = {}): Promise<number> {
    return this.#write('/v3/kv/put', { key: base64(key), value: base64(value), ...fields })
  }

  delete(key: string, rangeEnd?: string): Promise<number> {
    const end = rangeEnd === undefined ? {} : { range_end: base64(rangeEnd) }
    return this.#write('/v3/kv/deleterange', { key: base64(key), ...end })
  }

  txn(success: readonly Json[]): Promise<number> {
    return this.#write('/v3/kv/txn', { success })
  }

  revision(): Promise<number> {
    return this.#write('/v3/kv/range', { key: base64('\0'), count_only: true })
  }

  async compact(revision: number): Promise<void> {
    await this.call('/v3/kv/compaction', { revision, physical: true })
  }

  async #write(path: string, message: JsonObject): Promise<number> {
    const { header } = await this.call(path, message)
    return isObject(header) ? Number(header['revision']) : Number.NaN
  }
}

/** A key-value as JSON shows it: strings in, base64 and decimal strings out. */
export function kv(fields: {
  readonly key: string
  readonly value?: string
  readonly created?: number
  readonly modified: number
  readonly version?: number
}): JsonObject {
  const { key, value, created, modified, version } = fields
  return {
    key: base64(key),
    ...(created !== undefined && { create_revision: String(created) }),
    mod_revision: String(modified),
    ...(version !== undefined && { version: String(version) }),
    ...(value !== undefined && { value: base64(value) }),
  }
}
