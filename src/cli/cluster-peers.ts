import { setTimeout as sleep } from 'node:timers/promises'
import type { ConnectionOptions } from 'node:tls'
import { loopbackAddressOf } from '../peer/loopback-address.ts'
import { PeerForwarder } from '../peer/peer-forwarder.ts'
import { type PeerAddress, PeerListener } from '../peer/peer-listener.ts'
import { CertificateError, readCertificates } from '../port/certificate-files.ts'
import { openSslCiphers } from '../port/tls-cipher-suites.ts'
import { TlsServer } from '../port/tls-server.ts'
import type { ClusterPlan } from './cluster-plan.ts'
import { Failure, systemErrorCode } from './failure.ts'
import type { ServeFlags } from './flag-table.ts'
import { addressText } from './listen-url.ts'
import type { Log } from './log.ts'
import { tlsVersions } from './tls-flags.ts'

/** How soon a member that was added is reached. */
const FOLLOW_MS = 5_000

/** Where the runtime of a node listens for other nodes, and what it tells them of that. */
export interface ClusterAddresses {
  /** `host:port`. */
  readonly listen: string
  readonly advertise: string
}

/**
 * The traffic between members. With http peer URLs it is the runtime's own, and nothing is done here; with
 * https it passes this process, in mutual TLS.
 */
export class ClusterPeers {
  readonly #flags: ServeFlags
  readonly #plan: ClusterPlan
  readonly #log: Log
  readonly #listener = new PeerListener()
  readonly #forwarders = new Map<string, PeerForwarder>()
  #problem = ''

  constructor(flags: ServeFlags, plan: ClusterPlan, log: Log) {
    this.#flags = flags
    this.#plan = plan
    this.#log = log
  }

  /** At which other members reach this one. */
  get #ownUrl(): string {
    const { own, members } = this.#plan.settings
    return members.find(({ id }) => id === own)?.peerUrls[0] ?? ''
  }

  /** Throws Failure. */
  get addresses(): ClusterAddresses {
    const [listened] = this.#flags['listen-peer-urls']
    const ownUrl = new URL(this.#ownUrl)
    if (
      listened === undefined ||
      (listened.scheme === 'https') !== (ownUrl.protocol === 'https:')
    ) {
      throw new Failure(
        '--listen-peer-urls and --initial-advertise-peer-urls must both be https, or both http',
      )
    }
    if (listened.scheme === 'https') {
      const { host, port } = loopbackAddressOf(ownUrl.origin)
      return { listen: '127.0.0.1:0', advertise: `${host}:${port}` }
    }
    const port = ownUrl.port === '' ? '80' : ownUrl.port
    return { listen: addressText(listened), advertise: `${ownUrl.hostname}:${port}` }
  }

  /** Throws Failure. */
  async start(): Promise<void> {
    const secure = this.#flags['listen-peer-urls'].filter(({ scheme }) => scheme === 'https')
    const urls = this.#plan.settings.members.map(({ peerUrls }) => peerUrls[0] ?? '')
    try {
      if (secure.length > 0) {
        const addresses = secure.filter((url): url is typeof url & PeerAddress => 'host' in url)
        await this.#listener.listen(this.#tlsServer(), addresses)
      }
      await Promise.all(urls.map((url) => this.reach(url)))
    } catch (error) {
      this.close()
      throw asFailure(error)
    }
  }

  /** From now on the runtime reaches the member of that URL. Rejects with a system error. */
  async reach(peerUrl: string): Promise<void> {
    const isOwn = peerUrl === this.#ownUrl
    if (isOwn || !peerUrl.startsWith('https:') || this.#forwarders.has(peerUrl)) {
      return
    }
    const forwarder = new PeerForwarder({
      peerUrl,
      secureContext: () => this.#clientContext(),
      failed: (error) => this.#say(peerUrl, error),
    })
    this.#forwarders.set(peerUrl, forwarder)
    await forwarder.listen()
  }

  /** Members that are added later are reached too, and those whose URLs change. */
  async follow(peerUrls: () => Promise<readonly string[]>, ended: AbortSignal): Promise<void> {
    while (this.#ownUrl.startsWith('https:') && !ended.aborted) {
      try {
        await Promise.all((await peerUrls()).map((url) => this.reach(url)))
      } catch (error) {
        // The keyspace is away, or an address is taken, and both may pass.
        this.#log.write('debug', 'cannot look after the members', { error: String(error) })
      }
      await sleep(FOLLOW_MS, undefined, { signal: ended }).catch(() => undefined)
    }
  }

  /** The runtime listens there for what comes in from other members. */
  passTo(runtimePort: number | undefined): void {
    this.#listener.passTo(runtimePort)
  }

  close(): void {
    this.#listener.close()
    this.#forwarders.forEach((forwarder) => forwarder.close())
  }

  #tlsServer(): TlsServer {
    const flags = this.#flags
    const settings = {
      certFile: flags['peer-cert-file'],
      keyFile: flags['peer-key-file'],
      trustedCaFile: flags['peer-trusted-ca-file'],
      clientCertAuth: flags['peer-client-cert-auth'],
      crlFile: flags['peer-crl-file'],
      allowedHostnames: flags['peer-cert-allowed-hostname'],
      allowedCommonNames: flags['peer-cert-allowed-cn'],
      endpoint: 'peer' as const,
      ...tlsVersions(flags),
      ciphers: openSslCiphers(flags['cipher-suites']),
    }
    if (settings.certFile === '' || settings.keyFile === '') {
      throw new Failure('--peer-cert-file and --peer-key-file must be given for https peer URLs')
    }
    return new TlsServer(settings, (level, message, fields) =>
      this.#log.write(level, message, fields),
    )
  }

  #clientContext(): ConnectionOptions {
    const flags = this.#flags
    const { cert, key, ca } = readCertificates({
      certFile: flags['peer-client-cert-file'] || flags['peer-cert-file'],
      keyFile: flags['peer-client-key-file'] || flags['peer-key-file'],
      trustedCaFile: flags['peer-trusted-ca-file'],
    })
    return { cert, key, ca }
  }

  /** Each problem once, however often a member that is away is dialled. */
  #say(peerUrl: string, error: Error): void {
    const problem = `${peerUrl} ${error.message}`
    if (problem !== this.#problem) {
      this.#problem = problem
      this.#log.write('warn', 'cannot reach another member', {
        'peer-url': peerUrl,
        'error': error.message,
      })
    }
  }
}

function asFailure(error: unknown): unknown {
  if (error instanceof CertificateError) {
    return new Failure(error.message)
  }
  return systemErrorCode(error) === undefined || !(error instanceof Error)
    ? error
    : new Failure(`cannot listen for other members: ${error.message}`)
}
