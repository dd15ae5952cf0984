import type { WebSocket as ClientSocket } from 'ws'
import type { WorkerWebSocket } from './web-socket.ts'

const CLOSE_NO_STATUS = 1005
const CLOSE_ABNORMAL = 1006

/** Joins a client's WebSocket with the end that the Worker has answered with. */
export function passMessages(client: ClientSocket, worker: WorkerWebSocket): void {
  client.binaryType = 'arraybuffer'
  worker.countWaiting(() => client.bufferedAmount)
  worker.addEventListener('message', (event) => {
    if (event.type === 'message') {
      client.send(event.data)
    }
  })
  worker.addEventListener('close', (event) => {
    if (event.type !== 'close' || event.code === CLOSE_NO_STATUS) {
      client.close()
    } else if (event.code === CLOSE_ABNORMAL) {
      client.terminate()
    } else {
      client.close(event.code, event.reason)
    }
  })
  client.on('message', (data: ArrayBuffer, isBinary: boolean) => {
    if (worker.readyState === 1) {
      worker.send(isBinary ? data : Buffer.from(data).toString())
    }
  })
  client.on('close', (code, reason) => {
    if (code === CLOSE_ABNORMAL) {
      worker.break()
    } else if (code === CLOSE_NO_STATUS) {
      worker.close()
    } else {
      worker.close(code, reason.toString())
    }
  })
  // What is wrong with a client's frames ends its connection, of which 'close' tells.
  client.on('error', () => undefined)
  worker.accept()
}
