import type { CallContext } from '../protocol/shard-rpc.ts'
import { RpcStatus, statusOf } from '../protocol/status.ts'
import { parseAccessToken } from './access-token.ts'
import { type DoorSettings, isLinkSecret, isSecret } from './secrets.ts'
import type { Shown } from './shown.ts'

/** Who asks, as the shard is told: before etcd's users, an administrator or the bearer of a token. */
export type Visitor = Pick<CallContext, 'administrator' | 'accessToken' | 'node'>

/** Also the Worker itself, where it answers what anybody may ask. */
export const administrator: Visitor = { administrator: true }

/** The process that has started this server. */
const link: Visitor = { administrator: 'link' }

/** Everybody, where nobody is asked for a token. */
const unasked: Visitor = { administrator: 'unasked' }

/**
 * Who shows that token; undefined for an administrator's, which the directory has to be asked about.
 * Whether a keyspace's token is one is for the shard to say. Throws an RpcStatus.
 */
export function visitorOf(access: string | undefined, settings: DoorSettings): Visitor | undefined {
  if (access === undefined) {
    if (settings.embedded && settings.accessToken === undefined) {
      return unasked
    }
    throw statusOf('access-token-missing')
  }
  if (isSecret(access, settings)) {
    return isLinkSecret(access, settings) ? link : administrator
  }
  switch (parseAccessToken(access)?.kind) {
    case 'keyspace':
      return { accessToken: access }
    case 'administrator':
      return undefined
    default:
      throw statusOf('access-token-invalid')
  }
}

/**
 * Whether there is nothing in what is shown that the gateway has to refuse, or to ask the directory
 * about. Whether a keyspace's token is one is for the shard to say.
 */
export function mayEnter({ access }: Shown, settings: DoorSettings): boolean {
  try {
    return visitorOf(access, settings) !== undefined
  } catch (error) {
    if (error instanceof RpcStatus) {
      return false
    }
    throw error
  }
}
