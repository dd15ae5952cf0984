import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { EngineError } from '../../src/mvcc/errors.ts'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { decodeJson } from '../../src/protocol/json-decode.ts'
import { encodeJson } from '../../src/protocol/json-encode.ts'
import type { MessageType } from '../../src/protocol/message-type.ts'
import { routes } from '../../src/protocol/methods.ts'
import { Code, fromEngineError, RpcStatus } from '../../src/protocol/status.ts'
import { bytes } from './keyspace.ts'
import { LONG_PASSWORD, RecordedServer } from './recorded-server.ts'

interface Recording {
  readonly label: string
  readonly path: keyof typeof routes
  readonly headers: { readonly Authorization?: string }
  readonly body: string
  readonly response: string
}

/** How a call ended: the refusal, or what an RPC of Auth answered, or that another was let pass. */
type Outcome = { readonly code: number; readonly message: string } | { readonly answer: unknown }

const LET_PASS: Outcome = { answer: 'let pass' }
/** What a watch says of its refusal: the words that Go has for a status. */
const statusWords: Readonly<Record<string, number>> = {
  InvalidArgument: Code.INVALID_ARGUMENT,
  PermissionDenied: Code.PERMISSION_DENIED,
  Unauthenticated: Code.UNAUTHENTICATED,
}
/** What the engine's other parts refuse later, or the part that is not put together here. */
const later = /member|URL|compacted|revision is a future|downgrade|transferee|lease (not|already)/

describe('what a real etcd 3.7.1 answered', () => {
  it('[AUT1] [AUT2] is answered: users, roles and permissions, and who may ask what', async () => {
    expect(await differences('auth.jsonl', false)).toEqual([])
  })

  it('[AUT3] is answered to those who show a JWT, be it current, old or signed elsewhere', async () => {
    expect(await differences('auth-jwt.jsonl', true)).toEqual([])
  })
})

async function differences(file: string, jwt: boolean): Promise<readonly object[]> {
  const server = new RecordedServer(jwt)
  const found: object[] = []
  for (const recording of readRecordings(file)) {
    const expected = recorded(recording)
    const actual = await outcome(server, recording, expected)
    if (JSON.stringify(actual) !== JSON.stringify(expected)) {
      found.push({ label: recording.label, expected, actual })
    }
  }
  return found
}

/** A lock and an election are made of other requests, none of which is put together here. */
function readRecordings(file: string): readonly Recording[] {
  const text = readFileSync(new URL(`../golden/${file}`, import.meta.url), 'utf8')
  const recordings = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Recording)
    .filter(({ path }) => !/^\/v3\/(lock|election)\//.test(path))
  expect(recordings.length).toBeGreaterThan(200)
  return recordings
}

function recorded({ path, response }: Recording): Outcome {
  const body = JSON.parse(response) as {
    readonly code?: number
    readonly message?: string
    readonly error?: { readonly code: number; readonly message: string }
    readonly result?: { readonly cancel_reason?: string }
  }
  const [, words = '', reason = ''] =
    /^rpc error: code = (\w+) desc = (.*)$/.exec(body.result?.cancel_reason ?? '') ?? []
  const canceled = reason === '' ? undefined : { code: statusWords[words], message: reason }
  const { code, message } = body.error ?? canceled ?? body
  if (code !== undefined && message !== undefined && !later.test(message)) {
    return { code, message }
  }
  return path.startsWith('/v3/auth/') ? { answer: body } : LET_PASS
}

async function outcome(
  server: RecordedServer,
  { path, headers, body }: Recording,
  expected: Outcome,
): Promise<Outcome> {
  const method = routes[path]
  const { request, response } = rpcMethods[method] as {
    readonly request: MessageType<object>
    readonly response: MessageType<object>
  }
  try {
    const message = decodeJson(request, bytes(body))
    const answer = await server.answer(method, message, headers.Authorization)
    if (!path.startsWith('/v3/auth/')) {
      return LET_PASS
    }
    if ('token' in answer && 'answer' in expected) {
      const { token } = expected.answer as { readonly token: string }
      server.remember(token, String(answer.token))
      return { answer: { token } }
    }
    return { answer: JSON.parse(encodeJson(response, { ...response.empty(), ...answer })) }
  } catch (error) {
    const status = statusOfError(error)
    return later.test(status.message) ? LET_PASS : { code: status.code, message: status.message }
  }
}

function statusOfError(error: unknown): RpcStatus {
  if (error instanceof EngineError) {
    return fromEngineError(error)
  }
  if (error instanceof Error && error.message === LONG_PASSWORD) {
    return new RpcStatus(Code.UNKNOWN, error.message)
  }
  throw error
}
