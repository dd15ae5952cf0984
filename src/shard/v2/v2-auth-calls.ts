import { goJsonText } from '../../protocol/go-json-text.ts'
import type {
  V2AuthCall,
  V2AuthChange,
  V2AuthRequest,
  V2Served,
  V2UserChange,
} from '../../protocol/v2-service-call.ts'
import { V2AuthError } from '../../v2/auth-error.ts'
import { roleJson, userJson, type V2User } from '../../v2/auth-records.ts'
import type { CommitQueue } from '../commit.ts'
import type { Keyspace } from '../keyspace.ts'
import type { PasswordQueue } from '../methods/password-queue.ts'
import { hashedPart, type NoRootAccess, type V2Access } from './v2-access.ts'

/** A status and a body in JSON, which may be empty. */
type Said = readonly [status: number, body: string]

/** /v2/auth: who changes and reads users and roles (api/v2http/client_auth.go). */
export class V2AuthCalls {
  readonly #keyspace: Keyspace
  readonly #commits: CommitQueue
  readonly #access: V2Access
  readonly #passwords: PasswordQueue

  constructor(
    keyspace: Keyspace,
    commits: CommitQueue,
    access: V2Access,
    passwords: PasswordQueue,
  ) {
    this.#keyspace = keyspace
    this.#commits = commits
    this.#access = access
    this.#passwords = passwords
  }

  async answer({ asked, credentials }: V2AuthCall): Promise<V2Served> {
    if (asked.do !== 'is-enabled') {
      await this.#access.requireRoot(credentials)
    }
    const { clusterId } = this.#keyspace.identity
    try {
      const [status, body] = await this.#said(asked)
      return { status, body, clusterId }
    } catch (error) {
      if (error instanceof V2AuthError) {
        return { ...refused(error.status, error), clusterId }
      }
      throw error
    }
  }

  async #said(asked: V2AuthRequest): Promise<Said> {
    const { v2Auth } = this.#keyspace
    const now = Date.now()
    switch (asked.do) {
      case 'unfit':
        return [asked.status, `{"message":${goJsonText(asked.message)}}`]
      case 'is-enabled':
        return [200, `{"enabled":${v2Auth.isEnabled(now)}}\n`]
      case 'list-users': {
        const users = v2Auth
          .userNames(now)
          .map((name) => this.#withRoles(v2Auth.user(name, now), true))
        return [200, `{"users":${users.length === 0 ? 'null' : `[${users.join(',')}]`}}\n`]
      }
      case 'get-user':
        return [200, `${this.#withRoles(v2Auth.user(asked.name, now), false)}\n`]
      case 'list-roles': {
        const roles = v2Auth.roleNames(now).map((name) => roleJson(v2Auth.role(name, now)))
        return [200, `{"roles":[${roles.join(',')}]}\n`]
      }
      case 'get-role':
        return [200, `${roleJson(v2Auth.role(asked.name, now))}\n`]
      case 'put-user':
        return this.#putUser(asked.user)
      default:
        return this.#commits.submit((time) => this.#changed(asked, time))
    }
  }

  #changed(asked: Exclude<V2AuthChange, { do: 'put-user' }>, now: number): Said {
    const { v2Auth } = this.#keyspace
    // Twice etcd asks whether users are looked at.
    switch (asked.do) {
      case 'enable':
        v2Auth.isEnabled(now)
        v2Auth.enable(now)
        return [200, '']
      case 'disable':
        v2Auth.isEnabled(now)
        v2Auth.disable(now)
        return [200, '']
      case 'delete-user':
        v2Auth.deleteUser(asked.name, now)
        return [200, '']
      case 'delete-role':
        v2Auth.deleteRole(asked.name, now)
        return [200, '']
      case 'put-role': {
        this.#keyspace.requireSpace(JSON.stringify(asked.role).length)
        const { role, isNew } = v2Auth.putRole(asked.role, now)
        return [isNew ? 201 : 200, `${roleJson(role)}\n`]
      }
    }
  }

  async #putUser(change: V2UserChange): Promise<Said> {
    const { password } = change
    const gone = new AbortController().signal
    const hash =
      password === '' ? '' : utf8.decode(await this.#passwords.hash(hashedPart(password), gone))
    const { user, isNew } = await this.#commits.submit((now) => {
      this.#keyspace.requireSpace(JSON.stringify(change).length)
      return this.#keyspace.v2Auth.putUser(change, hash, now)
    })
    return [isNew ? 201 : 200, `${userJson({ ...user, password: '' })}\n`]
  }

  /** A list leaves out roles that are not there; of a lone user they are missed. */
  #withRoles({ user, roles = [] }: V2User, isListed: boolean): string {
    const { v2Auth } = this.#keyspace
    const now = Date.now()
    const told = roles.flatMap((name) => {
      try {
        return [roleJson(v2Auth.role(name, now))]
      } catch (error) {
        if (isListed && error instanceof V2AuthError) {
          return []
        }
        throw error
      }
    })
    const list = told.length === 0 ? '' : `,"roles":[${told.join(',')}]`
    return `{"user":${goJsonText(user)}${list}}`
  }
}

const utf8 = new TextDecoder()

/** Who may not do that at all is not told of which cluster. */
export function noRootAccess(error: NoRootAccess): V2Served {
  return { ...refused(401, error), clusterId: undefined }
}

function refused(status: number, { message }: Error): Omit<V2Served, 'clusterId'> {
  return { status, body: `{"message":${goJsonText(message)}}` }
}
