import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { connect as connectPlain } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type ConnectionOptions } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CertificateError } from '../../src/port/certificate-files.ts'
import { ClientListener } from '../../src/port/listener.ts'
import { openSslCiphers } from '../../src/port/tls-cipher-suites.ts'
import { TlsServer, type TlsSettings } from '../../src/port/tls-server.ts'
import { makeAuthority, makeLeaf, type Pem, writePem } from './certificates.ts'

let ours: Pem
let theirs: Pem
let serverPem: Pem
let directory: string
let files: { certFile: string; keyFile: string; trustedCaFile: string }
let listener: ClientListener
let log: string[]

beforeAll(async () => {
  ours = await makeAuthority('ours')
  theirs = await makeAuthority('theirs')
  serverPem = await makeLeaf(ours)
})

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'etcdurable-tls-'))
  const trustedCaFile = join(directory, 'ca.pem')
  await writeFile(trustedCaFile, ours.cert)
  files = { ...(await writePem(directory, 'server', serverPem)), trustedCaFile }
  listener = new ClientListener()
  log = []
})

afterEach(async () => {
  listener.close()
  await rm(directory, { recursive: true })
})

/** Listens with TLS; every connection is told who got it, and closed. */
async function serve(settings: Partial<TlsSettings> = {}): Promise<number> {
  const tls = new TlsServer(
    {
      ...files,
      trustedCaFile: '',
      clientCertAuth: false,
      allowedHostnames: [],
      crlFile: '',
      minVersion: 'TLSv1.2',
      maxVersion: undefined,
      ciphers: undefined,
      ...settings,
    },
    (level, message, fields) => log.push(`${level} ${message} ${fields['error'] ?? ''}`),
  )
  const port = await listener.bind({ host: '127.0.0.1', port: 0 }, { isPlain: false, tls })
  listener.serve({
    http2: (socket) => socket.end('http2'),
    http1: (socket, isSecure) => socket.end(isSecure ? 'http1 over TLS' : 'http1'),
  })
  return port
}

/** Of a revocation list what is looked at (RFC 5280 §5.1), in DER. */
function revoking(...serials: readonly string[]): Buffer {
  const entries = serials.map((serial) => element(0x30, element(0x02, Buffer.from(serial, 'hex'))))
  const [algorithm, issuer] = [element(0x30), element(0x30)]
  return element(0x30, element(0x30, algorithm, issuer, element(0x30, ...entries)))
}

function element(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents)
  return Buffer.concat([Buffer.from([tag, content.length]), content])
}

interface Meeting {
  readonly answer: string
  readonly protocol: string | null
  readonly cipher: string
  /** SHA-256 of the server's certificate. */
  readonly fingerprint: string
}

/** What a client gets; a handshake that fails, now or with the first byte, throws. */
async function meet(port: number, options: ConnectionOptions = {}): Promise<Meeting> {
  const client = connect({ port, host: '127.0.0.1', ca: ours.cert, ...options })
  await once(client, 'secureConnect')
  const { fingerprint256 } = client.getPeerCertificate()
  const [protocol, cipher] = [client.getProtocol(), client.getCipher().name]
  let answer = ''
  for await (const chunk of client) {
    answer += String(chunk)
  }
  if (answer === '') {
    throw new Error('closed unanswered')
  }
  return { answer, protocol, cipher, fingerprint: fingerprint256 }
}

/** The three ways in which a client sees that the server would not go on. */
const cutOff = /closed unanswered|ECONNRESET|disconnected/

