// The recorded answers of a real etcd 3.7.1 in test/golden, and what this server cannot answer yet.
import { readFileSync } from 'node:fs'
import { base64, type HttpRequest } from './http.ts'

export interface Recording {
  readonly label: string
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly status: number
  readonly content_type: string
  readonly response: string
}

/** Both files are one history: the second goes on with the keyspace that the first leaves. */
export const goldenFiles = ['kv.jsonl', 'lease-lock-election-maintenance-cluster.jsonl'] as const

export function readRecordings(file: (typeof goldenFiles)[number]): readonly Recording[] {
  const text = readFileSync(new URL(`../golden/${file}`, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Recording)
}

/** Labels of RPCs that are not served yet: whoever adds a service deletes its lines here. */
export const notServedYet: ReadonlySet<string> = new Set([
  'lock',
  'lock with lease 900',
  'lock again same lease',
  'lock missing lease',
  'unlock',
  'unlock missing',
  'unlock empty',
  'lock empty name',
  'leader none',
  'campaign',
  'leader',
  'proclaim',
  'proclaim wrong',
  'proclaim nil',
  'resign',
  'resign again',
  'resign nil',
  'moveleader',
  'downgrade validate',
  'downgrade bad',
  'downgrade validate 3.3',
  'downgrade cancel',
  'member add bad',
  'member add none',
  'member add',
  'member remove missing',
  'member update missing',
  'member promote missing',
])

/**
 * What some of those RPCs write, said as puts and deletes of the recorded keys, so that the
 * revisions of the recordings after them still hold.
 */
export const sameWrites: Readonly<Record<string, readonly HttpRequest[]>> = {
  'lock': [grant('5166088343788506937'), put('lk/47b1a1fa41cccf39', '', '5166088343788506937')],
  'lock with lease 900': [put('lk2/384', '', '900')],
  'unlock': [remove('lk2/384')],
  'lock empty name': [
    grant('5166088343788506945'),
    put('/47b1a1fa41cccf41', '', '5166088343788506945'),
  ],
  'campaign': [put('el/384', 'v1', '900')],
  'proclaim': [put('el/384', 'v2', '900')],
  'resign': [remove('el/384')],
}

function grant(lease: string): HttpRequest {
  return { path: '/v3/lease/grant', body: JSON.stringify({ ID: lease, TTL: 60 }) }
}

function put(key: string, value: string, lease: string): HttpRequest {
  const message = { key: base64(key), value: base64(value), lease }
  return { path: '/v3/kv/put', body: JSON.stringify(message) }
}

function remove(key: string): HttpRequest {
  return { path: '/v3/kv/deleterange', body: JSON.stringify({ key: base64(key) }) }
}
