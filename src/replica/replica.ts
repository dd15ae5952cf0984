import { DurableObject } from 'cloudflare:workers'
import { statusOf } from '../protocol/status.ts'

const { code, message } = statusOf('keyspace-not-found')

/** The object of a keyspace in another region, which follows the log of the keyspace's leader. */
export class Replica extends DurableObject<Env> {
  override fetch(): Promise<Response> {
    return Promise.resolve(Response.json({ refused: { code, message } }))
  }
}
