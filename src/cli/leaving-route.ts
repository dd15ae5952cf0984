import type { LinkConnection, LinkRoute, SocketListener } from '../link/connection.ts'
import { FrameKind } from '../protocol/frames.ts'

/** A link's route of which the connection can be asked to leave, as a shard does: it is answered, and connects anew. */
export class LeavingRoute implements LinkRoute {
  readonly #route: LinkRoute
  #listener: SocketListener | undefined

  constructor(route: LinkRoute) {
    this.#route = route
  }

  get name(): string {
    return this.#route.name
  }

  connect(listener: SocketListener): LinkConnection {
    this.#listener = listener
    return this.#route.connect(listener)
  }

  leave(): void {
    this.#listener?.received({ kind: FrameKind.LEAVE, stream: 0, payload: new Uint8Array(0) })
  }
}
