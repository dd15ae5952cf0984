import { alternate, type BenchCase, type Row, withRunning } from './bench-case.ts'
import { fill } from './fill.ts'
import { keyAt } from './keys.ts'
import { runLoad } from './load.ts'
import { unaryFigures } from './measured-window.ts'
import { putJson, rangeJson, valueOf } from './messages.ts'
import type { RequestsOf } from './requests.ts'

const PREFIX = 'bench/kv/'
const KEYS = 10_000
const VALUE_BYTES = 256
const CLIENTS = [1, 32, 128]

/** A stride that is coprime to the number of keys visits all of them out of order. */
const shuffledKeys = Array.from({ length: KEYS }, (_, i) => keyAt(PREFIX, (i * 7919) % KEYS))

export const put = kvCase('put', `JSON put of ${VALUE_BYTES} B over one of ${KEYS} keys`, {
  kind: 'same',
  path: '/v3/kv/put',
  bodies: shuffledKeys.map((key) => putJson(key, valueOf(VALUE_BYTES))),
  expect: '"revision":',
})

export const range = kvCase('range', `JSON range of one of ${KEYS} keys`, {
  kind: 'same',
  path: '/v3/kv/range',
  bodies: shuffledKeys.map((key) => rangeJson(key)),
  expect: '"count":"1"',
})

export const txn = kvCase('txn', 'JSON txn: compare mod_revision, put', {
  kind: 'swap',
  prefix: PREFIX,
  valueBytes: VALUE_BYTES,
})

function kvCase(name: string, about: string, requests: RequestsOf): BenchCase {
  return {
    name,
    about,
    run: ({ contestants, seconds, rounds }) =>
      withRunning(contestants, async (running) => {
        for (const { url } of running) {
          await fill(url, { prefix: PREFIX, keys: KEYS, valueBytes: VALUE_BYTES, times: 1 })
        }
        const rows: Row[] = []
        for (const clients of CLIENTS) {
          const measured = await alternate(running, rounds, async ({ url, rootPid }) => {
            const load = { kind: 'unary', url, serverPid: rootPid, clients, seconds } as const
            return unaryFigures(`JSON ${name}, ${clients}`, await runLoad({ ...load, requests }))
          })
          rows.push(...measured)
        }
        return rows
      }),
  }
}
