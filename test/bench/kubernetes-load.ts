import { ApiClient } from './api-client.ts'
import { MeasuredWindow, type UnaryResult } from './measured-window.ts'

export interface KubernetesTask {
  readonly kind: 'kubernetes'
  /** Of the kube-apiserver. */
  readonly url: string
  /** Of the store: whose processor time is measured, with that of all processes below it. */
  readonly serverPid: number
  /** One that does not exist yet. */
  readonly namespace: string
  /** Connections with one request under way on each. */
  readonly clients: number
  /** Half of them create an object each, the other half update it once. */
  readonly writes: number
}

export interface KubernetesResult {
  readonly written: UnaryResult
  readonly listedPerSecond: number
}

const PAGE = 500
const DATA = { a: 'x'.repeat(1000) }

interface ConfigMapList {
  readonly items: readonly object[]
  readonly metadata: { readonly continue?: string }
}

/** Creates ConfigMaps of 1 KB, updates each once, and then lists them all in pages. */
export async function kubernetesLoad(task: KubernetesTask): Promise<KubernetesResult> {
  const { url, namespace, writes } = task
  const clients = Array.from({ length: task.clients }, () => new ApiClient(url))
  const [first] = clients
  const metadata = { name: namespace }
  await first?.expect(201, 'POST', '/api/v1/namespaces', { metadata })
  const path = `/api/v1/namespaces/${namespace}/configmaps`
  // Nor is the handshake of a connection counted.
  await Promise.all(clients.map((client) => client.expect(200, 'GET', `${path}?limit=1`)))
  const window = new MeasuredWindow(Infinity, task.serverPid)
  let made = 0
  const work = async (client: ApiClient): Promise<void> => {
    while (made < writes / 2) {
      const name = `object-${made++}`
      let sentAt = performance.now()
      const created = await client.expect(201, 'POST', path, { metadata: { name }, data: DATA })
      window.over(sentAt)
      const changed = { ...(JSON.parse(created) as object), data: { ...DATA, b: 'y' } }
      sentAt = performance.now()
      await client.expect(200, 'PUT', `${path}/${name}`, changed)
      window.over(sentAt)
    }
  }
  await Promise.all(clients.map(work))
  const written = window.result()
  const listedPerSecond = first === undefined ? 0 : await listAll(first, path, made)
  clients.forEach((client) => client.close())
  return { written, listedPerSecond }
}

async function listAll(client: ApiClient, path: string, expected: number): Promise<number> {
  const start = performance.now()
  let listed = 0
  let more: string | undefined
  do {
    const from = more === undefined ? '' : `&continue=${encodeURIComponent(more)}`
    const page = await client.expect(200, 'GET', `${path}?limit=${PAGE}${from}`)
    const { items, metadata } = JSON.parse(page) as ConfigMapList
    listed += items.length
    more = metadata.continue
  } while (more !== undefined && more !== '')
  const perSecond = (listed / (performance.now() - start)) * 1000
  if (listed !== expected) {
    throw new Error(`${listed} objects were listed of ${expected}`)
  }
  return perSecond
}
