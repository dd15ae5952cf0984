// test/golden/auth.jsonl and auth-jwt.jsonl, asked of a server over JSON or gRPC.
import { readFileSync } from 'node:fs'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { decodeJson } from '../../src/protocol/json-decode.ts'
import { encodeJson } from '../../src/protocol/json-encode.ts'
import type { MessageType } from '../../src/protocol/message-type.ts'
import { routes, streaming } from '../../src/protocol/methods.ts'
import type { GrpcClient } from './grpc-client.ts'
import { isRefusal } from './grpc-streams.ts'
import { firstLine, isObject, type JsonObject, parseObject } from './http.ts'

export interface AuthRecording {
  readonly label: string
  readonly path: keyof typeof routes
  readonly headers: { readonly Authorization?: string }
  readonly body: string
  readonly response: string
}

/** A refusal, or what was answered: all of it by Auth, what became of it by a watch, else that it was. */
type Outcome = JsonObject

/** Asks what was recorded, with a token of this server. */
export type AskWithToken = (
  recording: AuthRecording,
  token: string | undefined,
) => Promise<JsonObject>

export function readAuthRecordings(file: string): readonly AuthRecording[] {
  const text = readFileSync(new URL(`../golden/${file}`, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuthRecording)
}

/** Asks everything in order; resolves to what was answered otherwise than recorded. */
export async function differences(
  recordings: readonly AuthRecording[],
  ask: AskWithToken,
  sign: (claims: JsonObject) => Promise<string> = () => Promise.reject(new Error('no key')),
): Promise<readonly object[]> {
  const found: object[] = []
  /** Of the recorded logins, by the names that the recording gives their tokens. */
  const tokens = new Map<string, string>()
  for (const recording of recordings) {
    const shown = recording.headers.Authorization
    const claims = shown === undefined ? undefined : /^jwt:(.*)$/.exec(shown)?.[1]
    const token =
      claims === undefined ? (tokens.get(shown ?? '') ?? shown) : await sign(parseObject(claims))
    const expected = outcomeOf(recording, parseObject(recording.response))
    const answer = await ask(recording, token)
    if (typeof expected['token'] === 'string' && typeof answer['token'] === 'string') {
      tokens.set(expected['token'], answer['token'])
    }
    const actual = outcomeOf(recording, answer)
    if (!isSame(actual, expected)) {
      found.push({ label: recording.label, expected, actual })
    }
  }
  return found
}

function outcomeOf({ path }: AuthRecording, answer: JsonObject): Outcome {
  const { code, message } = isObject(answer['error']) ? answer['error'] : answer
  if (code !== undefined) {
    return { code, message }
  }
  const { header: _header, ...rest } = isObject(answer['result']) ? answer['result'] : answer
  return path.startsWith('/v3/auth/') || path === '/v3/watch' ? rest : { answered: true }
}

/** Tokens are never the same. */
function isSame(actual: Outcome, expected: Outcome): boolean {
  const anyToken = (outcome: Outcome): Outcome => ({
    ...outcome,
    ...(typeof outcome['token'] === 'string' && { token: 'some' }),
  })
  return JSON.stringify(anyToken(actual)) === JSON.stringify(anyToken(expected))
}

/** Over HTTP the first line of a stream is its answer. */
export function askingHttp(url: string): AskWithToken {
  return async ({ path, body }, token) => {
    const left = new AbortController()
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      body,
      // workerd drops an empty Authorization header, so that one is sent by its other name.
      headers:
        token === undefined
          ? {}
          : { [token === '' ? 'Grpc-Metadata-Token' : 'Authorization']: token },
      signal: left.signal,
    })
    const line = await firstLine(response)
    left.abort()
    return parseObject(line)
  }
}

export function askingGrpc(client: GrpcClient): AskWithToken {
  return async ({ path, body }, token) => {
    const method = routes[path]
    const request = rpcMethods[method].request as MessageType<object>
    const response = rpcMethods[method].response as MessageType<object>
    const message = decodeJson(request, Buffer.from(body))
    const options = { metadata: token === undefined ? {} : { token } }
    try {
      if (streaming(method) === 'unary') {
        const answer = await client.call(method, message, options)
        return parseObject(encodeJson(response, answer))
      }
      const stream = client.stream(method, options)
      stream.send(message)
      if (streaming(method) === 'server_stream') {
        stream.halfClose()
      }
      const answer = await stream.next()
      stream.cancel()
      return parseObject(encodeJson(response, answer ?? {}))
    } catch (error) {
      if (!isRefusal(error)) {
        throw error
      }
      return {
        code: error.code,
        message: error.details,
      }
    }
  }
}
