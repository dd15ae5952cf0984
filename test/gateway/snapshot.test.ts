import { beforeAll, describe, expect, it } from 'vitest'
import { readBolt } from '../snapshot/bbolt-reader.ts'
import { ask, LineReader, post, put, until } from './client.ts'

const PATH = '/v3/maintenance/snapshot'
const KEYS = 40

interface Message {
  readonly result: {
    readonly blob: string
    readonly remaining_bytes?: string
    readonly version: string
  }
}

beforeAll(async () => {
  for (let i = 0; i < KEYS; i++) {
    await put(`snapshot/${i}`, 'x'.repeat(60_000))
  }
})

function bytesOf({ result }: Message): Uint8Array {
  return Uint8Array.from(atob(result.blob), (char) => char.charCodeAt(0))
}

/** The file, after a look at what it came in. */
async function fileOf(messages: readonly Message[]): Promise<Uint8Array> {
  const parts = messages.map(bytesOf)
  const hash = parts.pop()
  const file = new Uint8Array(await new Blob(parts).arrayBuffer())
  expect(hash).toEqual(new Uint8Array(await crypto.subtle.digest('SHA-256', file)))
  let left = file.length
  messages.slice(0, -1).forEach((message, i) => {
    left -= parts[i]?.length ?? 0
    const remaining = left === 0 ? {} : { remaining_bytes: String(left) }
    expect(message).toEqual({
      result: { ...remaining, blob: message.result.blob, version: '3.7.0' },
    })
  })
  return file
}

const keysIn = (file: Uint8Array): number => readBolt(file).get('key')?.length ?? 0

/** What /metrics says of snapshots that ended with this code. */
async function ended(code: string): Promise<number> {
  const text = await (await ask('/metrics')).text()
  const line = `grpc_code="${code}".*grpc_method="Snapshot"|grpc_method="Snapshot".*grpc_code="${code}"`
  const found = text
    .split('\n')
    .find((each) => each.startsWith('grpc_server_handled_total') && new RegExp(line).test(each))
  return Number(found?.split(' ').at(-1) ?? 0)
}

describe('a snapshot over HTTP', () => {
  it('[SNP11] is a line for each message, to the last', async () => {
    const response = await post(PATH, {})
    expect(response.headers.get('Content-Type')).toBe('application/json')
    const lines = new LineReader(response)
    const messages: Message[] = []
    for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
      messages.push(JSON.parse(line) as Message)
    }
    expect(keysIn(await fileOf(messages))).toBeGreaterThanOrEqual(KEYS)
  })

  it('[SNP10] whose client leaves is forgotten', async () => {
    const before = await ended('Canceled')
    const lines = new LineReader(await post(PATH, {}))
    await lines.next()
    await lines.cancel()
    await until(async () => (await ended('Canceled')) === before + 1)
  })
})

describe('a snapshot over WebSocket', () => {
  it('[SNP11] is a text message for each, and then the socket closes', async () => {
    const { webSocket } = await ask(PATH, { headers: { Upgrade: 'websocket' } })
    const messages: Message[] = []
    const closed = new Promise<void>((resolve) => {
      webSocket?.addEventListener('close', () => resolve())
    })
    webSocket?.addEventListener('message', ({ data }) => {
      messages.push(JSON.parse(data as string) as Message)
    })
    webSocket?.accept()
    webSocket?.send('{}')
    await closed
    expect(keysIn(await fileOf(messages))).toBeGreaterThanOrEqual(KEYS)
  })
})
