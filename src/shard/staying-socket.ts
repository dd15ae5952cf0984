interface SocketEvents {
  readonly message: (message: string | ArrayBuffer) => void
  readonly close: (event: CloseEvent) => void
  readonly error: () => void
}

/** Accepts a socket that does not hibernate: while it is open the object does not leave the memory. */
export function stayFor(socket: WebSocket, { message, close, error }: SocketEvents): void {
  socket.binaryType = 'arraybuffer'
  socket.accept()
  socket.addEventListener('message', ({ data }) => message(data as string | ArrayBuffer))
  socket.addEventListener('close', close)
  socket.addEventListener('error', error)
}
