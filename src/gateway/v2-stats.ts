import type { V2StatsCall } from '../protocol/v2-service-call.ts'
import { originOf } from './routes.ts'
import { bodyResponse } from './v2-answer.ts'
import type { V2Request } from './v2-request.ts'
import { servedResponse } from './v2-service-answer.ts'

/** Answers /v2/stats/…. */
export function statsResponse(of: V2StatsCall['of']): (asked: V2Request) => Promise<Response> {
  return ({ shard, request }) => servedResponse(shard, { on: 'stats', of }, request.method)
}

/** Answers /v2/machines: the client URLs of all members, of which only this one ever has any. */
export async function machinesResponse({ settings, request, shard }: V2Request): Promise<Response> {
  await shard.v2({ on: 'presence' })
  const { advertiseClientUrls } = settings
  const urls = advertiseClientUrls.length > 0 ? advertiseClientUrls : [originOf(request.url)]
  const body = urls
    .map((url) => url + shard.prefix)
    .toSorted()
    .join(', ')
  const headers = { 'Content-Type': 'text/plain; charset=utf-8' }
  return bodyResponse(new TextEncoder().encode(body), { headers }, request.method)
}
