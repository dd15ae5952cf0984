import * as z from 'zod'
import { clusterTable } from './cluster-flag-table.ts'
import * as schemas from './flag-schemas.ts'
import type { FlagsOf, FlagTable } from './flag-spec.ts'
import { idleTable } from './idle-flag-table.ts'

const tlsVersion = ['TLS1.2', 'TLS1.3'] as const

const member = {
  'name': {
    section: 'Member',
    fallback: 'default',
    help: 'Human-readable name for this member.',
    schema: schemas.text.min(1, 'must not be empty'),
    binding: 'ETCD_NAME',
  },
  'data-dir': {
    section: 'Member',
    fallback: '',
    fallbackShown: '${name}.etcdurable',
    help: 'Path to the data directory.',
    schema: schemas.text,
  },
} as const satisfies FlagTable

const runtime = {
  runtime: {
    section: 'Member',
    fallback: 'host',
    help: "What runs the Durable Objects: 'host', this process, or 'workerd', Cloudflare's own runtime, as in a cluster.",
    schema: z.enum(['host', 'workerd'], 'must be host or workerd'),
  },
} as const satisfies FlagTable

const quota = {
  'quota-backend-bytes': {
    section: 'Member',
    fallback: '0',
    help: 'Size in bytes past which the keyspace raises the NOSPACE alarm. 0 means the default of 2 GiB.',
    schema: schemas.wholeNumber,
    binding: 'ETCD_QUOTA_BACKEND_BYTES',
    fileType: 'number',
  },
  'max-txn-ops': {
    section: 'Member',
    fallback: '128',
    help: 'Maximum number of operations permitted in a transaction.',
    schema: schemas.countingNumber,
    binding: 'ETCD_MAX_TXN_OPS',
    fileType: 'number',
  },
} as const satisfies FlagTable

