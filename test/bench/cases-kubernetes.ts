import { type ApiServer, findApiServer, startApiServer } from './api-server.ts'
import { alternate, type BenchCase, type Figures, type Row, withRunning } from './bench-case.ts'
import { type Certificates, withCertificates } from './certificates.ts'
import type { Running } from './contestant.ts'
import { runLoad } from './load.ts'
import { unaryFigures } from './measured-window.ts'

/** Writes for each second that was asked for, about as many as there is time for. */
const LOADS = [
  { clients: 1, writesPerSecond: 200 },
  { clients: 4, writesPerSecond: 400 },
  { clients: 16, writesPerSecond: 600 },
]
/** A kube-apiserver opens most of its connections at its start, and a server's code is compiled as it runs. */
const WARM_UP = { clients: 4, writes: 2000 }

export const kubernetes: BenchCase = {
  name: 'kubernetes',
  about: `ConfigMaps of 1 KB through a kube-apiserver for each store, by ${LOADS.map(({ clients }) => clients).join(', ')} clients, in plaintext and over TLS`,
  forKubernetes: true,
  run: async (options) => {
    const binary = await findApiServer()
    if (binary === undefined) {
      console.error('skipped: no kube-apiserver in $KUBERNETES_BIN or PATH')
      return []
    }
    const plain = await measured(binary, options)
    const secure = await withCertificates((made) => measured(binary, options, made))
    return [...plain, ...secure]
  },
}

interface Pair {
  readonly store: Running
  readonly apiServer: ApiServer
}

function measured(
  binary: string,
  { contestants, seconds, rounds }: Parameters<BenchCase['run']>[0],
  certificates?: Certificates,
): Promise<readonly Row[]> {
  const suffix = certificates === undefined ? '' : ' over TLS'
  return withRunning(
    contestants,
    async (stores) => {
      const pairs: Pair[] = []
      try {
        for (const store of stores) {
          pairs.push({ store, apiServer: await startApiServer(binary, store, certificates) })
        }
        for (const pair of pairs) {
          await load(pair, { namespace: 'warm-up', ...WARM_UP })
        }
        const rows: Row[] = []
        for (const { clients, writesPerSecond } of LOADS) {
          const writes = Math.ceil((writesPerSecond * seconds) / 2) * 2
          const name = `kubernetes${suffix}, ${clients}`
          const measure = async (pair: Pair, round: number): Promise<Figures> => {
            const namespace = `bench-${clients}-${round}`
            const { written, listedPerSecond } = await load(pair, { namespace, clients, writes })
            return {
              ...unaryFigures(name, written),
              [`${name}, listed objects per s`]: listedPerSecond,
            }
          }
          rows.push(...(await alternate(pairs, rounds, measure)))
        }
        return rows
      } finally {
        await Promise.all(pairs.map(({ apiServer }) => apiServer.stop()))
      }
    },
    certificates === undefined ? {} : { certificates },
  )
}

function load(
  { store, apiServer }: Pair,
  of: { readonly namespace: string; readonly clients: number; readonly writes: number },
) {
  return runLoad({ kind: 'kubernetes', url: apiServer.url, serverPid: store.rootPid, ...of })
}
