import * as z from 'zod'
import { parseAuthToken } from '../config/auth-token.ts'
import { parseDuration } from '../config/duration.ts'
import { keyspaceName } from '../config/keyspace-name.ts'
import { regions } from '../config/region.ts'
import { REQUEST_BYTES_MAX, REQUEST_BYTES_PROBLEM } from '../config/request-bytes.ts'
import { isCipherSuite } from '../port/tls-cipher-suites.ts'
import { clientUrlProblem, formatUrl, type ListenUrl, parseListenUrl } from './listen-url.ts'

// Each reads a flag's text; what is wrong with it ends the line "invalid value … for flag …: ".

export const text = z.string()

export const wholeNumber = z
  .string()
  .regex(/^-?\d+$/, 'must be a whole number')
  .transform(Number)
  .refine(Number.isSafeInteger, 'is out of range')

export const countingNumber = wholeNumber.refine((value) => value >= 0, 'must not be negative')

export const countingNumberOrNone = z.literal('').or(countingNumber)

export const requestBytes = countingNumber.refine(
  (value) => value <= REQUEST_BYTES_MAX,
  REQUEST_BYTES_PROBLEM,
)

/** Go's words for yes and no (strconv.ParseBool). */
export const boolean = z.string().transform((given, context) => {
  if (/^(1|t|T|TRUE|true|True)$/.test(given)) {
    return true
  }
  if (!/^(0|f|F|FALSE|false|False)$/.test(given)) {
    context.addIssue('must be true or false')
    return z.NEVER
  }
  return false
})

export const durationMs = z.string().transform((given, context) => {
  const ms = parseDuration(given)
  if (ms === undefined) {
    context.addIssue('must be a duration such as 10m or 1h30m')
    return z.NEVER
  }
  return ms
})

export const listenUrls = z.string().transform((given, context): readonly ListenUrl[] => {
  const parsed = given.split(',').map(parseListenUrl)
  const wrong = parsed.find((url) => typeof url === 'string')
  if (wrong !== undefined) {
    context.addIssue(wrong)
    return z.NEVER
  }
  const urls = parsed.filter((url) => typeof url !== 'string')
  return urls.filter((url, place) => urls.map(formatUrl).indexOf(formatUrl(url)) === place)
})

/** Of a listener that is there when it is asked for. */
export const moreListenUrls = z
  .literal('')
  .transform((): readonly ListenUrl[] => [])
  .or(listenUrls)

/** Empty means the URLs that the server listens on. */
export const advertiseUrls = z.string().superRefine((given, context) => {
  const wrong = given === '' ? undefined : given.split(',').map(clientUrlProblem).find(Boolean)
  if (wrong !== undefined) {
    context.addIssue(wrong)
  }
})

export const peerUrls = advertiseUrls.refine((given) => given !== '', 'must name URLs')

export const list = z
  .string()
  .transform((given) => (given === '' ? [] : given.split(',').map((item) => item.trim())))

export const authToken = z
  .string()
  .refine((given) => parseAuthToken(given) !== undefined, 'auth: invalid auth options')

export const cipherSuites = list.superRefine((names, context) => {
  const unknown = names.find((name) => !isCipherSuite(name))
  if (unknown !== undefined) {
    context.addIssue(`unexpected TLS cipher suite "${unknown}"`)
  }
})

/** A keyspace to serve, on URLs of its own or, where it has none, on --listen-client-urls. */
export interface ServedKeyspace {
  readonly name: string
  readonly urls: readonly ListenUrl[] | undefined
}

/** Items with spaces between: `NAME` or `NAME=URL,URL`. */
export const servedKeyspaces = z.string().transform((given, context): readonly ServedKeyspace[] => {
  const fail = (problem: string): never => {
    context.addIssue(problem)
    return z.NEVER
  }
  const served: ServedKeyspace[] = []
  for (const item of given.split(/ +/).filter(Boolean)) {
    const [, name = '', urls] = /^([^=]*)(?:=(.*))?$/s.exec(item) ?? []
    const problem =
      keyspaceName.safeParse(name).error?.issues[0]?.message ??
      (urls === undefined ? undefined : listenUrls.safeParse(urls).error?.issues[0]?.message)
    if (problem !== undefined) {
      return fail(`${item}: ${problem}`)
    }
    served.push({ name, urls: urls === undefined ? undefined : listenUrls.parse(urls) })
  }
  if (served.filter(({ urls }) => urls === undefined).length > 1) {
    return fail('only one keyspace can be on --listen-client-urls')
  }
  if (new Set(served.map(({ name }) => name)).size < served.length) {
    return fail('a keyspace is named twice')
  }
  return served
})

/** Which of a keyspace's objects is asked: the leader, or a replica. */
export const servingReplica = z.enum(['', 'nearest', ...regions], {
  error: `must be nearest, or one of ${regions.join(', ')}`,
})

/** An upstream's address: where it is mounted is part of it, a query is not. */
export const upstreamUrl = z.string().transform((given, context) => {
  const url = URL.canParse(given) ? new URL(given) : undefined
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    context.addIssue('must be a URL such as https://store.example.workers.dev')
    return z.NEVER
  }
  if (url.username !== '' || url.search !== '' || url.hash !== '') {
    context.addIssue('must have no user, query or fragment')
    return z.NEVER
  }
  return url
})

/** As etcdctl takes endpoints: one without a scheme is http. */
export const sourceUrls = z.string().transform((given, context): readonly URL[] => {
  const texts = given === '' ? [] : given.split(',')
  const urls = texts.map((one) => (one.includes('://') ? one : `http://${one}`))
  if (!urls.every((url) => URL.canParse(url) && /^https?:\/\/[^/?#]+\/?$/.test(url))) {
    context.addIssue('must be URLs such as http://10.0.0.1:2379')
    return z.NEVER
  }
  return urls.map((url) => new URL(url))
})

export const logger = z
  .string()
  .refine((given) => given !== 'capnslog', 'is removed in v3.5')
  .refine((given) => given === 'zap' || given === 'capnslog', 'unknown logger option')

export const logOutputs = list
  .transform((names) => [...new Set(names)].toSorted())
  .refine((names) => names.length > 0 && !names.includes(''), 'must name outputs')
  .refine(
    (names) => names.length < 2 || !names.includes('default'),
    'multi logoutput for "default" is not supported yet',
  )
  .refine(
    (names) => !names.includes('systemd/journal'),
    'is not built in: systemd passes on to its journal what stderr says',
  )

/** Those of etcd 3.7 (server/features, and the two for all of a stage). */
const gates = [
  'AllAlpha',
  'AllBeta',
  'CompactHashCheck',
  'FastLeaseKeepAlive',
  'InitialCorruptCheck',
  'LeaseCheckpoint',
  'LeaseCheckpointPersist',
  'PriorityRequest',
  'SetMemberLocalAddr',
  'StopGRPCServiceOnDefrag',
  'TxnModeWriteWithSharedBuffer',
]

export const featureGates = list.superRefine((items, context) => {
  for (const item of items) {
    const [, name = '', value = ''] = /^([^=]*)=?(.*)$/s.exec(item) ?? []
    if (!gates.includes(name)) {
      context.addIssue(`unrecognized feature gate: ${name}`)
    } else if (!boolean.safeParse(value).success) {
      context.addIssue(`invalid value of ${name}=${value}: must be true or false`)
    }
  }
})
