import store from '../../migrations/0001_store.sql'
import lease from '../../migrations/0002_lease.sql'
import alarm from '../../migrations/0003_alarm.sql'
import identity from '../../migrations/0004_identity.sql'
import watch from '../../migrations/0005_watch.sql'
import autoCompaction from '../../migrations/0006_auto_compaction.sql'
import auth from '../../migrations/0007_auth.sql'
import members from '../../migrations/0008_members.sql'
import keyspace from '../../migrations/0009_keyspace.sql'
import putTrigger from '../../migrations/0010_put_trigger.sql'
import accessToken from '../../migrations/0011_access_token.sql'
import valuePart from '../../migrations/0012_value_part.sql'
import restore from '../../migrations/0013_restore.sql'
import valueLength from '../../migrations/0014_value_length.sql'
import replication from '../../migrations/0015_replication.sql'
import restoreSource from '../../migrations/0016_restore_source.sql'
import nodeTree from '../../migrations/0017_node_tree.sql'
import replica from '../../migrations/0018_replica.sql'
import replicaOf from '../../migrations/0019_replica_of.sql'
import clusterMember from '../../migrations/0020_cluster_member.sql'
import v2Setting from '../../migrations/0021_v2_setting.sql'
import replicaArchive from '../../migrations/0022_replica_archive.sql'
import type { Migration } from '../mvcc/migrations.ts'

/** In the order of their numbers; a script that has shipped never changes. */
export const migrations: readonly Migration[] = [
  { name: '0001_store', script: store },
  { name: '0002_lease', script: lease },
  { name: '0003_alarm', script: alarm },
  { name: '0004_identity', script: identity },
  { name: '0005_watch', script: watch },
  { name: '0006_auto_compaction', script: autoCompaction },
  { name: '0007_auth', script: auth },
  { name: '0008_members', script: members },
  { name: '0009_keyspace', script: keyspace },
  { name: '0010_put_trigger', script: putTrigger },
  { name: '0011_access_token', script: accessToken },
  { name: '0012_value_part', script: valuePart },
  { name: '0013_restore', script: restore },
  { name: '0014_value_length', script: valueLength },
  { name: '0015_replication', script: replication },
  { name: '0016_restore_source', script: restoreSource },
  { name: '0017_node_tree', script: nodeTree },
  { name: '0018_replica', script: replica },
  { name: '0019_replica_of', script: replicaOf },
  { name: '0020_cluster_member', script: clusterMember },
  { name: '0021_v2_setting', script: v2Setting },
  { name: '0022_replica_archive', script: replicaArchive },
]
