import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

// The system gives ports from 32768 on to connections that leave, so one of those may be taken before it is used.
const FIRST = 16_384
const END = 32_768

/** A port of 127.0.0.1 that nobody listens on, just now, and that the system gives to nobody by itself. */
export async function freePort(): Promise<number> {
  const port = randomInt(FIRST, END)
  const server = createServer()
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!isFree) {
    return freePort()
  }
  server.close()
  await once(server, 'close')
  return port
}
