// A Worker as it is when deployed: not embedded, behind a token, at a URL of its own.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildBundle } from '../../src/cli/bundle.ts'
import { Log } from '../../src/cli/log.ts'
import { workerdConfig } from '../../src/cli/workerd-config.ts'
import { Workerd } from '../../src/cli/workerd.ts'

export interface DeployedWorker {
  readonly url: string
  readonly token: string
  /** Ends it; `start` again brings it back at the same URL, with its data. */
  halt(): Promise<void>
  start(): Promise<void>
  /** Ends it for good. */
  remove(): Promise<void>
}

/** Starts the Worker in workerd on a free port of 127.0.0.1. */
export async function deployWorker(token = 'a-token-of-this-test'): Promise<DeployedWorker> {
  const directory = await mkdtemp(join(tmpdir(), 'etcdurable-deployed-'))
  const storage = join(directory, 'storage')
  await mkdir(storage)
  const modules = await buildBundle()
  const configPath = join(directory, 'workerd.capnp')
  let workerd: Workerd | undefined
  let port = 0
  const start = async (): Promise<void> => {
    const variables = new Map([['ETCDURABLE_TOKEN', token]])
    const addresses = [`127.0.0.1:${port}`]
    await writeFile(
      configPath,
      workerdConfig({ directory, storage, addresses, modules, variables }),
    )
    workerd = new Workerd(
      configPath,
      new Log({ 'log-level': 'error', 'log-format': 'json', 'log-outputs': ['default'] }),
    )
    port = (await workerd.listening(1))[0] ?? 0
  }
  const halt = async (): Promise<void> => workerd?.stop()
  await start()
  return {
    url: `http://127.0.0.1:${port}`,
    token,
    halt,
    start,
    remove: async () => {
      await halt()
      await rm(directory, { recursive: true })
    },
  }
}
