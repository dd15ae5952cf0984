import { open, rename } from 'node:fs/promises'
import { decoded, type SourceClient } from './source-client.ts'

/** What is told of a snapshot on its way. */
type Told = (bytes: number, remaining: number) => void

/**
 * Writes a snapshot of the source to a file, as `etcdctl snapshot save` does, hash and all. It is there
 * whole or not at all. Throws SourceFailure.
 */
export async function downloadSnapshot(
  client: SourceClient,
  path: string,
  told: Told,
): Promise<void> {
  const part = `${path}.part`
  const file = await open(part, 'w', 0o600)
  try {
    let bytes = 0
    const method = '/etcdserverpb.Maintenance/Snapshot'
    for await (const message of messagesOf(client)) {
      const { blob, remainingBytes } = decoded(method, message)
      await file.write(blob)
      bytes += blob.length
      told(bytes, remainingBytes)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(part, path)
}

async function* messagesOf(client: SourceClient): AsyncGenerator<Buffer, void> {
  const stream = await client.serverStream('/etcdserverpb.Maintenance/Snapshot')
  try {
    for await (const message of stream) {
      yield message as Buffer
    }
  } catch (error) {
    throw client.streamFailed(error)
  }
}
