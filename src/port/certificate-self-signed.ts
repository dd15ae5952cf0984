import { X509Certificate } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'

export interface SelfSignedOptions {
  /** Where the files go; etcd has them in DATA_DIR/fixtures/client. */
  readonly directory: string
  /** What clients dial: IP addresses or names. */
  readonly hosts: readonly string[]
  readonly validityYears: number
}

export interface SelfSignedCertificate {
  readonly certFile: string
  readonly keyFile: string
  /** Whether it was made now: an earlier one is used as long as it is valid. */
  readonly isNew: boolean
}

/** The certificate of --auto-tls (client/pkg/transport/listener.go SelfCert). */
export async function selfSignedCertificate(
  options: SelfSignedOptions,
): Promise<SelfSignedCertificate> {
  const certFile = join(options.directory, 'cert.pem')
  const keyFile = join(options.directory, 'key.pem')
  if (isValid(certFile) && existsSync(keyFile)) {
    return { certFile, keyFile, isNew: false }
  }
  const notBeforeDate = new Date()
  const notAfterDate = new Date(notBeforeDate)
  notAfterDate.setFullYear(notAfterDate.getFullYear() + options.validityYears)
  // It takes longer to load than the rest of a start.
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'organizationName', value: 'etcd' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: [
      // An authority of its own, so that clients can be given it as one.
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', digitalSignature: true, keyCertSign: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: [...new Set(options.hosts)].map(altName) },
    ],
  })
  mkdirSync(options.directory, { recursive: true, mode: 0o700 })
  writeFileSync(keyFile, made.private, { mode: 0o600 })
  // The mode above is for a new file.
  chmodSync(keyFile, 0o600)
  writeFileSync(certFile, made.cert)
  return { certFile, keyFile, isNew: true }
}

function altName(host: string) {
  return isIP(host) === 0 ? { type: 2 as const, value: host } : { type: 7 as const, ip: host }
}

function isValid(certFile: string): boolean {
  if (!existsSync(certFile)) {
    return false
  }
  try {
    return new X509Certificate(readFileSync(certFile)).validToDate > new Date()
  } catch {
    // A file that is cut short: another one is made.
    return false
  }
}
