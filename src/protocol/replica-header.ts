/** Names the replica that answers, or that serves a link's session. Without it, that is the leader. */
export const REPLICA_HEADER = 'etcdurable-replica'
