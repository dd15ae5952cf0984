import { once } from 'node:events'
import WebSocket from 'ws'
import { watchJson } from './messages.ts'

/** Watches that nothing is expected of. */
export interface IdleWatches {
  /** Rejects when a socket breaks and when one hears of anything. */
  readonly disturbed: Promise<never>
  close(): void
}

/** A WebSocket for each list of prefixes, with a watch for each prefix; waits until all exist. */
export async function openIdleWatches(
  url: string,
  prefixes: readonly (readonly string[])[],
  path = '/v3/watch',
): Promise<IdleWatches> {
  const { promise: disturbed, reject } = Promise.withResolvers<never>()
  const sockets: WebSocket[] = []
  const created = prefixes.map(async (some) => {
    const socket = new WebSocket(new URL(path, url.replace('http', 'ws')))
    sockets.push(socket)
    await once(socket, 'open')
    const { promise, resolve } = Promise.withResolvers<void>()
    let missing = some.length
    socket.on('message', (data: Buffer) => {
      missing--
      if (missing < 0 || !data.includes('"created":true')) {
        reject(new Error(`an idle watch heard ${data.toString()}`))
      } else if (missing === 0) {
        resolve()
      }
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed a watch stream')))
    some.forEach((prefix) => socket.send(watchJson(prefix)))
    return promise
  })
  await Promise.race([Promise.all(created), disturbed])
  const close = (): void => {
    for (const socket of sockets) {
      socket.removeAllListeners('close')
      socket.terminate()
    }
  }
  return { disturbed, close }
}
