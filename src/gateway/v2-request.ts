import type { GatewayRequest } from './gateway-request.ts'

/** A request of the v2 API, and where it is meant for. */
export interface V2Request extends GatewayRequest {
  /** What stands behind the route's path, decoded: empty, or beginning with a slash. */
  readonly rest: string
  /** Of the client's certificate, as far as it is known from whom that is. */
  readonly commonName: string | undefined
}