describe('a TLS port', () => {
  it.each([
    [['h2'], 'http2'],
    [['h2', 'http/1.1'], 'http2'],
    [['http/1.1', 'h2'], 'http2'],
    [['http/1.1'], 'http1 over TLS'],
    [undefined, 'http1 over TLS'],
  ])('[TLS1] takes a client that offers %j as %s', async (ALPNProtocols, answer) => {
    const port = await serve()
    const offer = ALPNProtocols === undefined ? {} : { ALPNProtocols }
    expect(await meet(port, offer)).toMatchObject({ answer })
  })

  it('[TLS1] refuses a client that offers other protocols only', async () => {
    const port = await serve()
    await expect(meet(port, { ALPNProtocols: ['spdy/1'] })).rejects.toThrow(/no application/)
  })

  it.each(['GET / HTTP/1.1\r\nHost: x\r\n\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'nonsense'])(
    '[TLS2] closes on plain text: %j',
    async (text) => {
      const port = await serve()
      const client = connectPlain({ port, host: '127.0.0.1' })
      client.end(text)
      let answer = ''
      for await (const chunk of client) {
        answer += String(chunk)
      }
      expect(answer).not.toContain('HTTP')
      expect(log).toEqual([expect.stringMatching(/^warn rejected connection on client endpoint ./)])
    },
  )

  it('[TLS7] keeps to its versions', async () => {
    const port = await serve({ minVersion: 'TLSv1.3' })
    expect(await meet(port)).toMatchObject({ protocol: 'TLSv1.3' })
    await expect(meet(port, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/protocol version/)
    const older = await serve({ maxVersion: 'TLSv1.2' })
    expect(await meet(older)).toMatchObject({ protocol: 'TLSv1.2' })
    const ancient = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }
    await expect(meet(older, ancient as ConnectionOptions)).rejects.toThrow(/protocol version/)
  })

  it('[TLS7] keeps to its cipher suites, which have the names that Go gives them', async () => {
    const ciphers = openSslCiphers(['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'])
    const port = await serve({ ciphers })
    const offered = { maxVersion: 'TLSv1.2' } as const
    expect(await meet(port, offered)).toMatchObject({ cipher: 'ECDHE-ECDSA-AES256-GCM-SHA384' })
    const other = { ...offered, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }
    await expect(meet(port, other)).rejects.toThrow(/handshake failure/)
    expect(await meet(port)).toMatchObject({ protocol: 'TLSv1.3' })
  })
})

describe('client certificates', () => {
  it.each([
    ['--client-cert-auth', { clientCertAuth: true }],
    ['--trusted-ca-file alone', { clientCertAuth: false }],
  ])('[TLS3] are asked for with %s', async (_, settings) => {
    const port = await serve({ ...files, ...settings })
    const known = await makeLeaf(ours)
    expect(await meet(port, known)).toMatchObject({ answer: 'http1 over TLS' })
    await expect(meet(port)).rejects.toThrow(/certificate required/)
  })

  it('[TLS3] of another authority, or past their time, fail the handshake', async () => {
    const port = await serve({ ...files, clientCertAuth: true })
    for (const wrong of [
      await makeLeaf(theirs),
      await makeLeaf(ours, { notAfter: new Date(Date.now() - 1000) }),
    ]) {
      for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
        await expect(meet(port, { ...wrong, maxVersion })).rejects.toThrow(cutOff)
      }
    }
    const rejected = 'warn rejected connection on client endpoint'
    expect(log).toEqual([
      `${rejected} UNABLE_TO_VERIFY_LEAF_SIGNATURE`,
      `${rejected} UNABLE_TO_VERIFY_LEAF_SIGNATURE`,
      `${rejected} CERT_HAS_EXPIRED`,
      `${rejected} CERT_HAS_EXPIRED`,
    ])
  })

  it('[TLS3] without an authority of ours are held against those of the system', async () => {
    const port = await serve({ clientCertAuth: true })
    await expect(meet(port, await makeLeaf(ours))).rejects.toThrow(cutOff)
  })

  it('[LSN8] are refused once the revocation list names them', async () => {
    const crlFile = join(directory, 'list.crl')
    const [good, bad] = [await makeLeaf(ours), await makeLeaf(ours)]
    await writeFile(crlFile, revoking())
    const port = await serve({ ...files, clientCertAuth: true, crlFile })
    expect(await meet(port, bad)).toMatchObject({ answer: 'http1 over TLS' })
    const serial = new X509Certificate(bad.cert).serialNumber
    await writeFile(crlFile, revoking(serial))
    await expect(meet(port, bad)).rejects.toThrow(cutOff)
    expect(await meet(port, good)).toMatchObject({ answer: 'http1 over TLS' })
    await writeFile(crlFile, 'nonsense')
    await expect(meet(port, good)).rejects.toThrow(cutOff)
    const rejected = 'warn rejected connection on client endpoint'
    expect(log).toEqual([
      `${rejected} transport: certificate serial ${serial.toLowerCase()} revoked`,
      `${rejected} ${crlFile} holds no certificate revocation list in DER form`,
    ])
  })

  it('[TLS4] need one of the allowed names', async () => {
    const port = await serve({ ...files, allowedHostnames: ['a.example', 'b.example'] })
    const named = await makeLeaf(ours, { name: 'b.example' })
    expect(await meet(port, named)).toMatchObject({ answer: 'http1 over TLS' })
    await expect(meet(port, await makeLeaf(ours, { name: 'c.example' }))).rejects.toThrow(cutOff)
  })

  it('[TLS10] of the server mean nothing to a client that trusts another authority', async () => {
    const port = await serve()
    await expect(meet(port, { ca: theirs.cert })).rejects.toThrow(/unable to|self.signed/)
  })
})

