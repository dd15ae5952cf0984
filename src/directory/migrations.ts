import accessToken from '../../migrations/0011_access_token.sql'
import keyspaces from '../../migrations/directory/0001_keyspaces.sql'
import administratorSession from '../../migrations/directory/0003_administrator_session.sql'
import restore from '../../migrations/directory/0004_restore.sql'
import replica from '../../migrations/directory/0005_replica.sql'
import enableV2 from '../../migrations/directory/0006_enable_v2.sql'
import type { Migration } from '../mvcc/migrations.ts'

/** In the order of their numbers; a script that has shipped never changes. */
export const migrations: readonly Migration[] = [
  { name: '0001_keyspaces', script: keyspaces },
  { name: '0002_access_token', script: accessToken },
  { name: '0003_administrator_session', script: administratorSession },
  { name: '0004_restore', script: restore },
  { name: '0005_replica', script: replica },
  { name: '0006_enable_v2', script: enableV2 },
]
