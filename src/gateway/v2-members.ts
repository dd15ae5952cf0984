import { credentialsOf } from '../gateway-rules/v2-credentials.ts'
import type { V2MembersRequest, V2Unfit } from '../protocol/v2-service-call.ts'
import { originOf } from './routes.ts'
import { bodyWithin } from './v2-body.ts'
import { fieldsOf, GoJsonError, goKind, parseWhole, textsOf } from './v2-go-json.ts'
import { peerUrlProblem } from './v2-peer-url.ts'
import type { V2Request } from './v2-request.ts'
import { servedResponse } from './v2-service-answer.ts'

const UINT64 = /^[\da-f]+$/i
const UINT64_MAX = 0xffff_ffff_ffff_ffffn
/** More than any list of URLs is long. */
const BODY_BYTES_MAX = 1024 * 1024

/** Answers /v2/members and all below it (api/v2http/client.go, membersHandler). */
export async function membersResponse(asked: V2Request): Promise<Response> {
  const { request, shard } = asked
  const call = {
    on: 'members',
    asked: await requestOf(asked),
    origin: originOf(request.url),
    prefix: shard.prefix,
    credentials: credentialsOf(asked),
  } as const
  return servedResponse(shard, call, request.method)
}

async function requestOf({ request, rest }: V2Request): Promise<V2MembersRequest> {
  const name = rest.replace(/^\//, '')
  switch (request.method) {
    case 'GET':
      return name === '' ? { do: 'list' } : name === 'leader' ? { do: 'leader' } : notFound
    case 'POST': {
      const peerUrls = await peerUrlsOf(request)
      return 'do' in peerUrls ? peerUrls : { do: 'add', peerUrls }
    }
    case 'DELETE': {
      const id = idOf(name)
      return typeof id === 'bigint' ? { do: 'remove', id } : id
    }
    default: {
      const id = idOf(name)
      if (typeof id !== 'bigint') {
        return id
      }
      const peerUrls = await peerUrlsOf(request)
      return 'do' in peerUrls ? peerUrls : { do: 'update', id, peerUrls }
    }
  }
}

function unfit(status: number, message: string): V2Unfit {
  return { do: 'unfit', isRead: false, status, message }
}

const notFound: V2Unfit = { ...unfit(404, 'Not found'), isRead: true }

/** Go's strconv.ParseUint of hexadecimal digits. */
function idOf(name: string): bigint | V2Unfit {
  if (name === '') {
    return unfit(405, 'Method Not Allowed')
  }
  const id = UINT64.test(name) ? BigInt(`0x${name}`) : undefined
  return id === undefined || id > UINT64_MAX ? unfit(404, `No such member: ${name}`) : id
}

async function peerUrlsOf(request: Request): Promise<readonly string[] | V2Unfit> {
  const header = request.headers.get('Content-Type') ?? ''
  const semicolon = header.indexOf(';')
  const type = semicolon === -1 ? header : header.slice(0, semicolon).toLowerCase().trim()
  if (type !== 'application/json') {
    return unfit(415, `Bad Content-Type ${type}, accept application/json`)
  }
  const body = await bodyWithin(request, BODY_BYTES_MAX)
  if (body === undefined) {
    return unfit(400, 'http: request body too large')
  }
  try {
    const urls = urlsIn(parseWhole(body))
    const problem = peerUrlProblem(urls)
    return problem === undefined ? urls : unfit(400, problem)
  } catch (error) {
    if (error instanceof GoJsonError) {
      return unfit(400, error.message)
    }
    throw error
  }
}

const GO_TYPE = 'struct { PeerURLs []string "json:\\"peerURLs\\"" }'

function urlsIn(value: unknown): readonly string[] {
  if (value === null) {
    return []
  }
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new GoJsonError(
      `json: cannot unmarshal ${goKind(value)} into Go value of type ${GO_TYPE}`,
    )
  }
  const list = fieldsOf(value, ['peerURLs']).get('peerURLs') ?? []
  const urls = textsOf(list)
  if (urls !== undefined) {
    return urls
  }
  const wrong: unknown = Array.isArray(list)
    ? list.find((one) => one !== null && typeof one !== 'string')
    : list
  const type = Array.isArray(list) ? 'string' : '[]string'
  throw new GoJsonError(
    `json: cannot unmarshal ${goKind(wrong)} into Go struct field .peerURLs of type ${type}`,
  )
}
