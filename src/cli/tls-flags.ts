import { join } from 'node:path'
import type { SecureVersion } from 'node:tls'
import { CertificateError } from '../port/certificate-files.ts'
import { selfSignedCertificate } from '../port/certificate-self-signed.ts'
import { openSslCiphers } from '../port/tls-cipher-suites.ts'
import { TlsServer } from '../port/tls-server.ts'
import { Failure } from './failure.ts'
import type { ListenFlags } from './flag-table.ts'
import { formatUrl, isSecure, type ListenUrl } from './listen-url.ts'
import type { Log } from './log.ts'

export interface CertificateChoice {
  readonly certFile: string
  readonly keyFile: string
}

interface ListenUrls {
  /** Those of HTTP alone among them. */
  readonly client: readonly ListenUrl[]
  readonly metrics: readonly ListenUrl[]
}

/** What serves those of the URLs that are of TLS; undefined where there is none. Throws Failure. */
export function tlsServer(
  flags: ListenFlags,
  urls: ListenUrls,
  { certFile, keyFile }: CertificateChoice,
  log: Log,
): TlsServer | undefined {
  const versions = tlsVersions(flags)
  if ((certFile === '') !== (keyFile === '')) {
    throw new Failure('--cert-file and --key-file must both be given')
  }
  const secure = [...urls.client, ...urls.metrics].find(isSecure)
  warnOfPlaintext(flags, urls.client, certFile, log)
  if (secure === undefined) {
    return undefined
  }
  if (certFile === '') {
    throw new Failure(`--cert-file and --key-file must be given for ${formatUrl(secure)}`)
  }
  const settings = {
    certFile,
    keyFile,
    trustedCaFile: flags['trusted-ca-file'],
    clientCertAuth: flags['client-cert-auth'],
    crlFile: flags['client-crl-file'],
    allowedHostnames: flags['client-cert-allowed-hostname'],
    ...versions,
    ciphers: openSslCiphers(flags['cipher-suites']),
  }
  try {
    return new TlsServer(settings, (level, message, fields) => log.write(level, message, fields))
  } catch (error) {
    throw error instanceof CertificateError ? new Failure(error.message) : error
  }
}

interface AutoTlsFlags extends ListenFlags {
  readonly 'auto-tls': boolean
  readonly 'self-signed-cert-validity': number
}

/** The certificate of the flags, or the one of --auto-tls, which yields to the former as in etcd. */
export async function chooseCertificate(
  flags: AutoTlsFlags,
  urls: readonly ListenUrl[],
  dataDirectory: string,
  log: Log,
): Promise<CertificateChoice> {
  const given = { certFile: flags['cert-file'], keyFile: flags['key-file'] }
  if (!flags['auto-tls']) {
    return given
  }
  if (given.certFile !== '' || given.keyFile !== '') {
    log.write('warn', 'ignoring client auto TLS since certs given')
    return given
  }
  const made = await selfSignedCertificate({
    directory: join(dataDirectory, 'fixtures', 'client'),
    hosts: [...urls.flatMap(hostOf), 'localhost'],
    validityYears: flags['self-signed-cert-validity'],
  })
  if (made.isNew) {
    log.write('info', 'created cert file', { path: made.certFile })
  }
  return made
}

function hostOf(url: ListenUrl): readonly string[] {
  return 'host' in url ? [url.host] : []
}

const versionNames: Readonly<Record<'TLS1.2' | 'TLS1.3', SecureVersion>> = {
  'TLS1.2': 'TLSv1.2',
  'TLS1.3': 'TLSv1.3',
}

/** Of clients and members alike. Throws Failure. */
export function tlsVersions(flags: ListenFlags) {
  const [least, most] = [flags['tls-min-version'], flags['tls-max-version']]
  if (most !== '' && least > most) {
    throw new Failure(`--tls-min-version ${least} is greater than --tls-max-version ${most}`)
  }
  if (least === 'TLS1.3' && flags['cipher-suites'].length > 0) {
    throw new Failure('--cipher-suites cannot be configured when only TLS1.3 is enabled')
  }
  return {
    minVersion: versionNames[least],
    maxVersion: most === '' ? undefined : versionNames[most],
  }
}

function warnOfPlaintext(
  flags: ListenFlags,
  urls: readonly ListenUrl[],
  certFile: string,
  log: Log,
): void {
  const plain = urls.filter((url) => !isSecure(url))
  const scheme = 'scheme is http or unix while'
  for (const url of plain.map(formatUrl)) {
    if (certFile !== '') {
      log.write('warn', `${scheme} key and cert files are present; ignoring key and cert files`, {
        'client-url': url,
      })
    }
    if (flags['client-cert-auth']) {
      log.write(
        'warn',
        `${scheme} --client-cert-auth is enabled; ignoring client cert auth for this URL`,
        { 'client-url': url },
      )
    }
  }
}
