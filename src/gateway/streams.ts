import type { Chunks } from './json-requests.ts'
import { keepAlive } from './keep-alive.ts'
import type { Lines } from './lines.ts'
import type { Call } from './unary.ts'
import { watch } from './watch.ts'

/** The answer to a call whose requests are a sequence; undefined for a method that takes one. */
export function openLines(call: Call, input: Chunks): Lines | undefined {
  switch (call.method) {
    case '/etcdserverpb.Watch/Watch':
      return watch(call, input)
    case '/etcdserverpb.Lease/LeaseKeepAlive':
      return keepAlive(call, input)
    default:
      return undefined
  }
}
