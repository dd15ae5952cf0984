import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort } from './free-port.ts'
import { commandAt, type Place } from './place.ts'

const READY_MS_MAX = 20_000

export interface WholeRequests {
  /** By which the server is asked, where that is safe from requests that end early. */
  readonly endpoint: string
  stop(): Promise<void>
}

/** Starts what passes whole requests on (whole-requests-process.ts), in the place of the server. */
export async function passWholeRequests(place: Place, endpoint: string): Promise<WholeRequests> {
  const { hostname, port: target } = new URL(endpoint)
  const port = await freePort()
  const script = join(import.meta.dirname, 'whole-requests-process.ts')
  const [program, words] = commandAt(place, process.execPath, [
    script,
    hostname,
    String(port),
    target,
  ])
  const child = spawn(program, words, { stdio: 'ignore' })
  const killWithCaller = (): boolean => child.kill('SIGKILL')
  process.once('exit', killWithCaller)
  const gone = once(child, 'exit').finally(() => process.off('exit', killWithCaller))
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await gone
  }
  const deadline = Date.now() + READY_MS_MAX
  while (!(await listens(hostname, port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stop()
      throw new Error('whole-requests-process.ts did not start')
    }
    await sleep(20)
  }
  return { endpoint: `http://${hostname}:${port}`, stop }
}

async function listens(host: string, port: number): Promise<boolean> {
  const socket = connect(port, host)
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
