// Prometheus text, as far as the tests read it.
import { setTimeout as sleep } from 'node:timers/promises'
import { send } from './http.ts'

export type Metrics = ReadonlyMap<string, number>

/** Every sample by its name with labels, such as `etcd_server_version{server_version="3.7.1"}`. */
export async function readMetrics(url: string): Promise<Metrics> {
  const { body } = await send(url, { method: 'GET', path: '/metrics' })
  const samples = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    samples.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

/** Waits until a sample has a value; resolves to the last value seen either way. */
export async function sampleSettles(url: string, name: string, value: number): Promise<number> {
  const deadline = Date.now() + 20_000
  for (;;) {
    const seen = (await readMetrics(url)).get(name) ?? Number.NaN
    if (seen === value || Date.now() > deadline) {
      return seen
    }
    await sleep(50)
  }
}
