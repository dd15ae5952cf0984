/**
 * The one table of errors: what each refusal is called in gRPC's codes and etcd's words
 * (api/v3rpc/rpctypes/error.go and the map in server/etcdserver/api/v3rpc/util.go).
 */
import type { EngineError, ErrorKind } from '../mvcc/errors.ts'
import { quote, quoteForHtml } from './json-text.ts'

/** gRPC's status codes (https://grpc.io/docs/guides/status-codes/). */
export const Code = {
  OK: 0,
  CANCELED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

export type Code = (typeof Code)[keyof typeof Code]

/** What grpc-go calls each code, by its number: `PermissionDenied`. */
export const codeNames: readonly string[] = Object.keys(Code).map((name) =>
  name === 'OK'
    ? name
    : name.toLowerCase().replaceAll(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase()),
)

export function codeName(code: number): string {
  return codeNames[code] ?? `Code(${code})`
}

/** How a call ends that does not succeed. */
export class RpcStatus extends Error {
  override readonly name = 'RpcStatus'
  readonly code: Code

  constructor(code: Code, message: string) {
    super(message)
    this.code = code
  }
}

type Row = readonly [Code, string]

const table = {
  'keyspace-not-found': [Code.NOT_FOUND, 'keyspace not found'],
  'keyspace-exists': [Code.ALREADY_EXISTS, 'keyspace already exists'],
  'keyspace-default': [Code.FAILED_PRECONDITION, 'the keyspace default cannot be deleted'],
  'keyspace-restoring': [Code.ALREADY_EXISTS, 'the keyspace is being restored'],
  // Told to clients as etcd does it that has no v2 API: nothing is found.
  'v2-off': [Code.UNIMPLEMENTED, 'the v2 API is not enabled'],
  // Its leader is elsewhere: whoever asked has to find out where.
  'keyspace-moved': [Code.UNAVAILABLE, 'etcdurable: the keyspace is led from another place now'],
  'keyspace-moving': [Code.UNAVAILABLE, 'the keyspace is being moved to another replica'],
  'replica-not-found': [Code.NOT_FOUND, 'the keyspace has no replica there'],
  'replica-exists': [Code.ALREADY_EXISTS, 'the keyspace has a replica there already'],
  'replica-leads': [Code.FAILED_PRECONDITION, 'the keyspace is led from there'],
  'replica-behind': [
    Code.FAILED_PRECONDITION,
    'the replica there has not got all of the keyspace yet: try again later',
  ],
  'replica-none-answers': [Code.UNAVAILABLE, 'no replica of the keyspace answers'],
  'no-snapshot-store': [
    Code.FAILED_PRECONDITION,
    'there is no object store: none is bound as SNAPSHOTS, and --snapshot-store is not given',
  ],
  'restore-not-found': [
    Code.NOT_FOUND,
    'there is no such restore: it was left alone for too long, or another one has begun',
  ],
  // KV
  'empty-key': [Code.INVALID_ARGUMENT, 'etcdserver: key is not provided'],
  'key-not-found': [Code.INVALID_ARGUMENT, 'etcdserver: key not found'],
  'value-provided': [Code.INVALID_ARGUMENT, 'etcdserver: value is provided'],
  'lease-provided': [Code.INVALID_ARGUMENT, 'etcdserver: lease is provided'],
  'too-many-ops': [Code.INVALID_ARGUMENT, 'etcdserver: too many operations in txn request'],
  'duplicate-key': [Code.INVALID_ARGUMENT, 'etcdserver: duplicate key given in txn request'],
  'invalid-sort-option': [Code.INVALID_ARGUMENT, 'etcdserver: invalid sort option'],
  // Not etcd's, which takes what memory the machine has.
  'sort-too-large': [
    Code.RESOURCE_EXHAUSTED,
    'etcdurable: sorted ranges under way hold 64 MiB of memory: ask for fewer keys at once',
  ],
  'txn-reads-too-much': [
    Code.RESOURCE_EXHAUSTED,
    'etcdurable: the ranges of a transaction read 4 MiB and 10000 keys at most: read more outside of it',
  ],
  'compacted': [Code.OUT_OF_RANGE, 'etcdserver: mvcc: required revision has been compacted'],
  'future-revision': [
    Code.OUT_OF_RANGE,
    'etcdserver: mvcc: required revision is a future revision',
  ],
  'no-space': [Code.RESOURCE_EXHAUSTED, 'etcdserver: mvcc: database space exceeded'],
  'request-too-large': [Code.INVALID_ARGUMENT, 'etcdserver: request is too large'],
  // etcd maps these two to an error of its client library, which its gRPC server does not know.
  'too-many-requests': [Code.UNKNOWN, 'etcdserver: too many requests'],
  'member-not-enough-started': [
    Code.UNKNOWN,
    'etcdserver: re-configuration failed due to not enough started members',
  ],
  'range-stream-sort': [Code.UNIMPLEMENTED, 'RangeStream does not support custom sort orders'],
  'range-stream-filter': [Code.UNIMPLEMENTED, 'RangeStream does not support revision filters'],
  // Watch
  'watch-canceled': [Code.CANCELED, 'etcdserver: watch canceled'],
  // Lease
  'lease-not-found': [Code.NOT_FOUND, 'etcdserver: requested lease not found'],
  'lease-exists': [Code.FAILED_PRECONDITION, 'etcdserver: lease already exists'],
  'lease-ttl-too-large': [Code.OUT_OF_RANGE, 'etcdserver: too large lease TTL'],
  // Cluster
  'member-exists': [Code.FAILED_PRECONDITION, 'etcdserver: member ID already exist'],
  'peer-url-exists': [Code.FAILED_PRECONDITION, 'etcdserver: Peer URLs already exists'],
  'member-bad-urls': [Code.INVALID_ARGUMENT, 'etcdserver: given member URLs are invalid'],
  'member-not-found': [Code.NOT_FOUND, 'etcdserver: member not found'],
  'member-not-learner': [Code.FAILED_PRECONDITION, 'etcdserver: can only promote a learner member'],
  'learner-not-ready': [
    Code.FAILED_PRECONDITION,
    'etcdserver: can only promote a learner member which is in sync with leader',
  ],
  // Told to a node, in the words in which etcd's log says the first.
  'member-removed': [
    Code.PERMISSION_DENIED,
    'the member has been permanently removed from the cluster',
  ],
  'member-unknown': [
    Code.PERMISSION_DENIED,
    'the cluster has no member of these peer URLs: add it with etcdctl member add',
  ],
  'too-many-learners': [
    Code.FAILED_PRECONDITION,
    'etcdserver: too many learner members in cluster',
  ],
  'cluster-id-mismatch': [Code.FAILED_PRECONDITION, 'etcdserver: cluster ID mismatch'],
  'unsupported-for-learner': [
    Code.FAILED_PRECONDITION,
    'etcdserver: rpc not supported for learner',
  ],
  // Auth
  'root-user-missing': [Code.FAILED_PRECONDITION, 'etcdserver: root user does not exist'],
  'root-role-missing': [Code.FAILED_PRECONDITION, 'etcdserver: root user does not have root role'],
  'user-exists': [Code.FAILED_PRECONDITION, 'etcdserver: user name already exists'],
  'user-empty': [Code.INVALID_ARGUMENT, 'etcdserver: user name is empty'],
  'user-not-found': [Code.FAILED_PRECONDITION, 'etcdserver: user name not found'],
  'role-exists': [Code.FAILED_PRECONDITION, 'etcdserver: role name already exists'],
  'role-not-found': [Code.FAILED_PRECONDITION, 'etcdserver: role name not found'],
  'role-empty': [Code.INVALID_ARGUMENT, 'etcdserver: role name is empty'],
  'auth-failed': [
    Code.INVALID_ARGUMENT,
    'etcdserver: authentication failed, invalid user ID or password',
  ],
  'no-password-user': [
    Code.UNKNOWN,
    'auth: authentication failed, password was given for no password user',
  ],
  'password-too-long': [Code.UNKNOWN, 'bcrypt: password length exceeds 72 bytes'],
  // Not etcd's, which compares with what it is given, however long that takes.
  'hash-too-costly': [
    Code.INVALID_ARGUMENT,
    'etcdurable: the bcrypt cost of a hashed password is 14 at most, or that of --bcrypt-cost',
  ],
  'verify-only-key': [Code.UNKNOWN, 'auth: token signing attempted with verify-only key'],
  'permission-not-given': [Code.INVALID_ARGUMENT, 'etcdserver: permission not given'],
  'permission-denied': [Code.PERMISSION_DENIED, 'etcdserver: permission denied'],
  'role-not-granted': [Code.FAILED_PRECONDITION, 'etcdserver: role is not granted to the user'],
  'permission-not-granted': [
    Code.FAILED_PRECONDITION,
    'etcdserver: permission is not granted to the role',
  ],
  'auth-not-enabled': [Code.FAILED_PRECONDITION, 'etcdserver: authentication is not enabled'],
  'invalid-auth-token': [Code.UNAUTHENTICATED, 'etcdserver: invalid auth token'],
  'invalid-auth-management': [Code.INVALID_ARGUMENT, 'etcdserver: invalid auth management'],
  'auth-old-revision': [Code.INVALID_ARGUMENT, 'etcdserver: revision of auth store is old'],
  // Lock and election: etcd passes on its client library's texts, which have no code.
  'election-no-leader': [Code.UNKNOWN, 'election: no leader'],
  'election-not-leader': [Code.UNKNOWN, 'election: not leader'],
  'leader-key-missing': [Code.UNKNOWN, '"leader" field must be provided'],
  'session-expired': [Code.UNKNOWN, 'mutex: session is expired'],
  // Server
  'no-leader': [Code.UNAVAILABLE, 'etcdserver: no leader'],
  'not-leader': [Code.FAILED_PRECONDITION, 'etcdserver: not leader'],
  'leader-changed': [Code.UNAVAILABLE, 'etcdserver: leader changed'],
  'not-capable': [Code.FAILED_PRECONDITION, 'etcdserver: not capable'],
  'stopped': [Code.UNAVAILABLE, 'etcdserver: server stopped'],
  // What clients of etcd say themselves then, of their connection. clientv3 asks again, and gives up at the former.
  'server-gone': [Code.UNAVAILABLE, 'error reading from server: EOF'],
  'timeout': [Code.UNAVAILABLE, 'etcdserver: request timed out'],
  'timeout-leader-fail': [
    Code.UNAVAILABLE,
    'etcdserver: request timed out, possibly due to previous leader failure',
  ],
  // Ours: of a write that was lost with the shard when its disk had no room for a commit.
  'timeout-disk-full': [
    Code.UNAVAILABLE,
    'etcdserver: request timed out, possibly because the disk is full',
  ],
  'timeout-connection-lost': [
    Code.UNAVAILABLE,
    'etcdserver: request timed out, possibly due to connection lost',
  ],
  'timeout-applied-index': [
    Code.UNAVAILABLE,
    'etcdserver: request timed out, waiting for the applied index took too long',
  ],
  'unhealthy': [Code.UNAVAILABLE, 'etcdserver: unhealthy cluster'],
  'corrupt': [Code.DATA_LOSS, 'etcdserver: corrupt cluster'],
  'bad-leader-transferee': [Code.FAILED_PRECONDITION, 'etcdserver: bad leader transferee'],
  'wrong-downgrade-version-format': [
    Code.INVALID_ARGUMENT,
    'etcdserver: wrong downgrade target version format',
  ],
  'invalid-downgrade-version': [
    Code.INVALID_ARGUMENT,
    'etcdserver: invalid downgrade target version',
  ],
  'cluster-version-unavailable': [
    Code.FAILED_PRECONDITION,
    'etcdserver: cluster version not found during downgrade',
  ],
  'downgrade-in-progress': [
    Code.FAILED_PRECONDITION,
    'etcdserver: cluster has a downgrade job in progress',
  ],
  'no-downgrade': [Code.FAILED_PRECONDITION, 'etcdserver: no inflight downgrade job'],
  'invalid-client-api-version': [Code.INVALID_ARGUMENT, 'etcdserver: invalid client api version'],
  'canceled': [Code.CANCELED, 'etcdserver: request canceled'],
  'deadline-exceeded': [Code.DEADLINE_EXCEEDED, 'etcdserver: context deadline exceeded'],
  // The door, which etcd has not got
  'access-token-missing': [
    Code.UNAUTHENTICATED,
    'an access token is needed: send it as `Authorization: Bearer <token>`',
  ],
  'access-token-invalid': [
    Code.UNAUTHENTICATED,
    'the access token is unknown here, revoked or expired',
  ],
  'access-read-only': [Code.PERMISSION_DENIED, 'the access token is read-only'],
  'access-administrator': [Code.PERMISSION_DENIED, "this needs an administrator's access token"],
  'access-administrator-by-link': [
    Code.UNAUTHENTICATED,
    "an administrator's access token is for HTTP: show one of the keyspace here",
  ],
  // etcd's, which answers it as text (server/embed/serve.go).
  'certificate-by-http': [
    Code.INVALID_ARGUMENT,
    'CommonName of client sending a request against gateway will be ignored and not used as expected',
  ],
  'access-token-not-found': [Code.NOT_FOUND, 'there is no access token of this id'],
  'too-many-access-tokens': [
    Code.RESOURCE_EXHAUSTED,
    'there are 1000 access tokens already: revoke some',
  ],
  'rate-limited': [Code.RESOURCE_EXHAUSTED, 'too many requests: wait, or ask for a higher limit'],
  'locked-out': [
    Code.RESOURCE_EXHAUSTED,
    'too many requests with a wrong access token from this address: wait a minute',
  ],
  // grpc-go's words, behind which protobuf's own are the same for every flaw.
  'unreadable-request': [
    Code.INTERNAL,
    'grpc: error unmarshalling request: proto: cannot parse invalid wire-format data',
  ],
  // Gateway
  'path-not-found': [Code.NOT_FOUND, 'Not Found'],
  'method-not-allowed': [Code.UNIMPLEMENTED, 'Method Not Allowed'],
} as const satisfies Record<string, Row> & Record<ErrorKind, Row>

/** What can be refused, by the name that the code has for it. */
export type StatusKind = keyof typeof table

export const statusKinds = Object.keys(table) as readonly StatusKind[]

export function statusOf(kind: StatusKind): RpcStatus {
  const [code, message] = table[kind]
  return new RpcStatus(code, message)
}

export function fromEngineError(error: EngineError): RpcStatus {
  return statusOf(error.kind)
}

/** grpc-gateway's mapping (runtime/errors.go). */
const httpStatuses: Readonly<Record<Code, number>> = {
  [Code.OK]: 200,
  [Code.CANCELED]: 499,
  [Code.UNKNOWN]: 500,
  [Code.INVALID_ARGUMENT]: 400,
  [Code.DEADLINE_EXCEEDED]: 504,
  [Code.NOT_FOUND]: 404,
  [Code.ALREADY_EXISTS]: 409,
  [Code.PERMISSION_DENIED]: 403,
  [Code.RESOURCE_EXHAUSTED]: 429,
  [Code.FAILED_PRECONDITION]: 400,
  [Code.ABORTED]: 409,
  [Code.OUT_OF_RANGE]: 400,
  [Code.UNIMPLEMENTED]: 501,
  [Code.INTERNAL]: 500,
  [Code.UNAVAILABLE]: 503,
  [Code.DATA_LOSS]: 500,
  [Code.UNAUTHENTICATED]: 401,
}

export function httpStatus(code: Code): number {
  return httpStatuses[code]
}

/** The body of a unary call that failed. */
export function jsonErrorBody(status: RpcStatus): string {
  return printStatus(status, quote)
}

/** The line that ends a streaming call that failed. */
export function jsonStreamError(status: RpcStatus): string {
  return `{"error":${printStatus(status, quoteForHtml)}}`
}

/** A google.rpc.Status, whose zero code and empty message go unprinted as everywhere. */
function printStatus({ code, message }: RpcStatus, quoteText: (text: string) => string): string {
  const parts: string[] = []
  if (code !== Code.OK) {
    parts.push(`"code":${code}`)
  }
  if (message !== '') {
    parts.push(`"message":${quoteText(message)}`)
  }
  return `{${parts.join(',')}}`
}
