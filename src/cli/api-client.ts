import { readFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest, type RequestOptions } from 'node:https'
import { text } from 'node:stream/consumers'
import * as z from 'zod'
import type { ClientFlags } from './client-flag-table.ts'
import { Failure, systemErrorCode } from './failure.ts'
import { readToken } from './token-file.ts'

const ANSWER_MS_MAX = 60_000

/** What a deployment has refused, or was not there to be asked. */
export class ApiFailure extends Failure {
  /** The HTTP status; undefined where nothing was answered. */
  readonly status: number | undefined

  constructor(message: string, status: number | undefined) {
    super(message)
    this.status = status
  }
}

const refusal = z.object({ message: z.string() })

/** The API of a deployment, as its commands ask it. */
export class ApiClient {
  readonly #endpoint: URL
  readonly #options: RequestOptions
  readonly #headers: Readonly<Record<string, string>>

  /** Throws Failure where a file cannot be read. */
  constructor(flags: ClientFlags) {
    const token = readToken(flags['token-file'])
    this.#endpoint = flags.endpoint
    this.#options = {
      ...(flags.cacert !== '' && { ca: readPem(flags.cacert) }),
      ...(flags.cert !== '' && { cert: readPem(flags.cert) }),
      ...(flags.key !== '' && { key: readPem(flags.key) }),
    }
    this.#headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
  }

  /** What is answered to the request, read by `schema`. Throws ApiFailure where it is a refusal. */
  async ask<T>(request: ApiRequest, schema: z.ZodType<T>): Promise<T> {
    const { status, body } = await this.#send(request)
    if (status >= 300) {
      const said = refusal.safeParse(parsed(body))
      const message = said.success ? said.data.message : `${this.#shown} answers HTTP ${status}`
      throw new ApiFailure(message, status)
    }
    const answer = schema.safeParse(parsed(body))
    if (!answer.success) {
      throw new Failure(`${this.#shown} does not answer as etcdurable does`)
    }
    return answer.data
  }

  get #shown(): string {
    return this.#endpoint.href.replace(/\/$/, '')
  }

  #send({ method, path, body }: ApiRequest): Promise<{ status: number; body: string }> {
    const start = this.#endpoint.protocol === 'https:' ? httpsRequest : httpRequest
    return new Promise((resolve, reject) => {
      const type = body instanceof Uint8Array ? 'application/octet-stream' : 'application/json'
      const headers = { ...this.#headers, 'content-type': type }
      const options = { ...this.#options, headers, method, timeout: ANSWER_MS_MAX }
      const request = start(`${this.#shown}${path}`, options, (response) => {
        text(response).then(
          (answer) => resolve({ status: response.statusCode ?? 0, body: answer }),
          (error: unknown) => reject(this.#unreachable(error)),
        )
      })
      request.once('timeout', () => request.destroy(new Error('no answer')))
      request.once('error', (error) => reject(this.#unreachable(error)))
      request.end(body instanceof Uint8Array ? body : body && JSON.stringify(body))
    })
  }

  #unreachable(error: unknown): ApiFailure {
    const reasons = error instanceof AggregateError ? error.errors : [error]
    const texts = reasons.map((one) => (one instanceof Error ? one.message : String(one)))
    return new ApiFailure(`cannot reach ${this.#shown}: ${texts.join(', ')}`, undefined)
  }
}

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Encoded, with its query. */
  readonly path: string
  /** Sent as JSON, unless it is bytes. */
  readonly body?: object
}

/** Undefined for what is no JSON, an empty body for one. */
function parsed(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch (error) {
    if (error instanceof SyntaxError) {
      return undefined
    }
    throw error
  }
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw systemErrorCode(error) === undefined
      ? error
      : new Failure(`cannot read ${path}: ${systemErrorCode(error)}`)
  }
}
