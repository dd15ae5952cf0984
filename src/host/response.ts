import type { WorkerWebSocket } from './web-socket.ts'

const NodeResponse = globalThis.Response

export interface WorkerResponseInit extends ResponseInit {
  readonly webSocket?: WorkerWebSocket | null
}

/** The `Response` of Workers, which may carry a WebSocket, with status 101. */
export class WorkerResponse extends NodeResponse {
  readonly webSocket: WorkerWebSocket | null

  constructor(body?: ConstructorParameters<typeof Response>[0], init: WorkerResponseInit = {}) {
    const { webSocket = null, ...rest } = init
    // Node's own knows no 101.
    super(body, init.status === 101 ? { ...rest, status: 200 } : rest)
    this.webSocket = webSocket
    if (init.status === 101) {
      Object.defineProperty(this, 'status', { value: 101 })
    }
  }

  static override json(data: unknown, init: ResponseInit = {}): WorkerResponse {
    const headers = new Headers(init.headers)
    if (!headers.has('Content-Type')) {
      headers.set('Content-Type', 'application/json')
    }
    return new WorkerResponse(JSON.stringify(data), { ...init, headers })
  }
}
