import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where workerd listens: Unix sockets in a directory that other users cannot enter. */
export interface WorkerSockets {
  /** For plaintext clients. */
  readonly plain: string
  /** For clients that came over TLS, and for this process itself. */
  readonly secure: string
  /** Where this process tells the Worker of itself. */
  readonly host: string
  /** Those of a workerd that is no more, which the next one would find taken. */
  removeStale(): void
  remove(): void
}

/** What a socket's address holds: 108 bytes on Linux, 104 elsewhere, and a zero ends it. */
const pathBytesMax = 103

/**
 * In the data directory where that can be, else in a temporary one: a path may be too long for a
 * socket or not fit into the link's `ws+unix:path:/session`, and some mounted file systems take none.
 */
export async function workerSockets(dataDirectory: string): Promise<WorkerSockets> {
  const own = join(dataDirectory, 'run')
  mkdirSync(own, { recursive: true, mode: 0o700 })
  chmodSync(own, 0o700)
  return (await takesSockets(own))
    ? socketsIn(own)
    : socketsIn(mkdtempSync(join(tmpdir(), 'etcdurable-')))
}

async function takesSockets(directory: string): Promise<boolean> {
  const path = join(directory, 'secure')
  if (Buffer.byteLength(path) > pathBytesMax || /[:?#]/.test(path) || encodeURI(path) !== path) {
    return false
  }
  // What a killed workerd left; the data directory's lock says that it is nobody's.
  rmSync(path, { force: true })
  const server = createServer().listen(path)
  try {
    await once(server, 'listening')
  } catch {
    return false
  }
  server.close()
  await once(server, 'close')
  return true
}

function socketsIn(directory: string): WorkerSockets {
  const remove = (): void => rmSync(directory, { recursive: true, force: true })
  const [plain, secure] = [join(directory, 'plain'), join(directory, 'secure')]
  const host = join(directory, 'host')
  const removeStale = (): void => [plain, secure].forEach((path) => rmSync(path, { force: true }))
  rmSync(host, { force: true })
  removeStale()
  return { plain, secure, host, removeStale, remove }
}
