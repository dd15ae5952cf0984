import { Connection, post } from './connection.ts'

export interface DownloadTask {
  readonly kind: 'download'
  readonly url: string
  readonly path: string
  readonly body: string
}

export interface DownloadResult {
  readonly bytes: number
  readonly keys: number
  readonly seconds: number
}

const OPENING_BRACE = '{'.charCodeAt(0)

/** Reads one answer without keeping it. Its keys are counted by the braces that open them. */
export async function download(task: DownloadTask): Promise<DownloadResult> {
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  let bytes = 0
  let braces = 0
  const body = (piece: Buffer): void => {
    bytes += piece.length
    for (
      let at = piece.indexOf(OPENING_BRACE);
      at !== -1;
      at = piece.indexOf(OPENING_BRACE, at + 1)
    ) {
      braces++
    }
  }
  const start = performance.now()
  const connection = new Connection(task.url, { body, end: resolve }, reject)
  connection.send(post(task.url, task.path, task.body))
  await done
  connection.close()
  // The answer itself and its header open one brace each.
  return { bytes, keys: braces - 2, seconds: (performance.now() - start) / 1000 }
}
