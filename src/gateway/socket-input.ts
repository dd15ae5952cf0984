const utf8 = new TextEncoder()

/** RFC 6455: the peer sends what this side is not willing to take. */
const CLOSE_POLICY_VIOLATION = 1008

/**
 * What a client's WebSocket says, as one sequence of bytes: each message with a newline behind it,
 * as etcd's proxy writes them into a request body, so that a JSON value may span messages. A
 * client that is so many bytes ahead of what is read loses its connection.
 */
export function socketInput(socket: WebSocket, bytesMax: number): ReadableStream<Uint8Array> {
  let open = true
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        const end = (): void => {
          if (open) {
            open = false
            controller.close()
          }
        }
        socket.addEventListener('message', ({ data }) => {
          if (open) {
            controller.enqueue(bytesOf(data))
          }
          if (open && (controller.desiredSize ?? 0) <= 0) {
            socket.close(CLOSE_POLICY_VIOLATION, 'too far ahead')
            end()
          }
        })
        socket.addEventListener('close', end)
        socket.addEventListener('error', end)
      },
      cancel: () => {
        open = false
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: bytesMax }),
  )
}

function bytesOf(data: unknown): Uint8Array {
  if (typeof data === 'string') {
    return utf8.encode(`${data}\n`)
  }
  const message = data instanceof ArrayBuffer ? new Uint8Array(data) : new Uint8Array(0)
  const bytes = new Uint8Array(message.length + 1)
  bytes.set(message)
  bytes[message.length] = 0x0a
  return bytes
}
