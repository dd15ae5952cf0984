import { md5 } from '@noble/hashes/legacy'
import type { XmlElement } from '@rgrove/parse-xml'
import type { S3Settings } from '../config/snapshot-store.ts'
import { bodyBytes } from './body-bytes.ts'
import { conditionHeaders } from './condition-headers.ts'
import { checkKey, checkPrefix, checkSize, isKey, pageLimit } from './object-checks.ts'
import {
  type ByteRange,
  type ListedObject,
  type ObjectPage,
  type ObjectStore,
  OBJECT_BYTES_MAX,
  type PutCondition,
  type StoredObject,
} from './object-store.ts'
import { S3Client, type S3Request } from './s3-client.ts'
import { problemOf, type S3Problem, toldProblem } from './s3-problem.ts'
import { childrenOf, readAnswer, textOf } from './s3-xml.ts'

/** A million objects that are none of ours, before one that is. */
const FOREIGN_PAGES_MAX = 1000
/** What S3 deletes at once. */
const DELETED_MAX = 1000
/** A page of a thousand keys of a kilobyte, each with what else S3 says of it. */
const ANSWER_BYTES_MAX = 4 * 1024 * 1024
/** S3 may refuse both of two writes at once, and asks to try again: who loses hears it then. */
const CONFLICT_TRIES_MAX = 6
const CONFLICT_MS = 20

/** A bucket of something that speaks S3: Amazon's, R2 from outside, MinIO and others. */
export class S3Store implements ObjectStore {
  readonly name: string
  readonly #client: S3Client
  readonly #prefix: string

  /** `answerMs`: how long an answer may take, besides its bytes. */
  constructor(settings: S3Settings, answerMs?: number) {
    this.#client = new S3Client(settings, answerMs)
    this.#prefix = settings.prefix
    this.name = this.#client.name
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | undefined> {
    checkKey(key)
    // HTTP has no range of no bytes, and refuses one behind the end.
    const object = range?.length === 0 ? 'none' : await this.#get(key, range)
    return object === 'none' ? this.#head(key) : object
  }

  async has(key: string): Promise<boolean> {
    checkKey(key)
    return (await this.#head(key)) !== undefined
  }

  async put(key: string, bytes: Uint8Array, condition?: PutCondition): Promise<boolean> {
    checkKey(key)
    checkSize(key, bytes.length)
    const asked: S3Request = {
      method: 'PUT',
      key: this.#prefix + key,
      headers: conditionHeaders(condition),
      body: owned(bytes),
      bytes: bytes.length,
    }
    const what = this.#what(`put ${key}`)
    for (let tries = 1; ; tries++) {
      const problem = await this.#client.ask(what, asked, async (response) => {
        if (!response.ok) {
          return problemOf(response)
        }
        // Its connection serves again once an answer is read.
        await bodyBytes(response, ANSWER_BYTES_MAX)
        return undefined
      })
      if (problem === undefined) {
        return true
      }
      const isRefused = problem.status === 412 || (problem.status === 404 && isReplace(condition))
      if (isRefused && problem.code !== 'NoSuchBucket') {
        return false
      }
      if (problem.status !== 409 || tries === CONFLICT_TRIES_MAX) {
        throw toldProblem(what, problem)
      }
      await pause(CONFLICT_MS * 2 ** tries)
    }
  }

  async list(
    prefix: string,
    { after, limit }: { readonly after?: string; readonly limit?: number } = {},
  ): Promise<ObjectPage> {
    checkPrefix(prefix)
    const what = this.#what(`list ${prefix}`)
    const keysMax = pageLimit(limit)
    let query: Record<string, string> = {
      'list-type': '2',
      'max-keys': String(keysMax),
      'prefix': this.#prefix + prefix,
      ...(after === undefined ? {} : { 'start-after': this.#prefix + after }),
    }
    // What is not ours may fill whole pages, and a page of none would be the end.
    for (let pages = 0; pages < FOREIGN_PAGES_MAX; pages++) {
      const list = await this.#xml(what, { method: 'GET', query, bytes: 0 }, 'ListBucketResult')
      const listed = childrenOf(list, 'Contents').map((element) => this.#listed(what, element))
      const objects = listed.filter(({ key }) => isKey(key))
      const more = textOf(list, 'IsTruncated') === 'true'
      const last = listed.at(-1)
      const isFull = keysMax > 1 && listed.length >= keysMax
      if (!more && last !== undefined && isFull && objects.length > 0) {
        // MinIO takes a full page for the last one where keys of deeper folders end it.
        const behind = await this.list(prefix, { after: last.key, limit: 1 })
        return { objects, more: behind.objects.length > 0 }
      }
      if (objects.length > 0 || !more) {
        return { objects, more }
      }
      query = { ...query, 'continuation-token': textOf(list, 'NextContinuationToken') ?? '' }
    }
    throw toldProblem(what, { status: 200, code: '', message: 'it has pages and pages of others' })
  }

  async delete(keys: readonly string[]): Promise<void> {
    keys.forEach(checkKey)
    for (let at = 0; at < keys.length; at += DELETED_MAX) {
      await this.#deleteSome(keys.slice(at, at + DELETED_MAX))
    }
  }

  /** `none` where the object has not a byte of the range. */
  #get(key: string, range: ByteRange | undefined): Promise<StoredObject | 'none' | undefined> {
    const last = range === undefined ? 0 : range.offset + range.length - 1
    const asked: S3Request = {
      method: 'GET',
      key: this.#prefix + key,
      headers: range === undefined ? {} : { Range: `bytes=${range.offset}-${last}` },
      bytes: Math.min(range?.length ?? OBJECT_BYTES_MAX, OBJECT_BYTES_MAX),
    }
    const what = this.#what(`get ${key}`)
    return this.#client.ask(what, asked, async (response) => {
      if (!response.ok) {
        const problem = await problemOf(response)
        return problem.status === 416 ? 'none' : absentOr(what, problem)
      }
      const bytes = await bodyBytes(response, OBJECT_BYTES_MAX)
      const etag = etagOf(response)
      // A server may answer a range with all.
      const { offset, length } = range ?? { offset: 0, length: bytes.length }
      return response.status === 206
        ? { bytes, size: wholeSize(response), etag }
        : { bytes: bytes.subarray(offset, offset + length), size: bytes.length, etag }
    })
  }

