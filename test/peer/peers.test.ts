import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { loopbackAddressOf } from '../../src/peer/loopback-address.ts'
import { PeerForwarder } from '../../src/peer/peer-forwarder.ts'
import { PeerListener } from '../../src/peer/peer-listener.ts'
import { readCertificates } from '../../src/port/certificate-files.ts'
import { TlsServer } from '../../src/port/tls-server.ts'
import { makeAuthority, makeLeaf, type Pem, writePem } from '../port/certificates.ts'

let folder = ''
let strangers: Pem
const open: (() => unknown)[] = []
const path = (file: string): string => join(folder, file)

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'etcdurable-peers-'))
  const authority = await makeAuthority('members')
  strangers = await makeAuthority('strangers')
  await writePem(folder, 'ca', authority)
  await writePem(folder, 'member', await makeLeaf(authority, { name: 'member.example' }))
  await writePem(folder, 'stranger', await makeLeaf(strangers, { name: 'stranger.example' }))
})

afterEach(() => {
  open.splice(0).forEach((close) => close())
})

afterAll(() => rm(folder, { recursive: true }))

/** A runtime that answers what it hears, in capitals. */
async function runtime(): Promise<{ readonly port: number; readonly server: Server }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => socket.write(data.toString().toUpperCase()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  open.push(() => server.close())
  return { port: (server.address() as AddressInfo).port, server }
}

async function freePort(): Promise<number> {
  const { port, server } = await runtime()
  server.close()
  return port
}

interface Certificates {
  readonly as?: string
  readonly allowedCommonNames?: readonly string[]
}

async function listenAt(port: number, { allowedCommonNames = [] }: Certificates = {}) {
  const tls = new TlsServer(
    {
      certFile: path('member.pem'),
      keyFile: path('member.key'),
      trustedCaFile: path('ca.pem'),
      clientCertAuth: true,
      allowedHostnames: [],
      allowedCommonNames,
      endpoint: 'peer',
      crlFile: '',
      minVersion: 'TLSv1.2',
      maxVersion: undefined,
      ciphers: undefined,
    },
    () => undefined,
  )
  const listener = new PeerListener()
  await listener.listen(tls, [{ host: '127.0.0.1', port }])
  open.push(() => listener.close())
  return listener
}

/** A connection of this node's runtime to the member at that port, and what it heard. */
async function reach(port: number, { as = 'member' }: Certificates = {}) {
  const failures: string[] = []
  const peerUrl = `https://127.0.0.1:${port}`
  const forwarder = new PeerForwarder({
    peerUrl,
    secureContext: () => {
      const [certFile, keyFile] = [path(`${as}.pem`), path(`${as}.key`)]
      const { cert, key, ca } = readCertificates({
        certFile,
        keyFile,
        trustedCaFile: path('ca.pem'),
      })
      return { cert, key, ca }
    },
    failed: (error) => failures.push(error.message),
  })
  await forwarder.listen()
  const socket: Socket = connect(loopbackAddressOf(peerUrl))
  open.push(() => {
    socket.destroy()
    forwarder.close()
  })
  await once(socket, 'connect')
  let heard = ''
  socket.on('data', (data) => (heard += data.toString()))
  return { socket, failures, heard: () => heard }
}

describe('the traffic between members', () => {
  it('[CLU13] passes in TLS, both ways, and ends at both ends', async () => {
    const [port, far] = [await freePort(), await runtime()]
    const listener = await listenAt(port)
    listener.passTo(far.port)
    const { socket, heard } = await reach(port)
    socket.write('hello')
    await expect.poll(heard).toBe('HELLO')
    const text = 'a'.repeat(1_000_000)
    socket.write(text)
    await expect.poll(() => heard().length, { timeout: 10_000 }).toBe(text.length + 5)
    const ended = once(far.server, 'connection').then(([end]) => (end as Socket).destroy())
    const another = connect(loopbackAddressOf(`https://127.0.0.1:${port}`))
    another.on('error', () => undefined)
    another.write('x')
    await ended
    socket.destroy()
    another.destroy()
    await expect.poll(() => countOf(far.server)).toBe(0)
  })

  it('[CLU13] is of those with a certificate of the authority, and of the common names that are allowed', async () => {
    const far = await runtime()
    const port = await freePort()
    const listener = await listenAt(port, { allowedCommonNames: ['another.example'] })
    listener.passTo(far.port)
    const { socket, heard } = await reach(port)
    socket.write('hello')
    const strange = await reach(await strangerAt(far.port), { as: 'stranger' })
    strange.socket.write('hello')
    await expect.poll(() => strange.failures.length).toBeGreaterThan(0)
    expect([heard(), strange.heard()]).toEqual(['', ''])
    expect(await countOf(far.server)).toBe(0)
  })

  it('[CLU14] waits for a member that is away, and for its runtime', async () => {
    const port = await freePort()
    const { socket, failures, heard } = await reach(port)
    let isClosed = false
    socket.on('close', () => (isClosed = true))
    socket.write('hello')
    await expect.poll(() => failures.length).toBeGreaterThan(0)
    const listener = await listenAt(port)
    const far = await runtime()
    listener.passTo(undefined)
    await expect.poll(() => failures.length, { timeout: 3_000 }).toBeGreaterThan(0)
    listener.passTo(far.port)
    await expect.poll(heard, { timeout: 5_000 }).toBe('HELLO')
    expect(isClosed).toBe(false)
  })

  it('[CLU13] has an address of its own for each member, the same at every node', () => {
    const urls = Array.from({ length: 100 }, (_, place) => `https://10.0.0.${place}:2380`)
    const addresses = urls.map(loopbackAddressOf)
    expect(new Set(addresses.map(({ host, port }) => `${host}:${port}`)).size).toBe(100)
    for (const { host, port } of addresses) {
      expect(host).toMatch(/^127\.(?:6[4-9]|[7-9]\d|1\d\d)\.\d+\.[1-9]\d*$/)
      expect(port >= 10_000 && port < 30_000).toBe(true)
    }
    expect(loopbackAddressOf('https://10.0.0.1:2380')).toEqual({
      host: '127.157.51.228',
      port: 25013,
    })
  })
})

/** A member that takes members' certificates alone. */
async function strangerAt(runtimePort: number): Promise<number> {
  const port = await freePort()
  const listener = await listenAt(port)
  listener.passTo(runtimePort)
  return port
}

function countOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)))
  })
}
