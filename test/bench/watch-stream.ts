import { Connection, post } from './connection.ts'
import { watchJson } from './messages.ts'

/** Watches of the same prefix, each over an HTTP stream of its own. Their events are only counted. */
export interface Watches {
  /** Rejects when a stream breaks. */
  readonly failed: Promise<never>
  close(): void
}

/** Opens the streams and waits until all watches exist. */
export async function openWatches(
  url: string,
  of: { readonly prefix: string; readonly watchers: number },
  events: (count: number) => void,
): Promise<Watches> {
  const { promise: failed, reject } = Promise.withResolvers<never>()
  // The request is whole: over HTTP/1.1 etcd answers nothing before its end.
  const request = post(url, '/v3/watch', watchJson(of.prefix))
  const connections: Connection[] = []
  const created = Array.from({ length: of.watchers }, () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = (): void => reject(new Error('the server ended a watch stream'))
    const parts = { body: lineReader((line) => takeLine(line, resolve, events)), end }
    const connection = new Connection(url, parts, reject)
    connection.send(request)
    connections.push(connection)
    return promise
  })
  await Promise.race([Promise.all(created), failed])
  return { failed, close: () => connections.forEach((connection) => connection.close()) }
}

/** Takes pieces that were cut anywhere and gives whole lines. */
function lineReader(take: (line: Buffer) => void): (piece: Buffer) => void {
  let unfinished: Buffer = Buffer.alloc(0)
  return (piece) => {
    let data = unfinished.length === 0 ? piece : Buffer.concat([unfinished, piece])
    for (let end = data.indexOf('\n'); end !== -1; end = data.indexOf('\n')) {
      take(data.subarray(0, end))
      data = data.subarray(end + 1)
    }
    unfinished = data
  }
}

function takeLine(line: Buffer, created: () => void, events: (count: number) => void): void {
  if (line.includes('"events":[')) {
    events(occurrences(line, '"mod_revision"'))
  } else if (line.includes('"created":true')) {
    created()
  } else {
    throw new Error(`an unexpected line: ${line.toString()}`)
  }
}

function occurrences(line: Buffer, pattern: string): number {
  let count = 0
  for (let at = line.indexOf(pattern); at !== -1; at = line.indexOf(pattern, at + 1)) {
    count++
  }
  return count
}
