import { AwsV4Signer } from 'aws4fetch'
import type { S3Settings } from '../config/snapshot-store.ts'
import { ANSWER_MS_MAX, within } from './deadline.ts'
import { ObjectStoreError } from './object-store.ts'

export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'POST'
  /** With the prefix; none is the bucket itself. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
  /** How many bytes of an object go or come at most. */
  readonly bytes: number
}

/** Signed requests to one bucket, by the path that all have which speak S3: `endpoint/bucket/key`. */
export class S3Client {
  /** Of the bucket, for an operator. */
  readonly name: string
  readonly #settings: S3Settings
  readonly #answerMs: number
  /** Derived keys of the day. */
  readonly #cache = new Map<string, ArrayBuffer>()

  constructor(settings: S3Settings, answerMs = ANSWER_MS_MAX) {
    const { bucket, prefix, endpoint } = settings
    this.name = `s3://${bucket}/${prefix} at ${endpoint}`
    this.#settings = settings
    this.#answerMs = answerMs
  }

  /** `what` names the request in an error. What `read` does with the answer counts for its deadline. */
  ask<T>(what: string, asked: S3Request, read: (response: Response) => Promise<T>): Promise<T> {
    const { bytes } = asked
    return within({ answerMs: this.#answerMs, bytes, what }, async (signal) => {
      try {
        const { url, method, headers } = await this.#sign(asked)
        const body = asked.body ?? null
        // A signed request is for nobody else: S3 redirects where the region is wrong.
        const init = { method, headers, body, signal, redirect: 'manual' } as const
        return await read(await fetch(url, init))
      } catch (error) {
        throw error instanceof ObjectStoreError
          ? error
          : new ObjectStoreError(`${what}: ${reasonOf(error)}`, { retryable: true, cause: error })
      }
    })
  }

  async #sign({ method, key = '', query = {}, headers = {}, body }: S3Request) {
    const { endpoint, bucket, region } = this.#settings
    const { accessKeyId, secretAccessKey, sessionToken } = this.#settings
    const search = new URLSearchParams(query).toString()
    const signer = new AwsV4Signer({
      method,
      url: `${endpoint}/${bucket}/${key}${search === '' ? '' : `?${search}`}`,
      // With the digest of the body the bytes are signed as well, and checked where they arrive.
      headers: { ...headers, 'X-Amz-Content-Sha256': await sha256(body) },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: 's3',
      region,
      cache: this.#cache,
    })
    return signer.sign()
  }
}

async function sha256(bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0)): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** One line. Node says `fetch failed`, and why in the cause. */
function reasonOf(error: unknown): string {
  const { cause } = error instanceof Error ? error : {}
  const told = cause instanceof Error ? cause : error
  const message = told instanceof Error ? told.message : String(told)
  const code = told instanceof Error && 'code' in told ? String(told.code) : ''
  return (message === '' ? code : message).split('\n', 1)[0] ?? ''
}
