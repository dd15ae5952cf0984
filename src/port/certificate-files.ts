import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { getSystemErrorMessage } from 'node:util'

/** Paths as flags give them; an empty one is none. */
export interface CertificatePaths {
  readonly certFile: string
  readonly keyFile: string
  /** Holds the authorities of client certificates, one or several. */
  readonly trustedCaFile: string
}

/** PEM texts that were checked to belong together. */
export interface Certificates {
  readonly cert: string
  readonly key: string
  readonly ca: string | undefined
}

/** A file cannot be read or used; the message is one line that names it. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
}

/** Reads and checks the files. Throws CertificateError. */
export function readCertificates(paths: CertificatePaths): Certificates {
  const cert = readFile(paths.certFile)
  const key = readFile(paths.keyFile)
  const ca = paths.trustedCaFile === '' ? undefined : readFile(paths.trustedCaFile)
  const certificate = parse(paths.certFile, 'certificate', () => new X509Certificate(cert))
  const privateKey = parse(paths.keyFile, 'private key', (): KeyObject => createPrivateKey(key))
  if (ca !== undefined) {
    parse(paths.trustedCaFile, 'certificate', () => new X509Certificate(ca))
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    const [certFile, keyFile] = [paths.certFile, paths.keyFile]
    throw new CertificateError(`the private key in ${keyFile} is not that of ${certFile}`)
  }
  return { cert, key, ca }
}

/**
 * What changes when one of the files does. Reading it costs three system calls, so that it can be
 * asked at every connection, as etcd reads its certificate at every handshake.
 */
export function changeMark(paths: CertificatePaths): string {
  const files = [paths.certFile, paths.keyFile, paths.trustedCaFile]
  return files
    .filter((file) => file !== '')
    .map(fileMark)
    .join(' ')
}

/** Inode and size besides the time: a copy may keep the time of its source. */
export function fileMark(file: string): string {
  const stat = statSync(file, { bigint: true, throwIfNoEntry: false })
  return stat === undefined ? 'none' : `${stat.ino}:${stat.size}:${stat.mtimeNs}`
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw readFileError(file, error)
  }
}

export function readFileError(file: string, error: unknown): CertificateError {
  return new CertificateError(`cannot read ${file}: ${reason(error)}`)
}

function reason(error: unknown): string {
  const isSystemError = error instanceof Error && 'errno' in error
  return isSystemError ? getSystemErrorMessage(Number(error.errno)) : String(error)
}

function parse<T>(file: string, what: string, read: () => T): T {
  try {
    return read()
  } catch {
    // OpenSSL's own words say in which of its routines it gave up.
    throw new CertificateError(`${file} holds no ${what} in PEM form`)
  }
}