/** Of whatever listens on client URLs and speaks gRPC there. */
const listening = {
  'config-file': {
    section: 'Member',
    fallback: '',
    help: 'Path to a YAML file with the values of flags. With it, all other flags and variables are ignored.',
    schema: schemas.text,
  },
  'listen-client-urls': {
    section: 'Member',
    fallback: 'http://127.0.0.1:2379',
    help: 'Comma-separated URLs to listen on for client traffic: http://, https://, unix:// or unixs:// and a path.',
    schema: schemas.listenUrls,
  },
  'socket-reuse-port': {
    section: 'Member',
    fallback: 'false',
    help: 'Let others listen on the same port (SO_REUSEPORT).',
    schema: schemas.boolean,
    fileType: 'boolean',
    fileKey: ['socket-options', 'reuse-port'],
  },
  'max-request-bytes': {
    section: 'Member',
    fallback: '1572864',
    help: 'Maximum client request size in bytes the server will accept.',
    schema: schemas.requestBytes,
    binding: 'ETCD_MAX_REQUEST_BYTES',
    fileType: 'number',
  },
  'max-concurrent-streams': {
    section: 'Member',
    fallback: '4294967295',
    help: 'Maximum concurrent streams that each client can open at a time.',
    schema: schemas.countingNumber.refine((value) => value <= 0xffff_ffff, 'is out of range'),
    fileType: 'number',
  },
  'grpc-keepalive-min-time': {
    section: 'Member',
    fallback: '5s',
    help: 'Minimum duration interval that a client should wait before pinging server.',
    schema: schemas.durationMs,
    fileType: 'nanoseconds',
  },
  'grpc-keepalive-interval': {
    section: 'Member',
    fallback: '2h',
    help: 'Frequency duration of server-to-client ping to check if a connection is alive (0 to disable).',
    schema: schemas.durationMs,
    fileType: 'nanoseconds',
  },
  'grpc-keepalive-timeout': {
    section: 'Member',
    fallback: '20s',
    help: 'Additional duration of wait before closing a non-responsive connection (0 to disable).',
    schema: schemas.durationMs,
    fileType: 'nanoseconds',
  },
  'advertise-client-urls': {
    section: 'Clustering',
    fallback: '',
    fallbackShown: '${listen-client-urls}',
    help: 'Comma-separated client URLs that the member list tells clients of.',
    schema: schemas.advertiseUrls,
    binding: 'ETCD_ADVERTISE_CLIENT_URLS',
  },
  'cert-file': {
    section: 'Security',
    fallback: '',
    help: 'Path to the certificate for https client URLs. Read again whenever it changes.',
    schema: schemas.text,
    fileKey: ['client-transport-security', 'cert-file'],
  },
  'key-file': {
    section: 'Security',
    fallback: '',
    help: 'Path to the key of --cert-file.',
    schema: schemas.text,
    fileKey: ['client-transport-security', 'key-file'],
  },
  'client-cert-auth': {
    section: 'Security',
    fallback: 'false',
    help: 'Require client certificates, signed by --trusted-ca-file or else by an authority of the system.',
    schema: schemas.boolean,
    fileType: 'boolean',
    fileKey: ['client-transport-security', 'client-cert-auth'],
  },
  'client-cert-allowed-hostname': {
    section: 'Security',
    fallback: '',
    help: 'Comma-separated list of SAN hostnames, one of which a client certificate has to hold.',
    schema: schemas.list,
    fileType: 'list',
    fileKey: ['client-transport-security', 'allowed-hostname'],
  },
  'client-crl-file': {
    section: 'Security',
    fallback: '',
    help: 'Path to a revocation list in DER form: client certificates that it names are refused. Read again on change.',
    schema: schemas.text,
  },
  'trusted-ca-file': {
    section: 'Security',
    fallback: '',
    help: 'Path to the authorities of client certificates. Clients need one as soon as it is given.',
    schema: schemas.text,
    fileKey: ['client-transport-security', 'trusted-ca-file'],
  },
  'cipher-suites': {
    section: 'Security',
    fallback: '',
    help: "Comma-separated list of supported TLS cipher suites, by Go's names (empty for the defaults).",
    schema: schemas.cipherSuites,
    fileType: 'list',
  },
  'tls-min-version': {
    section: 'Security',
    fallback: 'TLS1.2',
    help: 'Minimum TLS version supported: TLS1.2 or TLS1.3.',
    schema: z.enum(tlsVersion, 'must be TLS1.2 or TLS1.3'),
  },
  'tls-max-version': {
    section: 'Security',
    fallback: '',
    help: 'Maximum TLS version supported: TLS1.2 or TLS1.3 (empty for the highest there is).',
    schema: z.enum(['', ...tlsVersion], 'must be TLS1.2 or TLS1.3'),
  },
  'allow-insecure': {
    section: 'Security',
    fallback: 'false',
    help: 'Listen on a public address even if everybody who reaches it may do everything there.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  'logger': {
    section: 'Logging',
    fallback: 'zap',
    help: "Currently only supports 'zap': lines as etcd's zap writes them.",
    schema: schemas.logger,
  },
  'log-outputs': {
    section: 'Logging',
    fallback: 'default',
    help: "Comma-separated outputs: 'default' (standard error), 'stderr', 'stdout', or paths of files.",
    schema: schemas.logOutputs,
    fileType: 'list',
  },
  'log-level': {
    section: 'Logging',
    fallback: 'info',
    help: 'Lowest level that is logged: debug, info, warn, error, panic or fatal.',
    schema: z.enum(
      ['debug', 'info', 'warn', 'error', 'panic', 'fatal'],
      'must be debug, info, warn, error, panic or fatal',
    ),
  },
  'log-format': {
    section: 'Logging',
    fallback: 'json',
    help: 'Format of the log: json or console.',
    schema: z.enum(['json', 'console'], 'unknown log format, supported values json, console'),
  },
} as const satisfies FlagTable

