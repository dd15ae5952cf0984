import type { PutCondition } from './object-store.ts'

/** The condition of a put in HTTP's words, which are also S3's. */
export function conditionHeaders(condition: PutCondition | undefined): Record<string, string> {
  if (condition === undefined) {
    return {}
  }
  return condition === 'absent'
    ? { 'If-None-Match': '*' }
    : { 'If-Match': JSON.stringify(condition.etag) }
}
