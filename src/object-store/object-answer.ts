import * as z from 'zod'
import { bodyBytes } from './body-bytes.ts'
import {
  type ByteRange,
  type ObjectStore,
  OBJECT_BYTES_MAX,
  ObjectStoreError,
  type PutCondition,
} from './object-store.ts'

/** The path of all objects; that of one is this, a slash and its key. */
export const OBJECTS_PATH = '/objects'

/** How many keys are deleted by one request, and how long their list gets. */
export const DELETED_MAX = 1000
const KEYS_BYTES_MAX = DELETED_MAX * 1024

/** The size of the object that is put, or of the whole of which a range may be answered. */
export const SIZE_HEADER = 'X-Object-Size'

/** What is said of an error. */
export const storeProblem = z.object({ message: z.string(), retryable: z.boolean() })

/**
 * Answers for a store what `HostStore` asks, which is a Worker's way to files: HTTP's own methods and
 * conditions, the objects' bytes as they are, and all else in JSON.
 */
export async function answerForStore(store: ObjectStore, request: Request): Promise<Response> {
  try {
    return await answer(store, request)
  } catch (error) {
    if (error instanceof ObjectStoreError) {
      const { message, retryable } = error
      return Response.json({ message, retryable }, { status: 500 })
    }
    throw error
  }
}

async function answer(store: ObjectStore, request: Request): Promise<Response> {
  const url = new URL(request.url)
  const key = url.pathname.slice(OBJECTS_PATH.length + 1)
  switch (request.method) {
    case 'GET':
      return key === '' ? list(store, url.searchParams) : get(store, key, request.headers)
    case 'HEAD':
      return new Response(null, { status: (await store.has(key)) ? 204 : 404 })
    case 'PUT': {
      const length = request.headers.get(SIZE_HEADER)
      const bytes = await bodyBytes(request, OBJECT_BYTES_MAX, length)
      const isPut = await store.put(key, bytes, conditionOf(request.headers))
      return new Response(null, { status: isPut ? 204 : 412 })
    }
    case 'POST':
      await store.delete(z.array(z.string()).parse(JSON.parse(await textOf(request))))
      return new Response(null, { status: 204 })
    default:
      return new Response(null, { status: 405 })
  }
}

async function get(store: ObjectStore, key: string, headers: Headers): Promise<Response> {
  const object = await store.get(key, rangeOf(headers.get('Range')))
  if (object === undefined) {
    return new Response(null, { status: 404 })
  }
  const { bytes, size, etag } = object
  return new Response(bytes, { headers: { ETag: `"${etag}"`, [SIZE_HEADER]: String(size) } })
}

async function list(store: ObjectStore, asked: URLSearchParams): Promise<Response> {
  const [after, limit] = [asked.get('after'), asked.get('limit')]
  const page = await store.list(asked.get('prefix') ?? '', {
    ...(after === null ? {} : { after }),
    ...(limit === null ? {} : { limit: Number(limit) }),
  })
  return Response.json(page)
}

async function textOf(request: Request): Promise<string> {
  return new TextDecoder().decode(await bodyBytes(request, KEYS_BYTES_MAX))
}

/** HTTP's range names its last byte, so one of no bytes is told by its length alone. */
function rangeOf(header: string | null): ByteRange | undefined {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(header ?? '') ?? []
  const [from, to] = [Number(first), Number(last)]
  return first === undefined ? undefined : { offset: from, length: to - from + 1 }
}

function conditionOf(headers: Headers): PutCondition | undefined {
  const etag = /^"(.*)"$/.exec(headers.get('If-Match') ?? '')?.[1]
  if (etag !== undefined) {
    return { etag }
  }
  return headers.get('If-None-Match') === '*' ? 'absent' : undefined
}
