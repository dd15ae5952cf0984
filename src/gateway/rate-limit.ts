import { sha256 } from '@noble/hashes/sha2'
import { bytesToHex } from '@noble/hashes/utils'
import { statusOf } from '../protocol/status.ts'
import { clientNetwork } from './client-network.ts'

/** How long an address with too many wrong tokens is left out, as the text of the refusal says. */
const LOCKED_OUT_MS = 60_000

/** Of an isolate. Beyond them all are forgotten, and those that go on are back at once. */
const ADDRESSES_MAX = 10_000

/** By address, until when: ms since 1970. */
const lockedOut = new Map<string, number>()

/**
 * Cloudflare's rate limits (https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/),
 * where the deployment has them: how often a token may ask, or an address without one. The key is a
 * hash, so that nobody can use up the share of a token by its id alone. Throws an RpcStatus.
 */
export async function requireShare(
  limit: RateLimit | undefined,
  request: Request,
  token: string | undefined,
): Promise<void> {
  if (limit !== undefined) {
    const key = token === undefined ? addressOf(request) : bytesToHex(sha256(token))
    const { success } = await limit.limit({ key })
    if (!success) {
      throw statusOf('rate-limited')
    }
  }
}

/**
 * Throws an RpcStatus for an address that has shown too many wrong tokens of late. It is asked before
 * a token that only a shard or the directory can tell the right from the wrong.
 */
export function requireNotLockedOut(request: Request): void {
  if (lockedOut.size === 0) {
    return
  }
  const address = addressOf(request)
  const until = lockedOut.get(address)
  if (until !== undefined && until > Date.now()) {
    throw statusOf('locked-out')
  }
  lockedOut.delete(address)
}

/** A token was wrong, or missing. */
export async function countRefusal(limit: RateLimit | undefined, request: Request): Promise<void> {
  if (limit === undefined) {
    return
  }
  const address = addressOf(request)
  const { success } = await limit.limit({ key: address })
  if (!success) {
    if (lockedOut.size >= ADDRESSES_MAX) {
      lockedOut.clear()
    }
    lockedOut.set(address, Date.now() + LOCKED_OUT_MS)
  }
}

/** Cloudflare sets the header, whatever a client says. */
function addressOf(request: Request): string {
  return clientNetwork(request.headers.get('CF-Connecting-IP') ?? 'unknown')
}
