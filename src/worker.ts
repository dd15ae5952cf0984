import { DurableObject } from 'cloudflare:workers'

export class Shard extends DurableObject<Env> {
  override fetch(): Response {
    this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS placeholder (n INTEGER)')
    return new Response('ok')
  }
}

export default {
  fetch: (request: Request, env: Env) => env.SHARD.getByName('default').fetch(request),
}