  #head(key: string): Promise<StoredObject | undefined> {
    const what = this.#what(`head ${key}`)
    const asked: S3Request = { method: 'HEAD', key: this.#prefix + key, bytes: 0 }
    return this.#client.ask(what, asked, async (response) => {
      if (!response.ok) {
        return absentOr(what, { status: response.status, code: '', message: '' })
      }
      const size = Number(response.headers.get('Content-Length') ?? NaN)
      if (Number.isNaN(size)) {
        throw new Error('the answer does not say how long the object is')
      }
      return { bytes: new Uint8Array(0), size, etag: etagOf(response) }
    })
  }

  #listed(what: string, element: XmlElement): ListedObject {
    const [key, size] = [textOf(element, 'Key'), textOf(element, 'Size')]
    if (key?.startsWith(this.#prefix) !== true || size === undefined || !/^\d+$/.test(size)) {
      throw toldProblem(what, { status: 200, code: '', message: 'a list that is none' })
    }
    return { key: key.slice(this.#prefix.length), size: Number(size) }
  }

  async #deleteSome(keys: readonly string[]): Promise<void> {
    const what = this.#what('delete')
    const names = keys.map((key) => `<Object><Key>${this.#prefix + key}</Key></Object>`)
    const text = `<Delete><Quiet>true</Quiet>${names.join('')}</Delete>`
    const body = owned(new TextEncoder().encode(text))
    const asked: S3Request = {
      method: 'POST',
      query: { delete: '' },
      // Not every server takes one of the newer checksums in its place.
      headers: { 'Content-MD5': btoa(String.fromCharCode(...md5(body))) },
      body,
      bytes: 0,
    }
    const result = await this.#xml(what, asked, 'DeleteResult')
    const errors = childrenOf(result, 'Error').map((element) => ({
      code: textOf(element, 'Code') ?? '',
      message: `${textOf(element, 'Key') ?? ''}: ${textOf(element, 'Message') ?? ''}`,
    }))
    const failed = errors.find(({ code }) => code !== 'NoSuchKey')
    if (failed !== undefined) {
      // The answer has no status for each.
      const status = failed.code === 'AccessDenied' ? 403 : 500
      throw toldProblem(what, { status, ...failed })
    }
  }

  /** Reads an answer in XML, of which the outer element is known. */
  async #xml(what: string, asked: S3Request, name: string): Promise<XmlElement> {
    return this.#client.ask(what, asked, async (response) => {
      if (!response.ok) {
        throw toldProblem(what, await problemOf(response))
      }
      return readAnswer(await bodyBytes(response, ANSWER_BYTES_MAX), name)
    })
  }

  #what(operation: string): string {
    return `${this.name}: ${operation}`
  }
}

/** Undefined where there is no object of that key; throws for all else. */
function absentOr(what: string, problem: S3Problem): undefined {
  if (problem.status !== 404 || problem.code === 'NoSuchBucket') {
    throw toldProblem(what, problem)
  }
}

function isReplace(condition: PutCondition | undefined): boolean {
  return typeof condition === 'object'
}

/** It is told to nobody but the server that it is from. */
function etagOf(response: Response): string {
  return (response.headers.get('ETag') ?? '').replace(/^"(.*)"$/, '$1')
}

function wholeSize(response: Response): number {
  const [, size] = /^bytes \d+-\d+\/(\d+)$/.exec(response.headers.get('Content-Range') ?? '') ?? []
  if (size === undefined) {
    throw new Error('the answer does not say of what it is a range')
  }
  return Number(size)
}

/** A request takes no bytes that are shared. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes)
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}
