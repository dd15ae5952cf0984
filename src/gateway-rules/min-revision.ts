import { Code, RpcStatus } from '../protocol/status.ts'
import type { RequestHead } from './request-head.ts'

/** What an answer is to have at least: that of an earlier one, so that its reader finds there what they know. */
export const MIN_REVISION = 'min-revision'

/** What a request says of that, by its own header or as gRPC's metadata. Throws an RpcStatus. */
export function minRevisionIn({ headers }: RequestHead): { readonly minRevision?: number } {
  const text = headers.get(MIN_REVISION) ?? headers.get(`Grpc-Metadata-${MIN_REVISION}`)
  return text === null ? {} : { minRevision: parseMinRevision(text) }
}

/** Throws an RpcStatus. */
export function parseMinRevision(text: string): number {
  const revision = /^\d{1,16}$/.test(text) ? Number(text) : NaN
  if (!Number.isSafeInteger(revision)) {
    throw new RpcStatus(Code.INVALID_ARGUMENT, `etcdurable: ${MIN_REVISION} is no revision`)
  }
  return revision
}