describe('certificates that change', () => {
  it('[TLS5] are used from the next handshake on', async () => {
    const port = await serve()
    const before = await meet(port)
    const renewed = await makeLeaf(ours)
    await writePem(directory, 'server', renewed)
    const after = await meet(port)
    expect(after.fingerprint).not.toBe(before.fingerprint)
    expect(log).toEqual(['info reloaded the certificates '])
  })

  it('[TLS5] may be swapped by renaming, with the old time on them', async () => {
    const port = await serve()
    const before = await meet(port)
    const { certFile, keyFile } = await writePem(directory, 'next', await makeLeaf(ours))
    await rename(keyFile, files.keyFile)
    await rename(certFile, files.certFile)
    expect((await meet(port)).fingerprint).not.toBe(before.fingerprint)
  })

  it('[TLS5] leave the former ones in use until they fit together', async () => {
    const port = await serve()
    const before = await meet(port)
    const renewed = await makeLeaf(ours)
    await writeFile(files.certFile, renewed.cert)
    expect((await meet(port)).fingerprint).toBe(before.fingerprint)
    await meet(port)
    expect(log).toEqual([
      expect.stringMatching(/^warn kept the former certificates the private key in /),
    ])
    await writeFile(files.keyFile, renewed.key)
    expect((await meet(port)).fingerprint).not.toBe(before.fingerprint)
    await rm(files.certFile)
    expect((await meet(port)).fingerprint).not.toBe(before.fingerprint)
  })

  it('[TLS5] of authorities count too', async () => {
    const port = await serve(files)
    const client = await makeLeaf(theirs)
    await expect(meet(port, client)).rejects.toThrow(cutOff)
    await writeFile(files.trustedCaFile, theirs.cert)
    expect(await meet(port, client)).toMatchObject({ answer: 'http1 over TLS' })
  })
})

describe('files that are of no use', () => {
  it.each(['certFile', 'keyFile', 'trustedCaFile'] as const)(
    '[TLS6] name a %s that is missing or no PEM',
    async (which) => {
      const missing = { ...files, [which]: join(directory, 'missing') }
      const path = files[which]
      await expect(serve(missing)).rejects.toThrow(
        new CertificateError(`cannot read ${missing[which]}: no such file or directory`),
      )
      await writeFile(path, 'nonsense')
      const what = which === 'keyFile' ? 'private key' : 'certificate'
      await expect(serve(files)).rejects.toThrow(
        new CertificateError(`${path} holds no ${what} in PEM form`),
      )
    },
  )

  it('[TLS6] name a key of another certificate', async () => {
    await writeFile(files.keyFile, (await makeLeaf(ours)).key)
    await expect(serve()).rejects.toThrow(
      new CertificateError(`the private key in ${files.keyFile} is not that of ${files.certFile}`),
    )
  })
})
