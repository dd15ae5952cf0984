import { ConnectionLost } from './connection-lost.ts'
import type { Line, LineEnd } from './line.ts'
import { WorkerResponse } from './response.ts'
import { runOutside } from './tasks.ts'
import { type SocketEvent, WorkerWebSocket } from './web-socket.ts'

const CLOSE_NO_STATUS = 1005
const CLOSE_ABNORMAL = 1006

/** An object as a stub asks it. */
export interface Reached {
  call(method: string, params: readonly unknown[]): Promise<unknown>
  fetch(request: Request): Promise<WorkerResponse>
}

/** An object of another region: what is asked of it, and what it answers, passes the line. */
export class RemoteActor implements Reached {
  readonly #actor: () => Reached
  readonly #line: Line
  readonly #here: LineEnd

  /** `here` is the end of the line where the stub is. */
  constructor(actor: () => Reached, line: Line, here: LineEnd) {
    this.#actor = actor
    this.#line = line
    this.#here = here
  }

  call(method: string, params: readonly unknown[]): Promise<unknown> {
    const copies = structuredClone([...params])
    return this.#asked(() => this.#actor().call(method, copies))
  }

  fetch(request: Request): Promise<WorkerResponse> {
    return this.#asked(async () => {
      const response = await this.#actor().fetch(request)
      const { webSocket, status, headers } = response
      if (webSocket === null) {
        return response
      }
      const near = stretched(webSocket, this.#line, this.#here)
      return new WorkerResponse(null, { status, headers, webSocket: near })
    })
  }

  #asked<T>(ask: () => Promise<T>): Promise<T> {
    const there = otherEnd(this.#here)
    return new Promise<T>((resolve, reject) => {
      const connection = this.#line.connect(() => reject(new ConnectionLost()))
      const back = (settle: () => void): void =>
        connection.send(there, () => {
          connection.end()
          settle()
        })
      connection.send(this.#here, () => {
        runOutside(async () => ask()).then(
          (answer) => back(() => resolve(answer)),
          (error: unknown) => back(() => reject(error)),
        )
      })
    })
  }
}

function otherEnd(end: LineEnd): LineEnd {
  return end === 0 ? 1 : 0
}

/** The end of a socket as it is at the other end of the line. */
function stretched(far: WorkerWebSocket, line: Line, here: LineEnd): WorkerWebSocket {
  const [near, inner] = WorkerWebSocket.pair()
  const connection = line.connect(() => {
    far.break()
    inner.break()
  })
  const pass = (from: WorkerWebSocket, to: WorkerWebSocket, end: LineEnd): void => {
    from.addEventListener('message', (event) => connection.send(end, () => told(to, event)))
    from.addEventListener('close', (event) =>
      connection.send(end, () => {
        connection.end()
        told(to, event)
      }),
    )
    from.accept()
  }
  pass(far, inner, otherEnd(here))
  pass(inner, far, here)
  return near
}

/** Says the same on another socket. */
function told(socket: WorkerWebSocket, event: SocketEvent): void {
  if (socket.readyState !== WorkerWebSocket.OPEN) {
    return
  }
  if (event.type === 'message') {
    socket.send(event.data)
  } else if (event.type === 'frames') {
    // Nobody listens for them between two regions.
    return
  } else if (event.code === CLOSE_ABNORMAL) {
    socket.break(event.reason)
  } else if (event.code === CLOSE_NO_STATUS) {
    socket.close()
  } else {
    socket.close(event.code, event.reason)
  }
}
