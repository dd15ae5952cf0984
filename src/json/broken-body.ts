import type { Settings } from '../config/settings.ts'
import { methodAt } from '../gateway-rules/call.ts'
import { corsHeaders } from '../gateway-rules/cors.ts'
import { keyspacePath } from '../gateway-rules/keyspace-path.ts'
import { refusal } from '../gateway-rules/response.ts'
import type { Head } from '../http1/head.ts'
import type { RequestRules } from '../http1/request-reader.ts'
import { streaming } from '../protocol/methods.ts'
import { Code, RpcStatus } from '../protocol/status.ts'
import { wholeAnswer } from './answer.ts'

/** A unary call whose body is broken is refused as one with broken JSON, which is all that etcd sees. */
export function brokenBody(settings: Settings): RequestRules['brokenBody'] {
  return (head, why) => {
    if (!isUnaryCall(head)) {
      return undefined
    }
    const origin = head.fields.find(([name]) => name.toLowerCase() === 'origin')?.[1] ?? null
    const cors = corsHeaders({ headers: { get: () => origin } }, settings)
    const frame = { cors, isLast: true, nowMs: Date.now() }
    const status = new RpcStatus(Code.INVALID_ARGUMENT, why)
    return { answer: wholeAnswer(refusal(status), frame).text }
  }
}

function isUnaryCall({ method, target }: Head): boolean {
  const [path = ''] = target.path.split('?')
  const called = methodAt(keyspacePath(path).path.replace(/^\/v3beta\//, '/v3/'))
  return method === 'POST' && called !== undefined && streaming(called) === 'unary'
}
