import type { Chunks } from './json-requests.ts'
import { keepAlive } from './keep-alive.ts'
import type { Lines } from './lines.ts'
import type { IncomingRequest } from './unary.ts'
import { watch } from './watch.ts'

/** The answer to a call whose requests are a sequence. */
export function openLines(call: IncomingRequest, input: Chunks): Lines {
  return call.method === '/etcdserverpb.Lease/LeaseKeepAlive'
    ? keepAlive(call, input)
    : watch(call, input)
}
