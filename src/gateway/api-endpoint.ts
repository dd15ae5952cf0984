import * as z from 'zod'
import { Code, RpcStatus } from '../protocol/status.ts'
import { statusOfFailure } from './failure.ts'
import type { GatewayRequest } from './gateway-request.ts'
import { chunksOf } from './json-requests.ts'
import { refusalResponse } from './refusal.ts'
import { join } from './request-body.ts'

/** What an endpoint is told of the request, besides its parameters and body. */
export type ApiRequest = Pick<GatewayRequest, 'request' | 'env' | 'settings' | 'visitor'>

/** Many times what any body of the API can hold. */
const BODY_BYTES_MAX = 65_536

/** An endpoint of the deployment's own API, as everybody sees it who need not know its types. */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** With its parameters in braces: `/keyspaces/{name}`. */
  readonly path: string
  /** OpenAPI's operationId. */
  readonly id: string
  readonly summary: string
  readonly params: z.ZodObject | undefined
  readonly query: z.ZodObject | undefined
  readonly body: z.ZodType | undefined
  /** A body of bytes, in place of one of JSON. */
  readonly bytes: BytesBody | undefined
  readonly success: Success<z.ZodType>
  /** What each status says by which it refuses, besides those that any endpoint has. */
  readonly refusals: Readonly<Record<number, string>>
  readonly answer: (
    asked: ApiRequest,
    params: Readonly<Record<string, string>>,
  ) => Promise<Response>
}

interface BytesBody {
  readonly description: string
  readonly lengthMax: number
}

interface Success<Answer> {
  readonly status: 200 | 201 | 204
  readonly description: string
  /** None where there is no body. */
  readonly schema?: Answer | undefined
}

/** Everything about an endpoint is declared once: routes, checks and the OpenAPI document follow. */
interface Declaration<
  Params extends z.ZodObject,
  Query extends z.ZodObject,
  Body extends z.ZodType,
  Answer extends z.ZodType,
> extends Pick<Endpoint, 'method' | 'path' | 'id' | 'summary'> {
  readonly params?: Params
  readonly query?: Query
  readonly body?: Body
  readonly bytes?: BytesBody
  readonly success: Success<Answer>
  readonly refusals?: Readonly<Record<number, string>>
  /** Throws an RpcStatus. */
  readonly handle: (
    asked: ApiRequest,
    input: {
      readonly params: z.output<Params>
      readonly query: z.output<Query>
      readonly body: z.output<Body>
      /** None where no body of bytes is declared. */
      readonly bytes: Uint8Array
    },
  ) => Promise<z.input<Answer>>
}

export function endpoint<
  Params extends z.ZodObject = z.ZodObject,
  Query extends z.ZodObject = z.ZodObject,
  Body extends z.ZodType = z.ZodUndefined,
  Answer extends z.ZodType = z.ZodVoid,
>(declaration: Declaration<Params, Query, Body, Answer>): Endpoint {
  const { params, query, body, bytes, success, refusals = {}, handle } = declaration
  const answer: Endpoint['answer'] = async (asked, given) => {
    try {
      const { searchParams } = new URL(asked.request.url)
      const result = await handle(asked, {
        params: parsed(params ?? z.object({}), given, Code.NOT_FOUND) as z.output<Params>,
        query: parsed(
          query ?? z.strictObject({}),
          Object.fromEntries(searchParams),
          Code.INVALID_ARGUMENT,
        ) as z.output<Query>,
        body: (body &&
          parsed(body, await readJson(asked.request), Code.INVALID_ARGUMENT)) as z.output<Body>,
        bytes: bytes === undefined ? NO_BYTES : await readBytes(asked.request, bytes.lengthMax),
      })
      return success.schema === undefined
        ? new Response(null, { status: success.status })
        : Response.json(result, { status: success.status })
    } catch (error) {
      return refusalResponse(statusOfFailure(error))
    }
  }
  return { ...declaration, params, query, body, bytes, refusals, answer }
}

function parsed<Schema extends z.ZodType>(
  schema: Schema,
  given: unknown,
  code: Code,
): z.output<Schema> {
  const result = schema.safeParse(given)
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) =>
      path.length === 0 ? message : `${path.join('.')}: ${message}`,
    )
    throw new RpcStatus(code, problems.join('; '))
  }
  return result.data
}

async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw error instanceof SyntaxError
      ? new RpcStatus(Code.INVALID_ARGUMENT, `the body is not JSON: ${error.message}`)
      : error
  }
}

const NO_BYTES = new Uint8Array(0)

async function readBytes({ body }: Request, lengthMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of chunksOf(body)) {
    chunks.push(chunk)
    length += chunk.length
    if (length > lengthMax) {
      throw new RpcStatus(Code.INVALID_ARGUMENT, `the body is longer than ${lengthMax} bytes`)
    }
  }
  return join(chunks, length)
}

/** Not more of it than there can be. */
async function readText({ body }: Request): Promise<string> {
  let text = ''
  for await (const chunk of body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += chunk
    if (text.length > BODY_BYTES_MAX) {
      throw new RpcStatus(Code.INVALID_ARGUMENT, `the body is longer than ${BODY_BYTES_MAX} bytes`)
    }
  }
  return text
}
