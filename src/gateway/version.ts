import { CLUSTER_VERSION, ETCD_VERSION, STORAGE_VERSION } from '../protocol/version.ts'

const body = JSON.stringify({
  etcdserver: ETCD_VERSION,
  etcdcluster: CLUSTER_VERSION,
  storage: STORAGE_VERSION,
})

export function versionResponse(): Response {
  return new Response(body, { headers: { 'Content-Type': 'application/json' } })
}
