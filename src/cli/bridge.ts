import { Agent } from 'node:http'
import { Agent as SecureAgent } from 'node:https'
import { HttpProxy, type ProxyTarget } from '../bridge/http-proxy.ts'
import { ClientListener } from '../bridge/listener.ts'
import { advertisedUrls, announce, bindClientUrls } from './client-urls.ts'
import { parseBridgeFlags } from './flags.ts'
import { Log } from './log.ts'
import { untilSignal } from './signals.ts'
import { tlsServer } from './tls-flags.ts'
import { readToken } from './token-file.ts'
import { Traffic } from './traffic.ts'

/**
 * Serves the keyspace of a deployed Worker on local client URLs, until SIGTERM, SIGINT or SIGHUP.
 * Throws Failure when it cannot start or when the Worker will not have it.
 */
export async function bridge(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const stopped = untilSignal()
  const { flags, warnings } = parseBridgeFlags(args, environment)
  const log = new Log(flags['log-level'])
  log.warn(warnings)
  const token = readToken(flags['token-file'])
  const certificate = { certFile: flags['cert-file'], keyFile: flags['key-file'] }
  const tls = tlsServer(flags, certificate, log)
  const listener = new ClientListener()
  try {
    const bound = await bindClientUrls(listener, flags['listen-client-urls'], tls)
    const proxy = new HttpProxy(proxyTarget(flags.upstream, token), (level, message, fields) =>
      log.write(level, message, fields),
    )
    const traffic = new Traffic({
      flags,
      log,
      listener,
      clientUrls: advertisedUrls(flags['advertise-client-urls'], bound),
      sessionUrl: `${basePart(flags.upstream).replace(/^http/, 'ws')}/session`,
      token,
      http1: (socket) => proxy.accept(socket),
      proxy,
    })
    try {
      await Promise.race([stopped, traffic.start().then(() => announce(bound))])
      await stopped
    } finally {
      await traffic.stop()
    }
  } finally {
    listener.close()
  }
}

/** The URL without the slash at its end. */
function basePart({ href }: URL): string {
  return href.replace(/\/$/, '')
}

function proxyTarget(upstream: URL, token: string | undefined): ProxyTarget {
  const isSecure = upstream.protocol === 'https:'
  return {
    isSecure,
    address: {
      host: upstream.hostname.replace(/^\[|\]$/g, ''),
      port: upstream.port || (isSecure ? 443 : 80),
    },
    basePath: upstream.pathname.replace(/\/$/, ''),
    headers: {
      host: upstream.host,
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    agent: isSecure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true }),
  }
}
