import * as z from 'zod'
import * as schemas from './flag-schemas.ts'
import type { FlagSpec, FlagTable } from './flag-spec.ts'

// Flags of etcd for what etcdurable does not have: raft, bbolt, discovery. A set-up that names them
// starts, as long as what they say is true here.

type Kind = 'text' | 'list' | 'boolean' | 'number' | 'duration'

const kinds = {
  text: { schema: schemas.text },
  list: { schema: schemas.list, fileType: 'list' },
  boolean: { schema: schemas.boolean, fileType: 'boolean' },
  number: { schema: schemas.countingNumber, fileType: 'number' },
  duration: { schema: schemas.durationMs, fileType: 'nanoseconds' },
} as const satisfies Record<Kind, Pick<FlagSpec, 'schema' | 'fileType'>>

type Place = Pick<FlagSpec, 'section' | 'fallback' | 'fallbackShown' | 'fileKey'>

/** Any value of its kind is taken, and changes nothing that can be seen. */
function idle(kind: Kind, place: Place, why: string) {
  return { ...place, ...kinds[kind], help: `Accepted without effect: ${why}.` }
}

/** What is true here is taken; anything else ends the start, with what to use instead. */
function only(kind: Kind, place: Place, instead: string) {
  const { fallback } = place
  const schema =
    kind === 'boolean'
      ? schemas.boolean.refine((given) => String(given) === fallback, instead)
      : schemas.text.refine((given) => given === fallback, instead)
  return { ...place, ...kinds[kind], schema, help: `Only '${fallback}': ${instead}.` }
}

const noRaft = 'there is no raft here'
const noBbolt = 'SQLite stores it'
const noDiscovery = 'no cluster is looked for'
const noTracing = 'there is no tracing here'
const alone = 'name the members in --initial-cluster'

const member = {
  'wal-dir': only(
    'text',
    { section: 'Member', fallback: '' },
    "the write-ahead log is SQLite's, in --data-dir",
  ),
  'snapshot-count': idle('number', { section: 'Member', fallback: '10000' }, noRaft),
  'heartbeat-interval': idle('number', { section: 'Member', fallback: '100' }, noRaft),
  'election-timeout': idle('number', { section: 'Member', fallback: '1000' }, noRaft),
  'initial-election-tick-advance': idle('boolean', { section: 'Member', fallback: 'true' }, noRaft),
  'max-snapshots': idle('number', { section: 'Member', fallback: '5' }, noRaft),
  'max-wals': idle('number', { section: 'Member', fallback: '5' }, noRaft),
  'memory-mlock': idle(
    'boolean',
    { section: 'Member', fallback: 'false' },
    'SQLite leaves its pages to the system',
  ),
  'backend-bbolt-freelist-type': idle('text', { section: 'Member', fallback: 'map' }, noBbolt),
  'backend-batch-interval': {
    ...idle('duration', { section: 'Member', fallback: '' }, 'a commit waits for no clock'),
    schema: z.literal('').or(schemas.durationMs),
  },
  'backend-batch-limit': idle('number', { section: 'Member', fallback: '0' }, noBbolt),
  'socket-reuse-address': idle(
    'boolean',
    { section: 'Member', fallback: 'false', fileKey: ['socket-options', 'reuse-address'] },
    'SO_REUSEADDR is always set',
  ),
  'raft-read-timeout': idle('duration', { section: 'Member', fallback: '5s' }, noRaft),
  'raft-write-timeout': idle('duration', { section: 'Member', fallback: '5s' }, noRaft),
  'feature-gates': {
    ...idle('text', { section: 'Member', fallback: '' }, "none of etcd's changes anything here"),
    schema: schemas.featureGates,
  },
} as const satisfies FlagTable

const clustering = {
  'discovery': only('text', { section: 'Clustering', fallback: '' }, alone),
  'discovery-token': only('text', discoveryKey('token'), alone),
  'discovery-endpoints': only('list', discoveryKey('endpoints'), alone),
  'discovery-dial-timeout': idle('duration', discoveryKey('dial-timeout', '2s'), noDiscovery),
  'discovery-request-timeout': idle('duration', discoveryKey('request-timeout', '5s'), noDiscovery),
  'discovery-keepalive-time': idle('duration', discoveryKey('keepalive-time', '2s'), noDiscovery),
  'discovery-keepalive-timeout': idle(
    'duration',
    discoveryKey('keepalive-timeout', '6s'),
    noDiscovery,
  ),
  'discovery-insecure-transport': idle('boolean', discoveryFlag('true'), noDiscovery),
  'discovery-insecure-skip-tls-verify': idle('boolean', discoveryFlag('false'), noDiscovery),
  'discovery-cert': idle('text', discoveryFlag(''), noDiscovery),
  'discovery-key': idle('text', discoveryFlag(''), noDiscovery),
  'discovery-cacert': idle('text', discoveryFlag(''), noDiscovery),
  'discovery-user': idle('text', discoveryFlag(''), noDiscovery),
  'discovery-password': idle('text', discoveryFlag(''), noDiscovery),
  'discovery-fallback': only('text', discoveryFlag('exit'), 'the v2 proxy is gone from etcd too'),
  'discovery-proxy': only('text', discoveryFlag(''), alone),
  'discovery-srv': only('text', discoveryFlag(''), alone),
  'discovery-srv-name': only('text', discoveryFlag(''), alone),
  'strict-reconfig-check': only(
    'boolean',
    { section: 'Clustering', fallback: 'true' },
    'members that have not started are counted as etcd counts them',
  ),
  'pre-vote': idle('boolean', { section: 'Clustering', fallback: 'true' }, noRaft),
  'v2-deprecation': {
    ...idle(
      'text',
      { section: 'Clustering', fallback: 'write-only' },
      'the v2 store is what --enable-v2 says',
    ),
    schema: z.enum(
      ['not-yet', 'write-only', 'write-only-skip-check', 'write-only-drop-data', 'gone'],
      "must be a phase of etcd's",
    ),
  },
} as const satisfies FlagTable

