/** Milliseconds since 1970 as Go writes a time in JSON: RFC 3339 in UTC, without needless zeros. */
export function goTimeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.?0*Z$/, 'Z')
}
