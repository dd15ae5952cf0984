import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { keyspace } from '../api/keyspaces.ts'
import { restore } from '../api/restores.ts'
import { recoveryProgress } from '../api/snapshots.ts'
import { type ApiClient, ApiFailure } from './api-client.ts'
import { Failure } from './failure.ts'
import { ProgressBar } from './progress-bar.ts'

/** A server that is started anew goes on where it was; nobody waits for longer. */
const AWAY_MS_MAX = 45_000
const RETRY_MS = 500
const SERVICE_UNAVAILABLE = 503

type Keyspace = z.output<typeof keyspace>
type Progress = z.output<typeof recoveryProgress>

/**
 * Makes a keyspace from what the server reads by itself, and asks on until it is there. Where anything
 * goes wrong the server is told, and it is not. Throws Failure.
 */
export async function restoreFrom(
  api: ApiClient,
  { name, options }: { readonly name: string; readonly options: object },
  source: object,
): Promise<Keyspace> {
  const path = `/keyspaces/${name}/restores`
  const { id } = await api.ask({ method: 'POST', path, body: { ...options, source } }, restore)
  const bar = new ProgressBar(`Restoring ${name}`)
  try {
    for (;;) {
      const progress = await advance(api, `${path}/${id}/advance`)
      bar.show(progress.revision / progress.target, `${progress.changes} changes`)
      if (progress.state === 'ready') {
        break
      }
    }
  } catch (error) {
    await cancel(api, `${path}/${id}`)
    throw error
  } finally {
    bar.end()
  }
  return api.ask({ method: 'GET', path: `/keyspaces/${name}` }, keyspace)
}

/** Asks again where the server, or its object store, is away. */
async function advance(api: ApiClient, path: string): Promise<Progress> {
  for (const until = Date.now() + AWAY_MS_MAX; ;) {
    try {
      return await api.ask({ method: 'POST', path }, recoveryProgress)
    } catch (error) {
      const isAway =
        error instanceof ApiFailure &&
        (error.status === undefined || error.status === SERVICE_UNAVAILABLE)
      if (!isAway || Date.now() > until) {
        throw error
      }
    }
    await sleep(RETRY_MS)
  }
}

/** What cannot be told ends by itself. */
async function cancel(api: ApiClient, path: string): Promise<void> {
  try {
    await api.ask({ method: 'DELETE', path }, z.undefined())
  } catch (error) {
    if (!(error instanceof Failure)) {
      throw error
    }
  }
}
