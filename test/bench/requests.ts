import { post, putForm } from './connection.ts'
import { keyAt } from './keys.ts'
import { base64, putJson, valueOf } from './messages.ts'

/** What a task tells of its requests; it crosses to the load's thread. */
export type RequestsOf =
  /** The same requests over and over; every answer contains `expect`. */
  | {
      readonly kind: 'same'
      readonly path: string
      readonly bodies: readonly string[]
      expect: string
    }
  /** Sets the keys of etcd's v2 API over and over, which have to be there. */
  | { readonly kind: 'v2-set'; readonly paths: readonly string[]; readonly form: string }
  /** Each client swaps the value of its own key, comparing the revision of its last swap. */
  | { readonly kind: 'swap'; readonly prefix: string; readonly valueBytes: number }
  /** Puts every key of a prefix, `times` over, in transactions of 128 puts; then the load ends. */
  | {
      readonly kind: 'fill'
      readonly prefix: string
      readonly keys: number
      readonly valueBytes: number
      readonly times: number
    }

export interface Requests {
  /** The client's next request; undefined when there is no more to do. */
  next(client: number): Buffer | undefined
  /** Throws when that is not the answer to the client's last request. */
  check(client: number, answer: Buffer): void
}

export function requestsOf(url: string, of: RequestsOf): Requests {
  switch (of.kind) {
    case 'same':
      return sameRequests(url, of)
    case 'v2-set':
      return cycled(
        of.paths.map((path) => putForm(url, path, of.form)),
        '"prevNode":',
      )
    case 'swap':
      return swapRequests(url, of)
    case 'fill':
      return fillRequests(url, of)
  }
}

function sameRequests(url: string, of: RequestsOf & { kind: 'same' }): Requests {
  return cycled(
    of.bodies.map((body) => post(url, of.path, body)),
    of.expect,
  )
}

function cycled(requests: readonly Buffer[], expect: string): Requests {
  let sent = 0
  return {
    next: () => requests[sent++ % requests.length],
    check: (_, answer) => {
      if (!answer.includes(expect)) {
        throw unexpected(answer)
      }
    },
  }
}

function swapRequests(url: string, of: RequestsOf & { kind: 'swap' }): Requests {
  const value = valueOf(of.valueBytes)
  const revisions: (string | undefined)[] = []
  return {
    next: (client) => {
      const key = base64(keyAt(of.prefix, client))
      const revision = revisions[client] ?? '0'
      const compare = `{"key":"${key}","target":"MOD","result":"EQUAL","mod_revision":"${revision}"}`
      const success = `{"request_put":{"key":"${key}","value":"${value}"}}`
      const failure = `{"request_range":{"key":"${key}"}}`
      const body = `{"compare":[${compare}],"success":[${success}],"failure":[${failure}]}`
      return post(url, '/v3/kv/txn', body)
    },
    check: (client, answer) => {
      const text = answer.toString('latin1')
      const swapped = text.includes('"succeeded":true')
      // Only the first request does not know the revision: nobody else writes to the key.
      if (!swapped && revisions[client] !== undefined) {
        throw unexpected(answer)
      }
      revisions[client] = (swapped ? /"revision":"(\d+)"/ : /"mod_revision":"(\d+)"/).exec(
        text,
      )?.[1]
    },
  }
}

/** Below what servers take by default. */
const TXN_BYTES = 1_000_000
const PUTS_PER_TXN = 128

function fillRequests(url: string, of: RequestsOf & { kind: 'fill' }): Requests {
  const value = valueOf(of.valueBytes)
  const putsMax = Math.min(PUTS_PER_TXN, Math.ceil(TXN_BYTES / of.valueBytes))
  let put = 0
  return {
    next: () => {
      const puts: string[] = []
      while (puts.length < putsMax && put < of.keys * of.times) {
        const key = keyAt(of.prefix, put++ % of.keys)
        puts.push(`{"request_put":${putJson(key, value)}}`)
      }
      return puts.length === 0
        ? undefined
        : post(url, '/v3/kv/txn', `{"success":[${puts.join(',')}]}`)
    },
    check: (_, answer) => {
      if (!answer.includes('"succeeded":true')) {
        throw unexpected(answer)
      }
    },
  }
}

function unexpected(answer: Buffer): Error {
  return new Error(`an unexpected answer: ${answer.toString('utf8', 0, 500)}`)
}
