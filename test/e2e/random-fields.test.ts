import { expect, it, onTestFinished } from 'vitest'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import type { MessageType } from '../../src/protocol/message-type.ts'
import { type MethodName, routes } from '../../src/protocol/methods.ts'
import { type Code, httpStatus } from '../../src/protocol/status.ts'
import { seeds } from '../runs.ts'
import { enableAuth, login } from './auth-client.ts'
import { type HttpAnswer, type HttpRequest, parseObject, send, sendForLine } from './http.ts'
import { randomFields } from './random-fields.ts'
import { Random } from './random.ts'
import { Target, targetIsEtcd } from './target.ts'

const requestsPerSeed = 600
/** These would let auth, and with it half of what is tried, come to an end. */
const fateful = new Set(['/v3/auth/disable', '/v3/maintenance/alarm'])
const streams = new Set(['/v3/watch', '/v3/election/observe'])
const paths = Object.entries(routes).filter(([path]) => !fateful.has(path))

/** A stream, as far as its first line; nothing is waited for long. */
function askAny(url: string, request: HttpRequest): Promise<HttpAnswer> {
  return streams.has(request.path) ? sendForLine(url, request) : send(url, request)
}

function codeOf({ body }: HttpAnswer): number {
  if (body === '') {
    return 0
  }
  const answer = parseObject(body.split('\n')[0] ?? '')
  const refusal = (answer['error'] ?? answer) as Readonly<Record<string, number>>
  return refusal['code'] ?? 0
}

it.for(seeds(2))(
  '[BAD19] whatever the fields of a request hold, it is answered or refused, seed %d',
  async (seed, { skip }) => {
    if (targetIsEtcd) {
      return skip('etcd ends at some of these')
    }
    const target = await Target.start(['--bcrypt-cost=4'])
    onTestFinished(() => target.stop())
    await enableAuth(target.url)
    const random = new Random(seed)
    let token = await login(target.url, 'root')
    const seen = { answered: 0, refused: 0 }
    for (let i = 0; i < requestsPerSeed; i++) {
      const [path, method] = random.pick<[string, MethodName]>(paths)
      const type: MessageType<object> = rpcMethods[method].request
      const body = JSON.stringify(randomFields(random, type))
      const headers = { 'Authorization': token, 'Grpc-Timeout': '200m' }
      const answer = await askAny(target.url, { path, body, headers })
      const code = codeOf(answer)
      const told = `${path} ${body.slice(0, 1000)}: ${answer.status} ${answer.body}`
      expect(answer.status, told).toBe(httpStatus(code as Code))
      // 13 is Internal: nothing that a client sends is to be a surprise.
      expect(code, told).not.toBe(13)
      seen[code === 0 ? 'answered' : 'refused']++
      if (code === 16) {
        token = await login(target.url, 'root')
      }
    }
    expect(Math.min(seen.answered, seen.refused)).toBeGreaterThan(100)
  },
)
