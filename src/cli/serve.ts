import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildBundle } from './bundle.ts'
import { openDataDirectory } from './data-directory.ts'
import { Failure, systemErrorCode } from './failure.ts'
import { type Flags, parseFlags, unknownVariables, workerVariables } from './flags.ts'
import { hostPort, type ListenUrl } from './listen-url.ts'
import { Log } from './log.ts'
import { workerdConfig } from './workerd-config.ts'
import { Workerd } from './workerd.ts'

const answerMsMax = 30_000

/**
 * Serves until SIGTERM, SIGINT or SIGHUP: the Worker's bundle in workerd, its Durable Objects in
 * the data directory. Throws Failure when it cannot start or when workerd ends by itself.
 */
export async function serve(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const stopped = Promise.race(
    ['SIGTERM', 'SIGINT', 'SIGHUP'].map((signal) => once(process, signal)),
  )
  const flags = parseFlags(args, environment)
  const log = new Log(flags['log-level'])
  for (const variable of unknownVariables(environment)) {
    log.write('warn', 'unrecognized environment variable', { variable })
  }
  const dataDirectory = openDataDirectory(flags['data-dir'])
  try {
    await Promise.all(flags['listen-client-urls'].map(refuseTakenAddress))
    const workerd = new Workerd(await writeConfig(flags, dataDirectory.path), log)
    try {
      // Ctrl-C reaches workerd too; our own signal still comes before the news of its end.
      await Promise.race([stopped, run(workerd, flags['listen-client-urls'])])
    } finally {
      await workerd.stop()
    }
  } finally {
    dataDirectory.release()
  }
}

async function writeConfig(flags: Flags, directory: string): Promise<string> {
  const config = workerdConfig({
    directory,
    storage: join(directory, 'shard'),
    addresses: flags['listen-client-urls'].map(hostPort),
    modules: await buildBundle(),
    variables: new Map([...workerVariables(flags), ['EMBEDDED', 'true']]),
  })
  const path = join(directory, 'workerd.capnp')
  await writeFile(path, config)
  return path
}

/** workerd would name a taken address only by a stack trace. */
async function refuseTakenAddress(url: ListenUrl): Promise<void> {
  const listener = createServer().listen({ ...url, exclusive: true })
  try {
    await once(listener, 'listening')
  } catch (error) {
    const reasons: Readonly<Record<string, string>> = {
      EADDRINUSE: 'address already in use',
      EADDRNOTAVAIL: 'no such address on this machine',
      EACCES: 'permission denied',
    }
    const reason = reasons[systemErrorCode(error) ?? ''] ?? String(error)
    throw new Failure(`cannot listen on ${hostPort(url)}: ${reason}`)
  }
  listener.close()
  await once(listener, 'close')
}

/** Says when the server is ready; never returns, as only the end of workerd ends it. */
async function run(workerd: Workerd, urls: readonly ListenUrl[]): Promise<never> {
  const ports = await workerd.listening(urls.length)
  const bound = urls.map(({ host }, place) => ({ host, port: ports[place] ?? 0 }))
  const ended = workerd.exited.then((how): never => {
    throw new Failure(`workerd ${how}`)
  })
  await Promise.race([Promise.all(bound.map(untilAnswered)), ended])
  const shown = bound.map((url) => `http://${hostPort(url)}`).join(', ')
  process.stdout.write(`ready to serve client requests on ${shown}\n`)
  return ended
}

/** Waits until the Worker answers GET /livez, whatever it thinks of our Host header. */
async function untilAnswered({ host, port }: ListenUrl): Promise<void> {
  const loopbacks: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }
  const url = `http://${hostPort({ host: loopbacks[host] ?? host, port })}/livez`
  const deadline = Date.now() + answerMsMax
  for (let problem = await probe(url); problem !== undefined; problem = await probe(url)) {
    if (Date.now() > deadline) {
      throw new Failure(`the server is not live: ${problem}`)
    }
    await sleep(50)
  }
}

/** What keeps the server from being live; undefined when nothing does. */
async function probe(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url)
    const body = await response.text()
    return response.status < 500 ? undefined : `${response.status} ${body.trim()}`
  } catch (error) {
    return String(error instanceof Error ? (error.cause ?? error) : error)
  }
}
