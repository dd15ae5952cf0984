// The recorded answers of a real etcd 3.7.1 in test/golden.
import { readFileSync } from 'node:fs'

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

export type RecordedFile =
  | (typeof goldenFiles)[number]
  | 'json-errors.jsonl'
  | 'json-accepted.jsonl'
  | 'downgrade.jsonl'

export function readRecordings(file: RecordedFile): readonly Recording[] {
  const text = readFileSync(new URL(`../golden/${file}`, import.meta.url), 'utf8')
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Recording)
}