function discoveryFlag(fallback: string): Place {
  return { section: 'Clustering', fallback }
}

function discoveryKey(key: string, fallback = ''): Place {
  return { section: 'Clustering', fallback, fileKey: ['discovery-config', key] }
}

const noDialling = 'HTTP reaches the keyspace without a client certificate'

const security = {
  'client-cert-file': idle('text', clientKey('client-cert-file'), noDialling),
  'client-key-file': idle('text', clientKey('client-key-file'), noDialling),
} as const satisfies FlagTable

function clientKey(key: string): Place {
  return { section: 'Security', fallback: '', fileKey: ['client-transport-security', key] }
}

const monitoring = {
  'enable-pprof': only(
    'boolean',
    { section: 'Profiling and Monitoring', fallback: 'false' },
    "use Node's --cpu-prof or --inspect",
  ),
  'enable-log-rotation': only(
    'boolean',
    { section: 'Logging', fallback: 'false' },
    'use logrotate, with copytruncate, on a file of --log-outputs',
  ),
  'log-rotation-config-json': idle(
    'text',
    {
      section: 'Logging',
      fallback:
        '{"maxsize": 100, "maxage": 0, "maxbackups": 0, "localtime": false, "compress": false}',
    },
    'it is for --enable-log-rotation',
  ),
  'warning-unary-request-duration': idle(
    'duration',
    { section: 'Logging', fallback: '300ms' },
    'slow requests are in --metrics extensive',
  ),
  'enable-distributed-tracing': only(
    'boolean',
    { section: 'Distributed tracing', fallback: 'false' },
    'it is not built in; --metrics extensive has how long calls take',
  ),
  'distributed-tracing-address': idle('text', tracing('localhost:4317'), noTracing),
  'distributed-tracing-service-name': idle('text', tracing('etcd'), noTracing),
  'distributed-tracing-instance-id': idle('text', tracing(''), noTracing),
  'distributed-tracing-sampling-rate': idle('number', tracing('0'), noTracing),
} as const satisfies FlagTable

function tracing(fallback: string): Place {
  return { section: 'Distributed tracing', fallback }
}

const oneCopy = 'there is one copy of the data'
const ownPace = 'compaction has a pace of its own'

const features = {
  'corrupt-check-time': idle('duration', { section: 'Features', fallback: '0s' }, oneCopy),
  'compact-hash-check-time': {
    ...idle('duration', { section: 'Features', fallback: '1m' }, oneCopy),
    schema: schemas.durationMs.refine((ms) => ms > 0, 'must be more than 0'),
  },
  'compaction-batch-limit': idle('number', { section: 'Features', fallback: '1000' }, ownPace),
  'peer-skip-client-san-verification': idle(
    'boolean',
    {
      section: 'Features',
      fallback: 'false',
      fileKey: ['peer-transport-security', 'skip-client-san-verification'],
    },
    "a member's certificate need not name the address that it comes from",
  ),
  'warning-apply-duration': idle(
    'duration',
    { section: 'Features', fallback: '100ms' },
    'slow requests are in --metrics extensive',
  ),
  'bootstrap-defrag-threshold-megabytes': only(
    'number',
    { section: 'Features', fallback: '0' },
    'use etcdctl defrag',
  ),
  'compaction-sleep-interval': idle('duration', { section: 'Features', fallback: '0s' }, ownPace),
  'downgrade-check-time': idle('duration', { section: 'Features', fallback: '5s' }, oneCopy),
  'snapshot-catchup-entries': idle('number', { section: 'Features', fallback: '5000' }, noRaft),
  'force-new-cluster': only(
    'boolean',
    { section: 'Unsafe feature', fallback: 'false' },
    'this member always serves by itself: take others away with etcdctl member remove',
  ),
  'unsafe-no-fsync': idle(
    'boolean',
    { section: 'Unsafe feature', fallback: 'false' },
    'what is acknowledged is on disk all the same',
  ),
} as const satisfies FlagTable

export const idleTable = { ...member, ...clustering, ...security, ...monitoring, ...features }
