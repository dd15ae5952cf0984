import { settingsOf } from '../config/settings.ts'
import { gateway } from '../gateway/app.ts'

/**
 * The gateway as a Worker runs it in this region, with the deployment's authority. What the lab asks is bounded by
 * itself, and takes nothing of anybody's rate limit.
 */
export class OwnGateway {
  readonly #env: Env

  constructor(env: Env) {
    const { REQUEST_LIMIT: _, REFUSAL_LIMIT: __, ...unlimited } = env
    this.#env = unlimited
  }

  fetch(path: string, init: RequestInit): Promise<Response> {
    const { accessToken } = settingsOf(this.#env)
    const headers = new Headers(init.headers)
    if (accessToken !== undefined) {
      headers.set('Authorization', `Bearer ${accessToken}`)
    }
    return gateway.fetch(new Request(`https://lab${path}`, { ...init, headers }), this.#env)
  }
}
