// The store of a Worker on the host, in a process of its own.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { storeBehind, type WorkerStore } from './worker-store.ts'

/** Tells it of the directory that its HOST has, unless `variables` name another store. */
export async function startHostStore(
  variables: Readonly<Record<string, string>> = {
    ETCDURABLE_SNAPSHOT_STORE: 'file:///objects',
  },
): Promise<WorkerStore> {
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-host-store-'))
  const script = join(import.meta.dirname, 'host-process.ts')
  const told = JSON.stringify({ EMBEDDED: 'true', ...variables })
  const child = spawn(process.execPath, [script, directory, told], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  const killWithCaller = (): boolean => child.kill('SIGKILL')
  process.once('exit', killWithCaller)
  const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
  return {
    store: storeBehind(`http://127.0.0.1:${port}`),
    stop: async () => {
      child.kill('SIGKILL')
      await closed
      process.off('exit', killWithCaller)
      await rm(directory, { recursive: true })
    },
  }
}
