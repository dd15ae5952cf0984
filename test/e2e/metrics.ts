// Prometheus text, as far as the tests read it.
import { setTimeout as sleep } from 'node:timers/promises'
import { send } from './http.ts'

export type Metrics = ReadonlyMap<string, number>

/**
 * Every sample by its name and its labels in alphabetical order, such as
 * `grpc_server_started_total{grpc_method="Put",grpc_service="etcdserverpb.KV",grpc_type="unary"}`.
 */
export async function readMetrics(url: string, path = '/metrics'): Promise<Metrics> {
  const { body } = await send(url, { method: 'GET', path })
  const samples = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(samples.map(parseSample))
}

function parseSample(line: string): [name: string, value: number] {
  const parts = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line)
  if (parts === null) {
    throw new Error(`not a sample: ${line}`)
  }
  const [, name = '', labels = '', value] = parts
  const sorted = (labels.match(/[a-zA-Z_]\w*="(?:[^"\\]|\\.)*"/g) ?? []).toSorted()
  return [sorted.length === 0 ? name : `${name}{${sorted.join(',')}}`, Number(value)]
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
