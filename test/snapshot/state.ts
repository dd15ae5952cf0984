import type { EtcdState } from '../../src/snapshot/buckets.ts'
import type { Keyspace } from '../auth/keyspace.ts'

/** What a snapshot of a keyspace of one member is made of. */
export function stateOf(keyspace: Keyspace, rest: Partial<EtcdState> = {}): EtcdState {
  const { store, lessor, auth } = keyspace
  return {
    history: store,
    revision: store.revision,
    compaction: { revision: store.compactRevision, pending: store.compactionPending },
    members: [
      {
        ID: 0xfedcba9876543210n,
        name: 'default',
        peerURLs: ['http://localhost:2380'],
        clientURLs: ['http://localhost:2379'],
        isLearner: false,
      },
    ],
    raft: { index: store.revision, term: 2 },
    storageVersion: '3.7.0',
    clusterVersion: '3.7.0',
    downgradeTarget: undefined,
    leases: lessor.granted(),
    alarms: [],
    auth: {
      enabled: auth.enabled,
      revision: auth.revision,
      users: auth.users().map(({ name, password, roles, noPassword }) => ({
        name: Buffer.from(name),
        password,
        roles,
        options: { noPassword },
      })),
      roles: auth
        .roles()
        .map(({ name, permissions }) => ({ name: Buffer.from(name), keyPermission: permissions })),
    },
    ...rest,
  }
}
