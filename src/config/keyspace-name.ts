import * as z from 'zod'

/** The keyspace of the plain paths. It comes with the deployment and cannot be deleted. */
export const DEFAULT_KEYSPACE = 'default'

/** At most as long as a label of a host name, so that a name fits wherever one is written. */
const pattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export function isKeyspaceName(text: string): boolean {
  return pattern.test(text)
}

export const keyspaceName = z
  .string()
  .regex(pattern, 'must be of a-z, 0-9 and inner dashes, at most 63 characters')
