/** What is asked of the users of a keyspace within one event of its Durable Object. */
export interface PermissionJob {
  readonly do: 'permit' | 'check' | 'change' | 'reopen'
  readonly roles: number
  readonly rangesPerRole: number
  readonly times: number
}

/** The ranges of all roles in their order touch nowhere: none is merged with another. */
export function rangeAt(index: number): { readonly key: string; readonly rangeEnd: string } {
  const key = `/bench/${String(index).padStart(9, '0')}/`
  return { key: `${key}a`, rangeEnd: `${key}m` }
}
