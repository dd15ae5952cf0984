import type { DoorSettings } from '../door/secrets.ts'
import { sortShown } from '../door/shown.ts'
import { visitorOf } from '../door/visitor.ts'
import { MIN_REVISION, parseMinRevision } from '../gateway-rules/min-revision.ts'
import type { RequestHeaders } from '../h2/request.ts'
import type { CallContext } from '../protocol/shard-rpc.ts'
import { RpcStatus, statusOf } from '../protocol/status.ts'

/** Where the client reached us is what the link was told: the member list does not follow calls. */
const noContext: CallContext = {}

/**
 * What a call's metadata says of who sends it, or why they may not. Whoever needs no token, or shows the
 * secret, may what the link may; a keyspace's own token goes with the call, and is for the shard to know.
 */
export function contextOf(
  headers: RequestHeaders,
  settings: DoorSettings,
  commonName: string | undefined,
): CallContext | RpcStatus {
  const { access, etcd } = sortShown(headers['token'], [headers['authorization']], settings)
  try {
    const visitor = visitorOf(access, settings)
    if (visitor === undefined) {
      return statusOf('access-administrator-by-link')
    }
    const { accessToken } = visitor
    const minRevision = headers[MIN_REVISION]
    if (
      accessToken === undefined &&
      etcd === undefined &&
      commonName === undefined &&
      minRevision === undefined
    ) {
      return noContext
    }
    return {
      ...(etcd !== undefined && { token: etcd }),
      ...(accessToken !== undefined && { accessToken }),
      ...(commonName !== undefined && { commonName }),
      ...(minRevision !== undefined && { minRevision: parseMinRevision(minRevision) }),
    }
  } catch (error) {
    if (error instanceof RpcStatus) {
      return error
    }
    throw error
  }
}