const keeping = {
  'enable-grpc-gateway': {
    section: 'Member',
    fallback: 'true',
    help: 'Serve the JSON gateway, which is everything below /v3/.',
    schema: schemas.boolean,
    fileType: 'boolean',
    binding: 'ETCD_ENABLE_GRPC_GATEWAY',
  },
  'enable-v2': {
    section: 'Clustering',
    fallback: 'false',
    help: "Serve etcd's v2 API, which is everything below /v2/.",
    schema: schemas.boolean,
    fileType: 'boolean',
    binding: 'ETCD_ENABLE_V2',
  },
  'initial-advertise-peer-urls': {
    section: 'Clustering',
    fallback: 'http://localhost:2380',
    help: "Comma-separated peer URLs of this member, which the member list tells of. A cluster's others reach it at the first one.",
    schema: schemas.peerUrls,
    binding: 'ETCD_INITIAL_ADVERTISE_PEER_URLS',
  },
  'max-learners': {
    section: 'Features',
    fallback: '1',
    help: 'How many learners the member list takes.',
    schema: schemas.countingNumber,
    fileType: 'number',
    binding: 'ETCD_MAX_LEARNERS',
  },
  'auto-compaction-mode': {
    section: 'Clustering',
    fallback: 'periodic',
    help: "How to read --auto-compaction-retention: 'periodic' is a duration, 'revision' a number of revisions.",
    schema: z.enum(['periodic', 'revision'], 'must be periodic or revision'),
    binding: 'ETCD_AUTO_COMPACTION_MODE',
  },
  'auto-compaction-retention': {
    section: 'Clustering',
    fallback: '0',
    help: 'How much history to keep: hours or a duration such as 5m, or revisions. 0 disables auto compaction.',
    schema: schemas.text,
    binding: 'ETCD_AUTO_COMPACTION_RETENTION',
  },
  'auto-tls': {
    section: 'Security',
    fallback: 'false',
    help: 'Client TLS using a generated certificate, kept in the data directory.',
    schema: schemas.boolean,
    fileType: 'boolean',
    fileKey: ['client-transport-security', 'auto-tls'],
  },
  'self-signed-cert-validity': {
    section: 'Security',
    fallback: '1',
    help: 'Years that the certificate of --auto-tls is valid for.',
    schema: schemas.wholeNumber.refine((years) => years > 0 && years < 100, 'must be 1 to 99'),
    fileType: 'number',
  },
  'token-file': {
    section: 'Security',
    fallback: '',
    help: 'Path to a file that holds a secret: then clients need it, or another access token (see token --help).',
    schema: schemas.text,
  },
  'cors': {
    section: 'Security',
    fallback: '*',
    help: 'Comma-separated origins allowed by CORS (empty or * means all).',
    schema: schemas.text,
    binding: 'ETCD_CORS',
  },
  'host-whitelist': {
    section: 'Security',
    fallback: '*',
    help: 'Comma-separated hostnames that plaintext HTTP requests may name (empty or * means all).',
    schema: schemas.text,
    binding: 'ETCD_HOST_WHITELIST',
  },
  'auth-token': {
    section: 'Auth',
    fallback: 'simple',
    help: "Authentication token type and its options: 'simple', or 'jwt' with sign-method, pub-key, priv-key and ttl.",
    schema: schemas.authToken,
    binding: 'ETCD_AUTH_TOKEN',
  },
  'bcrypt-cost': {
    section: 'Auth',
    fallback: '10',
    help: 'Cost (4 to 31) of the bcrypt algorithm that hashes passwords.',
    schema: schemas.countingNumber,
    binding: 'ETCD_BCRYPT_COST',
    fileType: 'number',
  },
  'auth-token-ttl': {
    section: 'Auth',
    fallback: '300',
    help: 'Time (in seconds) that a simple token lives after its last use.',
    schema: schemas.countingNumber,
    binding: 'ETCD_AUTH_TOKEN_TTL',
    fileType: 'number',
  },
  'metrics': {
    section: 'Profiling and Monitoring',
    fallback: 'basic',
    help: "Detail of the exported metrics; 'extensive' adds latency histograms per method.",
    schema: z.enum(['basic', 'extensive'], 'must be basic or extensive'),
    binding: 'ETCD_METRICS',
  },
  'listen-client-http-urls': {
    section: 'Member',
    fallback: '',
    help: 'Comma-separated URLs for HTTP alone. With them, --listen-client-urls serve gRPC alone.',
    schema: schemas.moreListenUrls,
  },
  'listen-metrics-urls': {
    section: 'Profiling and Monitoring',
    fallback: '',
    help: 'Comma-separated URLs to listen on for /metrics, /health, /livez and /readyz, without tokens; https uses --cert-file.',
    schema: schemas.moreListenUrls,
  },
  'watch-progress-notify-interval': {
    section: 'Features',
    fallback: '10m',
    help: 'Duration of periodical watch progress notification.',
    schema: schemas.durationMs.refine((ms) => ms > 0, 'must be more than 0'),
    binding: 'ETCD_WATCH_PROGRESS_NOTIFY_INTERVAL_MS',
    fileType: 'nanoseconds',
  },
} as const satisfies FlagTable

