import type { ClusterNode } from '../../config/cluster.ts'
import { type Authority, trustsCommonNames } from '../../door/door.ts'
import type { CallFrame } from '../../protocol/frames.ts'
import type { V2KeysCall, V2UnreadableCall } from '../../protocol/v2-call.ts'

/** What is known of the socket that a call has come over. */
interface Socket {
  readonly authority: Authority
  /** Which node of a cluster has been asked. */
  readonly node: ClusterNode | undefined
}

/** Which certificate a user has shown counts only where it is said by who may. */
export function believedCall(call: CallFrame, { authority, node }: Socket): CallFrame {
  const isBelieved = call.context.commonName === undefined || trustsCommonNames(authority)
  const known = isBelieved ? call : { ...call, context: { ...call.context, commonName: undefined } }
  return node === undefined ? known : { ...known, context: { ...known.context, node } }
}

/** The same of a call of the v2 API. */
export function believedKeys(
  call: V2KeysCall | V2UnreadableCall,
  authority: Authority,
): V2KeysCall | V2UnreadableCall {
  const isCertified =
    call.on === 'keys' && typeof call.credentials === 'object' && 'commonName' in call.credentials
  return isCertified && !trustsCommonNames(authority) ? { ...call, credentials: 'none' } : call
}
