/** There is one directory, which goes by this name. */
export const DIRECTORY_NAME = 'directory'

/** https://developers.cloudflare.com/durable-objects/reference/data-location/ */
export const jurisdictions = ['eu', 'fedramp'] as const

/** Where Cloudflare can be told to keep an object and its data. */
type Jurisdiction = (typeof jurisdictions)[number]

/** What finds the object of a keyspace. */
export interface KeyspaceAddress {
  readonly name: string
  /** Where the object has to stay, such as `eu`; it is part of the object's identity. */
  readonly jurisdiction: Jurisdiction | undefined
}

/** How the gateway calls the directory. */
export interface DirectoryRpc {
  /** Undefined where no keyspace has the name, or not yet, or not any more. */
  find(name: string): Promise<KeyspaceAddress | undefined>
}
