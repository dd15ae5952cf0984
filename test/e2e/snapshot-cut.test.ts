import { rm } from 'node:fs/promises'
import { expect, it, onTestFinished } from 'vitest'
import { CREDIT_WINDOW_BYTES } from '../../src/protocol/frames.ts'
import { statusOf } from '../../src/protocol/status.ts'
import { LinkClient } from '../link/client.ts'
import { isObject } from './http.ts'
import { type Server, startServer } from './server.ts'
import { HttpStream } from './streams.ts'

const VALUE_BYTES = 1_000_000
const VALUES = 40

/** A server with more than what is under way to a reader at any time. */
async function filled(): Promise<{ readonly server: Server; readonly client: LinkClient }> {
  const server = await startServer()
  const client = await LinkClient.start(`ws://127.0.0.1:${server.port}/session`)
  onTestFinished(async () => {
    client.link.close()
    await server.kill9()
    await rm(server.dataDir, { recursive: true })
  })
  for (let i = 0; i < VALUES; i++) {
    await client.put(`k${i}`, 'x'.repeat(VALUE_BYTES))
  }
  return { server, client }
}

it('[SNP12] a snapshot over the link that is cut ends as unavailable', async () => {
  const { server, client } = await filled()
  const snapshot = client.snapshot()
  snapshot.takes = false
  await snapshot.until(() => snapshot.held >= CREDIT_WINDOW_BYTES)
  await server.kill9()
  await snapshot.until(() => snapshot.ended !== undefined)
  expect(snapshot.ended?.status).toEqual(statusOf('timeout-connection-lost'))
  expect(snapshot.messages.every(({ remainingBytes }) => remainingBytes > VALUE_BYTES)).toBe(true)
})

it('[SNP12] a snapshot over HTTP that is cut never looks whole', async () => {
  const { server } = await filled()
  const stream = new HttpStream(server.url, '/v3/maintenance/snapshot')
  stream.send('{}')
  stream.halfClose()
  const first = await stream.next()
  expect(first).toHaveProperty('result.blob')
  await server.kill9()
  let last = first
  for (let line = await stream.next(); line !== undefined; line = await stream.next()) {
    last = line
  }
  // The hash, which is all that a file ends well with, comes with nothing remaining.
  const result = last?.['result']
  expect(last).toSatisfy(
    (line: object) =>
      'error' in line || (isObject(result) && Number(result['remaining_bytes']) > VALUE_BYTES),
  )
})
