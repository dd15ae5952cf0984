import { statusOf } from '../protocol/status.ts'
import { accessTokenEndpoints } from './api-access-tokens.ts'
import type { ApiRequest, Endpoint } from './api-endpoint.ts'
import { historyEndpoints } from './api-history.ts'
import { keyspaceSumsEndpoints } from './api-keyspace-sums.ts'
import { keyspaceEndpoints } from './api-keyspaces.ts'
import { replicaEndpoints } from './api-replicas.ts'
import { restoreEndpoints } from './api-restores.ts'
import { snapshotEndpoints } from './api-snapshots.ts'
import { refusalResponse, textResponse } from './refusal.ts'

/** Each endpoint of the deployment's own API. */
export const endpoints: readonly Endpoint[] = [
  ...keyspaceEndpoints,
  ...keyspaceSumsEndpoints,
  ...replicaEndpoints,
  ...restoreEndpoints,
  ...snapshotEndpoints,
  ...historyEndpoints,
  ...accessTokenEndpoints,
]

const routes = endpoints.map((endpoint) => ({
  endpoint,
  pattern: new RegExp(`^${endpoint.path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]*)')}$`),
}))

/**
 * Answers a request of the deployment's own API, which is for administrators; undefined for any other
 * path. The path is taken as it stands in the URL: nothing is decoded.
 */
export function apiResponse(asked: ApiRequest, path: string): Promise<Response> | undefined {
  const found = routes.flatMap(({ endpoint, pattern }) => {
    const match = pattern.exec(path)
    return match === null ? [] : [{ endpoint, params: { ...match.groups } }]
  })
  if (found.length > 0 && asked.visitor.administrator === undefined) {
    return Promise.resolve(refusalResponse(statusOf('access-administrator')))
  }
  const route = found.find(({ endpoint }) => endpoint.method === asked.request.method)
  if (route !== undefined) {
    return route.endpoint.answer(asked, route.params)
  }
  const allowed = found.map(({ endpoint }) => endpoint.method)
  return allowed.length === 0
    ? undefined
    : Promise.resolve(textResponse(405, 'Method Not Allowed', { Allow: allowed.join(', ') }))
}
