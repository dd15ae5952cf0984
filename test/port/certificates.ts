// Authorities and what they sign, made when a test asks for them.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface Pem {
  readonly cert: string
  readonly key: string
}

export interface LeafOptions {
  /** A name besides `localhost` and 127.0.0.1. */
  readonly name?: string
  /** Besides 127.0.0.1. */
  readonly address?: string
  readonly notAfter?: Date
  /** In place of the common name, which is `name` else. */
  readonly subject?: readonly { readonly name: string; readonly value: string }[]
}

const dayMs = 86_400_000

export async function makeAuthority(name: string): Promise<Pem> {
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return { cert: made.cert, key: made.private }
}

/** A certificate that serves servers and clients alike. */
export async function makeLeaf(authority: Pem, options: LeafOptions = {}): Promise<Pem> {
  const {
    name = 'leaf.example',
    address = '127.0.0.1',
    notAfter = new Date(Date.now() + dayMs),
  } = options
  const subject = options.subject ?? [{ name: 'commonName', value: name }]
  const made = await generate([...subject], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: authority,
    notBeforeDate: new Date(notAfter.getTime() - 30 * dayMs),
    notAfterDate: notAfter,
    extensions: [
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: name },
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
          { type: 7, ip: address },
        ],
      },
    ],
  })
  return { cert: made.cert, key: made.private }
}

/** Writes NAME.pem and NAME.key. */
export async function writePem(directory: string, name: string, pem: Pem) {
  const [certFile, keyFile] = [join(directory, `${name}.pem`), join(directory, `${name}.key`)]
  await writeFile(certFile, pem.cert)
  await writeFile(keyFile, pem.key)
  return { certFile, keyFile }
}
