import type { WorkerWebSocket } from './web-socket.ts'

const NodeResponse = globalThis.Response

export interface WorkerResponseInit extends ResponseInit {
  readonly webSocket?: WorkerWebSocket | null
}

/** The `Response` of Workers, which may carry a WebSocket, with status 101. */
export class WorkerResponse extends NodeResponse {
  readonly webSocket: WorkerWebSocket | null

  constructor(body?: ConstructorParameters<typeof Response>[0], init: WorkerResponseInit = {}) {
    // Node's own knows no 101. What is given may be another response, whose fields are getters.
    const { status, headers = {}, webSocket = null } = init
    super(body, status === 101 ? { headers, status: 200 } : init)
    this.webSocket = webSocket
    if (status === 101) {
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
