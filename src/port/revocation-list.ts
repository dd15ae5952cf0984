import { readFileSync } from 'node:fs'
import { CertificateError, fileMark, readFileError } from './certificate-files.ts'

const SEQUENCE = 0x30
const INTEGER = 0x02

/**
 * The serial numbers of `--client-crl-file`, which is read again whenever it changes. As in etcd
 * (client/pkg/transport/listener_tls.go) nothing else of the list counts: no issuer, date or signature.
 */
export class RevocationList {
  readonly #path: string
  #mark: string
  #serials: ReadonlySet<bigint>

  /** Throws CertificateError. */
  constructor(path: string) {
    this.#path = path
    this.#mark = fileMark(path)
    this.#serials = readSerials(path)
  }

  /** `serial` is in hexadecimal digits. Throws CertificateError. */
  has(serial: string): boolean {
    const mark = fileMark(this.#path)
    if (mark !== this.#mark) {
      // One that cannot be read is tried again by the next connection.
      this.#serials = readSerials(this.#path)
      this.#mark = mark
    }
    return this.#serials.has(BigInt(`0x0${serial}`))
  }
}

function readSerials(path: string): ReadonlySet<bigint> {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw readFileError(path, error)
  }
  try {
    return serialsOf(bytes)
  } catch (error) {
    if (error instanceof RangeError) {
      throw new CertificateError(`${path} holds no certificate revocation list in DER form`)
    }
    throw error
  }
}

/** RFC 5280 §5.1: CertificateList, its tbsCertList, and the revokedCertificates of that. */
function serialsOf(bytes: Buffer): ReadonlySet<bigint> {
  const list = elementAt(bytes, 0, SEQUENCE)
  const parts = elementsOf(elementAt(list.content, 0, SEQUENCE).content)
  // A version, if there is one, the algorithm, the issuer and the times go before.
  const [, , ...rest] = parts.filter(({ tag }) => tag === SEQUENCE)
  const revoked = rest.flatMap(({ content }) => elementsOf(content))
  return new Set(
    revoked.map(({ content }) => {
      const serial = elementAt(content, 0, INTEGER).content
      return BigInt(`0x0${serial.toString('hex')}`)
    }),
  )
}

interface Element {
  readonly tag: number
  readonly content: Buffer
  readonly end: number
}

function elementsOf(bytes: Buffer): readonly Element[] {
  const elements: Element[] = []
  for (let place = 0; place < bytes.length;) {
    const element = elementAt(bytes, place)
    elements.push(element)
    place = element.end
  }
  return elements
}

/** Throws RangeError where there is no such element. */
function elementAt(bytes: Buffer, place: number, expected?: number): Element {
  const tag = bytes.readUInt8(place)
  const first = bytes.readUInt8(place + 1)
  const lengthBytes = first < 0x80 ? 0 : first - 0x80
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(place + 2, lengthBytes)
  const start = place + 2 + lengthBytes
  if ((expected !== undefined && tag !== expected) || start + length > bytes.length) {
    throw new RangeError('no such element')
  }
  return { tag, content: bytes.subarray(start, start + length), end: start + length }
}