const snapshots = {
  'snapshot-store': {
    section: 'Snapshots',
    fallback: '',
    help: 'Where keyspaces keep snapshots of themselves: file:///path, or s3://bucket/prefix (docs/object-stores.md).',
    schema: schemas.text,
  },
  'snapshot-store-endpoint': {
    section: 'Snapshots',
    fallback: '',
    fallbackShown: '${AWS_ENDPOINT_URL}',
    help: "URL of what speaks S3 (Amazon's of the region, unless it is given).",
    schema: schemas.text,
  },
  'snapshot-store-region': {
    section: 'Snapshots',
    fallback: '',
    fallbackShown: '${AWS_REGION}',
    help: 'Region of the bucket (us-east-1, unless it is given).',
    schema: schemas.text,
  },
  'snapshot-store-credentials-file': {
    section: 'Snapshots',
    fallback: '',
    help: "Path to a file with the bucket's aws_access_key_id and aws_secret_access_key, in place of AWS_* variables.",
    schema: schemas.text,
  },
  'snapshot-lag': {
    section: 'Snapshots',
    fallback: '10s',
    help: 'How far what is in --snapshot-store may be behind what is written.',
    schema: schemas.durationMs.refine((ms) => ms > 0, 'must be more than 0'),
    fileType: 'nanoseconds',
  },
} as const satisfies FlagTable

/**
 * The flags of `serve`: etcd's names, defaults and words (etcd server/etcdmain/help.go). The parser,
 * `--help` and the Worker's variables all come from this table.
 */
export const serveTable = {
  ...member,
  ...runtime,
  ...quota,
  ...listening,
  ...keeping,
  ...snapshots,
  ...clusterTable,
  ...idleTable,
}

/** The flags of `bridge`. */
export const bridgeTable = {
  'upstream': {
    section: 'Member',
    fallback: '',
    fallbackShown: 'needed',
    help: 'URL of the deployed Worker.',
    schema: schemas.upstreamUrl,
  },
  'token-file': {
    section: 'Member',
    fallback: '',
    help: "Path to a file that holds an access token: the Worker's ETCDURABLE_TOKEN, or one of the keyspace.",
    schema: schemas.text,
  },
  'keyspace': {
    section: 'Member',
    fallback: '',
    fallbackShown: 'default',
    help: 'Keyspace to serve, or several as NAME=URL,URL, each on client URLs of its own. May be repeated.',
    schema: schemas.servedKeyspaces,
    repeatable: true,
    fileType: 'words',
  },
  'replica': {
    section: 'Member',
    fallback: '',
    fallbackShown: 'the leader',
    help: 'Region of the replica to serve, or nearest: the one that is nearest to here, if that is no leader.',
    schema: schemas.servingReplica,
  },
  ...listening,
} as const satisfies FlagTable

export type ListenFlags = FlagsOf<typeof listening>
export type ServeFlags = FlagsOf<typeof serveTable>
export type BridgeFlags = FlagsOf<typeof bridgeTable>
