import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAuthority, makeLeaf, writePem } from '../port/certificates.ts'
import type { ClientTls } from './h2-connection.ts'

/** One authority, a server's certificate by it and a client's, as files and for a client of ours. */
export interface Certificates {
  readonly authorityFile: string
  readonly certFile: string
  readonly keyFile: string
  readonly clientCertFile: string
  readonly clientKeyFile: string
  readonly client: ClientTls
}

/** Makes certificates that last as long as `use`. */
export async function withCertificates<T>(use: (made: Certificates) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'bench-certificates-'))
  try {
    const authority = await makeAuthority('bench')
    const authorityFile = join(directory, 'authority.pem')
    await writeFile(authorityFile, authority.cert)
    const server = await writePem(directory, 'server', await makeLeaf(authority))
    const leaf = await makeLeaf(authority, { name: 'client.example' })
    const client = await writePem(directory, 'client', leaf)
    return await use({
      authorityFile,
      ...server,
      clientCertFile: client.certFile,
      clientKeyFile: client.keyFile,
      client: { ca: authority.cert, ...leaf },
    })
  } finally {
    await rm(directory, { recursive: true })
  }
}
