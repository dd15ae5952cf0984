// Random requests to the Lock and Election services, none of which has to wait: each lease has a
// queue of its own.
import { base64, type JsonObject } from './http.ts'
import { randomValue } from './random-messages.ts'
import type { Message } from './random-request.ts'
import type { Random } from './random.ts'

const weights = {
  lock: 6,
  unlock: 4,
  campaign: 6,
  proclaim: 5,
  leader: 4,
  observe: 1,
  resign: 3,
} as const

/** `elected` is the revision that the last campaign was told. */
export function randomRecipeMessage(random: Random, elected: number): Message {
  const lease = String(random.integer(1, 4))
  const lock = `l${lease}`
  const election = `m${lease}`
  const key = random.chance(0.1) ? '' : base64(`${election}/${lease}`)
  const rev = String(random.chance(0.6) ? elected : random.integer(0, 5))
  const leader = random.chance(0.05) ? {} : { leader: { name: base64(election), key, rev, lease } }
  switch (random.weighted(weights)) {
    case 'lock':
      return of('lock/lock', { name: base64(lock), lease })
    case 'unlock':
      return of('lock/unlock', random.chance(0.05) ? {} : { key: base64(`${lock}/${lease}`) })
    case 'campaign':
      return of('election/campaign', { name: base64(election), lease, value: randomValue(random) })
    case 'proclaim':
      return of('election/proclaim', { ...leader, value: randomValue(random) })
    case 'leader':
      return of('election/leader', { name: base64(election) })
    case 'observe':
      return of('election/observe', { name: base64(election) })
    case 'resign':
      return of('election/resign', leader)
  }
}

function of(path: string, message: JsonObject): Message {
  return { path: `/v3/${path}`, message }
}
