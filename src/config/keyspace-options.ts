/** What a keyspace is given when it is made; what is missing is as the deployment has it. */
export interface KeyspaceOptions {
  readonly quotaBackendBytes?: number | undefined
  readonly autoCompactionMode?: 'periodic' | 'revision' | undefined
  readonly autoCompactionRetention?: string | undefined
}
