import { setTimeout as sleep } from 'node:timers/promises'
import { ApiFailure } from '../api-client.ts'
import { SourceFailure } from './source-client.ts'

/** A source or a target that is away for longer has gone. */
const AWAY_MS_MAX = 60_000
/** The same while nobody can write. */
export const AWAY_MS_MAX_IN_GAP = 5_000
const PAUSE_MS = 250

/** For the log, the first time that something is away. */
type Told = (line: string) => void

/**
 * Tries again what may be done twice, as long as a server that was lost may come back: etcd elects a
 * leader, a server restarts. An attempt that takes long says when it goes well. Throws the last failure.
 */
export async function persistently<T>(
  told: Told,
  attempt: (goesWell: () => void) => Promise<T>,
  awayMsMax = AWAY_MS_MAX,
): Promise<T> {
  let away: number | undefined
  const goesWell = (): void => {
    away = undefined
  }
  for (;;) {
    try {
      return await attempt(goesWell)
    } catch (error) {
      if (!isPassing(error) || (away !== undefined && Date.now() - away >= awayMsMax)) {
        throw error
      }
      if (away === undefined) {
        away = Date.now()
        told(`${(error as Error).message}; trying again`)
      }
    }
    await sleep(PAUSE_MS)
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof ApiFailure) {
    return error.status === undefined || error.status === 503 || error.status === 504
  }
  return error instanceof SourceFailure && error.isPassing
}
