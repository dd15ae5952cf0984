import { alternate, type BenchCase, type Row, withRunning } from './bench-case.ts'
import { runLoad } from './load.ts'
import { unaryFigures } from './measured-window.ts'

const KEYS = 1000
const VALUE_BYTES = 256
const CLIENTS = [1, 32]
const FILL_AT_ONCE = 32

const paths = Array.from({ length: KEYS }, (_, place) => `/v2/keys/bench/${place}`)
const form = `value=${'x'.repeat(VALUE_BYTES)}`

/** etcd has had no v2 API since 3.6. */
const HAS_V2 = /^etcdurable|^etcd 3\.[0-5]\./

export const v2Set: BenchCase = {
  name: 'v2-set',
  about: `v2 set of ${VALUE_BYTES} B over one of ${KEYS} keys, beside an etcd that has the v2 API`,
  run: ({ contestants, seconds, rounds }) =>
    withRunning(
      contestants.filter(({ name }) => HAS_V2.test(name)),
      async (running) => {
        for (const { url } of running) {
          await fill(url)
        }
        const rows: Row[] = []
        for (const clients of CLIENTS) {
          const measured = await alternate(running, rounds, async ({ url, rootPid }) => {
            const load = { kind: 'unary', url, serverPid: rootPid, clients, seconds } as const
            const requests = { kind: 'v2-set', paths, form } as const
            return unaryFigures(`v2 set, ${clients}`, await runLoad({ ...load, requests }))
          })
          rows.push(...measured)
        }
        return rows
      },
      { flags: ['--enable-v2'] },
    ),
}

async function fill(url: string): Promise<void> {
  for (let at = 0; at < KEYS; at += FILL_AT_ONCE) {
    const some = paths.slice(at, at + FILL_AT_ONCE)
    await Promise.all(
      some.map(async (path) => {
        const body = new URLSearchParams(form)
        const response = await fetch(new URL(path, url), { method: 'PUT', body })
        await response.arrayBuffer()
      }),
    )
  }
}
