import { X509Certificate } from 'node:crypto'
import type { ServerOpts } from 'node:net'
import {
  createServer,
  type DetailedPeerCertificate,
  getCACertificates,
  type SecureContextOptions,
  type SecureVersion,
  type Server,
  type TLSSocket,
} from 'node:tls'
import {
  CertificateError,
  type Certificates,
  type CertificatePaths,
  changeMark,
  readCertificates,
} from './certificate-files.ts'
import { commonNameOf } from './common-name.ts'
import { RevocationList } from './revocation-list.ts'

export interface TlsSettings extends CertificatePaths {
  /** Clients need a certificate; the trusted authorities are those of the file, else the system's. */
  readonly clientCertAuth: boolean
  /** Names of which a client's certificate has to hold one; empty for any. */
  readonly allowedHostnames: readonly string[]
  /** Common names of which it has to hold one; undefined or empty for any. */
  readonly allowedCommonNames?: readonly string[]
  /** Whose connections these are; clients', unless it is said. */
  readonly endpoint?: 'client' | 'peer'
  /** Names the certificates that are refused although they are valid; empty for none. */
  readonly crlFile: string
  readonly minVersion: SecureVersion
  readonly maxVersion: SecureVersion | undefined
  /** An OpenSSL cipher list; undefined for OpenSSL's own. */
  readonly ciphers: string | undefined
}

export type TlsLog = (
  level: 'info' | 'warn',
  message: string,
  fields: Readonly<Record<string, string | number>>,
) => void

/** Serves TLS as etcd does (client/pkg/transport/listener.go), with the certificates of the moment. */
export class TlsServer {
  readonly #settings: TlsSettings
  readonly #log: TlsLog
  readonly #revoked: RevocationList | undefined
  #certificates: Certificates
  #mark: string

  /** Throws CertificateError. */
  constructor(settings: TlsSettings, log: TlsLog) {
    this.#settings = settings
    this.#log = log
    this.#mark = changeMark(settings)
    this.#certificates = readCertificates(settings)
    this.#revoked = settings.crlFile === '' ? undefined : new RevocationList(settings.crlFile)
  }

  /** A server whose handshakes use the files as they are then; `accept` gets those that succeed. */
  create(
    options: ServerOpts,
    protocols: readonly string[],
    accept: (socket: TLSSocket) => void,
  ): Server {
    const server = createServer({
      ...options,
      ...this.#context(),
      ALPNProtocols: [...protocols],
      requestCert: this.#asksForCertificates(),
      rejectUnauthorized: true,
    })
    let certificates = this.#certificates
    // Before the listener that begins the handshake.
    server.prependListener('connection', () => {
      this.#reload()
      if (certificates !== this.#certificates) {
        certificates = this.#certificates
        server.setSecureContext(this.#context())
      }
    })
    server.on('tlsClientError', (error, socket) => {
      // A certificate that is not good enough ends the connection without an error of its own.
      const { authorizationError } = socket
      this.#reject(socket, authorizationError ? String(authorizationError) : error.message)
    })
    server.on('secureConnection', (socket) => {
      const problem = this.#problemOf(socket)
      if (problem === undefined) {
        accept(socket)
      } else {
        this.#reject(socket, problem)
      }
    })
    return server
  }

  /** Of a certificate that is valid. */
  #problemOf(socket: TLSSocket): string | undefined {
    const { allowedHostnames, allowedCommonNames = [] } = this.#settings
    const isAllowed =
      (allowedHostnames.length === 0 || hasName(socket, allowedHostnames)) &&
      (allowedCommonNames.length === 0 || allowedCommonNames.includes(commonNameOf(socket) ?? ''))
    if (!isAllowed) {
      return 'client certificate authentication failed'
    }
    try {
      const serial = serialsOf(socket).find((one) => this.#revoked?.has(one))
      return serial && `transport: certificate serial ${serial.toLowerCase()} revoked`
    } catch (error) {
      if (error instanceof CertificateError) {
        return error.message
      }
      throw error
    }
  }

  /** etcd asks as soon as an authority is given, whatever --client-cert-auth says. */
  #asksForCertificates(): boolean {
    return this.#settings.clientCertAuth || this.#settings.trustedCaFile !== ''
  }

  #context(): SecureContextOptions {
    const { minVersion, maxVersion, ciphers } = this.#settings
    const { cert, key, ca } = this.#certificates
    return {
      cert,
      key,
      minVersion,
      ...(this.#asksForCertificates() && { ca: ca ?? getCACertificates('system') }),
      ...(maxVersion !== undefined && { maxVersion }),
      ...(ciphers !== undefined && { ciphers }),
    }
  }

  /** Files that do not fit together, as between two writes of a renewal, leave the last ones in use. */
  #reload(): void {
    const mark = changeMark(this.#settings)
    if (mark === this.#mark) {
      return
    }
    this.#mark = mark
    try {
      this.#certificates = readCertificates(this.#settings)
      this.#log('info', 'reloaded the certificates', { 'cert-file': this.#settings.certFile })
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error)
      this.#log('warn', 'kept the former certificates', { error: problem })
    }
  }

  #reject(socket: TLSSocket, problem: string): void {
    this.#log('warn', `rejected connection on ${this.#settings.endpoint ?? 'client'} endpoint`, {
      'remote-addr': `${socket.remoteAddress ?? ''}:${socket.remotePort ?? ''}`,
      'error': problem,
    })
    socket.destroy()
  }
}

/** Of the client's certificate and of those above it. */
function serialsOf(socket: TLSSocket): readonly string[] {
  const serials: string[] = []
  let certificate: Partial<DetailedPeerCertificate> | undefined = socket.getPeerCertificate(true)
  // An authority that signs for itself is its own issuer.
  while (certificate?.serialNumber !== undefined) {
    serials.push(certificate.serialNumber)
    const { issuerCertificate }: Partial<DetailedPeerCertificate> = certificate
    certificate = issuerCertificate === certificate ? undefined : issuerCertificate
  }
  return serials
}

/** By its alternative names only, as Go compares. */
function hasName(socket: TLSSocket, names: readonly string[]): boolean {
  const { raw } = socket.getPeerCertificate()
  const certificate = new X509Certificate(raw)
  return names.some((name) => certificate.checkHost(name, { subject: 'never' }) !== undefined)
}
