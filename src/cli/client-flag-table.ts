import * as z from 'zod'
import * as schemas from './flag-schemas.ts'
import type { FlagsOf, FlagTable } from './flag-spec.ts'

/** The flags of every command that asks a deployment. */
export const clientTable = {
  'endpoint': {
    section: 'Client',
    fallback: 'http://127.0.0.1:2379',
    help: 'URL of the server or of the deployed Worker.',
    schema: schemas.upstreamUrl,
  },
  'token-file': {
    section: 'Client',
    fallback: '',
    help: 'Path to a file that holds an access token.',
    schema: schemas.text,
  },
  'cacert': {
    section: 'Client',
    fallback: '',
    help: "Path to the authorities of the server's certificate (empty for those of Node).",
    schema: schemas.text,
  },
  'cert': {
    section: 'Client',
    fallback: '',
    help: 'Path to the client certificate, for a server that asks for one.',
    schema: schemas.text,
  },
  'key': {
    section: 'Client',
    fallback: '',
    help: 'Path to the key of --cert.',
    schema: schemas.text,
  },
  'write-out': {
    section: 'Client',
    fallback: 'simple',
    short: 'w',
    help: 'How to write the answer: simple or json.',
    schema: z.enum(['simple', 'json'], 'must be simple or json'),
  },
} as const satisfies FlagTable

export type ClientFlags = FlagsOf<typeof clientTable>

/** What a new keyspace is given. */
const keyspaceOptionTable = {
  'quota-backend-bytes': {
    section: 'Keyspace',
    fallback: '',
    fallbackShown: "the deployment's",
    help: 'Size in bytes past which the keyspace raises the NOSPACE alarm.',
    schema: z.literal('').or(schemas.countingNumber),
  },
  'auto-compaction-mode': {
    section: 'Keyspace',
    fallback: '',
    fallbackShown: "the deployment's",
    help: "How to read --auto-compaction-retention: 'periodic' is a duration, 'revision' a number of revisions.",
    schema: schemas.text,
  },
  'auto-compaction-retention': {
    section: 'Keyspace',
    fallback: '',
    fallbackShown: "the deployment's",
    help: 'How much history to keep: hours or a duration such as 5m, or revisions. 0 disables auto compaction.',
    schema: schemas.text,
  },
  'enable-v2': {
    section: 'Keyspace',
    fallback: '',
    fallbackShown: "the deployment's",
    help: "Whether etcd's v2 API is served; update also takes 'default', for as the deployment has it.",
    schema: z.literal('').or(schemas.boolean),
    fileType: 'boolean',
  },
  'location-hint': {
    section: 'Keyspace',
    fallback: '',
    help: 'Part of the world where Cloudflare shall make the keyspace, such as weur or apac.',
    schema: schemas.text,
  },
  'jurisdiction': {
    section: 'Keyspace',
    fallback: '',
    help: 'Where the keyspace and its data have to stay, such as eu.',
    schema: schemas.text,
  },
} as const satisfies FlagTable

export type KeyspaceFlags = FlagsOf<typeof keyspaceOptionTable>

/** The flags of `keyspace create`. */
export const keyspaceCreateTable = {
  ...keyspaceOptionTable,
  ...clientTable,
} as const satisfies FlagTable

/** The flags of `keyspace update`. */
export const keyspaceUpdateTable = {
  'enable-v2': {
    ...keyspaceOptionTable['enable-v2'],
    schema: z.enum(['', 'default']).or(schemas.boolean),
  },
  ...clientTable,
} as const satisfies FlagTable

/** The flags of `keyspace replica add` and `keyspace replica remove`. */
export const replicaTable = {
  region: {
    section: 'Replica',
    fallback: '',
    help: 'Where the replica is: wnam, enam, sam, weur, eeur, apac, oc, afr or me.',
    schema: schemas.text,
  },
  ...clientTable,
} as const satisfies FlagTable

/** The flags of `keyspace replica promote`. */
export const replicaPromoteTable = {
  force: {
    section: 'Replica',
    fallback: 'false',
    help: 'Also if the leader does not answer, whose last revisions are lost then.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  ...replicaTable,
} as const satisfies FlagTable

/** The flags of `backup`, which are those of `etcdctl backup`. */
export const backupTable = {
  'keyspace': {
    section: 'Keyspace',
    fallback: 'default',
    help: 'Keyspace whose v2 store is meant.',
    schema: schemas.text,
  },
  'data-dir': {
    section: 'Client',
    fallback: '',
    help: 'Path to the data directory of a server.',
    schema: schemas.text,
  },
  'backup-dir': {
    section: 'Client',
    fallback: '',
    help: 'Path to the directory that is made for etcd.',
    schema: schemas.text,
  },
  'backup-wal-dir': {
    section: 'Client',
    fallback: '',
    help: 'Path to its log, if not below --backup-dir.',
    schema: schemas.text,
  },
  'with-v3': {
    section: 'Client',
    fallback: 'false',
    help: 'Whether the keys of v3 come along.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
} as const satisfies FlagTable

/** The flags of `token list` and `token revoke`. */
export const tokenTable = {
  keyspace: {
    section: 'Token',
    fallback: '',
    help: "Keyspace whose access tokens are meant (empty for the administrators').",
    schema: schemas.text,
  },
  ...clientTable,
} as const satisfies FlagTable

/** The flags of `token create`. */
export const tokenCreateTable = {
  'read-only': {
    section: 'Token',
    fallback: 'false',
    help: 'The token may change nothing.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  'common-names': {
    section: 'Token',
    fallback: 'false',
    help: 'A bridge with the token may say which certificates its clients have shown.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  'ttl': {
    section: 'Token',
    fallback: '',
    fallbackShown: 'until it is revoked',
    help: 'How long the token lives: a duration such as 24h.',
    schema: z
      .literal('')
      .or(schemas.durationMs.refine((ms) => ms >= 1000, 'must be a second at least')),
  },
  'description': {
    section: 'Token',
    fallback: '',
    help: 'What the token is for.',
    schema: schemas.text,
  },
  ...tokenTable,
} as const satisfies FlagTable
