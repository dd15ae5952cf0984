import { keyspaceCreateTable } from '../client-flag-table.ts'
import * as schemas from '../flag-schemas.ts'
import type { FlagsOf, FlagTable } from '../flag-spec.ts'

const { endpoint: _, ...targetTable } = keyspaceCreateTable

/** The flags of `migrate`: those of the source are named as etcdctl names them. */
export const migrateTable = {
  'from': {
    section: 'Source',
    fallback: '',
    help: 'Comma-separated URLs of members of the etcd that is moved.',
    schema: schemas.sourceUrls,
  },
  'from-cacert': {
    section: 'Source',
    fallback: '',
    help: "Path to the authorities of the source's certificate (empty for those of Node).",
    schema: schemas.text,
  },
  'from-cert': {
    section: 'Source',
    fallback: '',
    help: 'Path to the client certificate, for a source that asks for one.',
    schema: schemas.text,
  },
  'from-key': {
    section: 'Source',
    fallback: '',
    help: 'Path to the key of --from-cert.',
    schema: schemas.text,
  },
  'from-user': {
    section: 'Source',
    fallback: '',
    help: 'User of the source with the role root, as NAME or NAME:PASSWORD.',
    schema: schemas.text,
  },
  'from-password': {
    section: 'Source',
    fallback: '',
    help: 'Password of --from-user.',
    schema: schemas.text,
  },
  'from-token-file': {
    section: 'Source',
    fallback: '',
    help: 'Path to a file that holds an access token, for a source that is a keyspace of etcdurable.',
    schema: schemas.text,
  },
  'cut-over': {
    section: 'Migration',
    fallback: 'false',
    help: 'Cut over as soon as the copy has caught up. Else that is to be asked for, by Enter or SIGUSR1.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  'source-stays-writable': {
    section: 'Migration',
    fallback: 'false',
    help: 'Raise no alarm at the source when cutting over: whoever writes there has been stopped.',
    schema: schemas.boolean,
    fileType: 'boolean',
  },
  'state': {
    section: 'Migration',
    fallback: '',
    fallbackShown: 'KEYSPACE.migration',
    help: 'Path to the file by which a migration that was stopped goes on. Its snapshot lies beside it.',
    schema: schemas.text,
  },
  'to': {
    ...keyspaceCreateTable.endpoint,
    help: 'URL of the server or of the deployed Worker that gets the keyspace.',
  },
  'keyspace': {
    section: 'Keyspace',
    fallback: '',
    help: 'Name of the keyspace that is made.',
    schema: schemas.text,
  },
  ...targetTable,
} as const satisfies FlagTable

export type MigrateFlags = FlagsOf<typeof migrateTable>
