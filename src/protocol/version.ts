/** The etcd that we answer as. Clients choose their features by it, so it is plain semver. */
export const ETCD_VERSION = '3.7.1'
export const CLUSTER_VERSION = '3.7.0'
export const STORAGE_VERSION = '3.7.0'
