import type { V2Credentials } from './v2-credentials.ts'

/** What is asked of the v2 API beside the keys. */
export type V2ServiceCall = V2PresenceCall | V2StatsCall | V2MembersCall | V2AuthCall

/** Whether there is a v2 API at all, for what the gateway answers by itself. */
interface V2PresenceCall {
  readonly on: 'presence'
}

export interface V2StatsCall {
  readonly on: 'stats'
  readonly of: 'store' | 'self' | 'leader'
}

export interface V2MembersCall {
  readonly on: 'members'
  readonly asked: V2MembersRequest
  /** Where the client reached us. */
  readonly origin: string | undefined
  /** What is behind it, and behind what is advertised, since etcdctl goes on with the URLs that it is told. */
  readonly prefix: string
  readonly credentials: V2Credentials
}

export type V2MembersRequest =
  | { readonly do: 'list' | 'leader' }
  | { readonly do: 'add'; readonly peerUrls: readonly string[] }
  | { readonly do: 'update'; readonly id: bigint; readonly peerUrls: readonly string[] }
  | { readonly do: 'remove'; readonly id: bigint }
  | V2Unfit

export interface V2AuthCall {
  readonly on: 'auth'
  readonly asked: V2AuthRequest
  readonly credentials: V2Credentials
}

export type V2AuthRequest = V2AuthReading | V2AuthChange | V2Unfit

/** Names are byte texts. */
type V2AuthReading =
  | { readonly do: 'is-enabled' | 'list-users' | 'list-roles' }
  | { readonly do: 'get-user' | 'get-role'; readonly name: string }

export type V2AuthChange =
  | { readonly do: 'enable' | 'disable' }
  | { readonly do: 'delete-user' | 'delete-role'; readonly name: string }
  | { readonly do: 'put-role'; readonly role: V2RoleChange }
  | { readonly do: 'put-user'; readonly user: V2UserChange }

/** What a client tells of a user (v2auth.User); what is not there is empty. */
export interface V2UserChange {
  readonly user: string
  readonly password: string
  /** Undefined where it is not told, or null. */
  readonly roles: readonly string[] | undefined
  readonly grant: readonly string[]
  readonly revoke: readonly string[]
}

/** Patterns of keys; undefined where there is no list. */
export interface V2Permissions {
  readonly read: readonly string[] | undefined
  readonly write: readonly string[] | undefined
}

/** What a client tells of a role (v2auth.Role). */
export interface V2RoleChange {
  readonly role: string
  readonly permissions: V2Permissions
  readonly grant: V2Permissions | undefined
  readonly revoke: V2Permissions | undefined
}

/** What the gateway has found wrong, which etcd says only to who may ask at all. */
export interface V2Unfit {
  readonly do: 'unfit'
  readonly isRead: boolean
  readonly status: number
  readonly message: string
}

/** What such a call comes to. */
export interface V2Served {
  readonly status: number
  /** JSON, or empty. */
  readonly body: string
  /** Undefined where the answer does not say which cluster it is of. */
  readonly clusterId: bigint | undefined
}
