import { PASSWORD_BYTES_MAX } from '../../auth/bcrypt.ts'
import type { V2Credentials } from '../../protocol/v2-credentials.ts'
import { V2AuthError } from '../../v2/auth-error.ts'
import type { V2User } from '../../v2/auth-records.ts'
import { V2Error } from '../../v2/error.ts'
import { matches, matchesBelow } from '../../v2/permissions.ts'
import type { Keyspace } from '../keyspace.ts'
import type { PasswordQueue } from '../methods/password-queue.ts'

const utf8 = new TextEncoder()

/** Who asks for a key, and for what. */
export interface V2KeyAccess {
  readonly credentials: V2Credentials
  /** As it was asked for. */
  readonly askedPath: string
  readonly recursive: boolean
  readonly isWrite: boolean
}

/** Says who may do what in the v2 API (api/v2http/client_auth.go). Until users are looked at, everybody may. */
export class V2Access {
  readonly #keyspace: Keyspace
  readonly #passwords: PasswordQueue

  constructor(keyspace: Keyspace, passwords: PasswordQueue) {
    this.#keyspace = keyspace
    this.#passwords = passwords
  }

  /** What `requireKey` says of a call without credentials while users are not looked at: nothing, and at once. */
  get isOpen(): boolean {
    return !this.#keyspace.v2Auth.isEnabled(Date.now())
  }

  /** Rejects with a V2Error, which etcd words otherwise for keys than for the rest. To be called where it is not open. */
  async requireKey(access: V2KeyAccess): Promise<void> {
    if (!(await this.#mayUse(access))) {
      throw new V2Error(110, 'Insufficient credentials', 0)
    }
  }

  /** For all else that is not only read. Rejects with a V2AuthError. */
  async requireRoot(credentials: V2Credentials): Promise<void> {
    if (this.isOpen) {
      return
    }
    const user = await this.#userOf(credentials)
    if (user?.roles?.includes('root') !== true) {
      throw new NoRootAccess()
    }
  }

  async #mayUse(access: V2KeyAccess): Promise<boolean> {
    const { credentials, askedPath, recursive, isWrite } = access
    const now = Date.now()
    const { v2Auth } = this.#keyspace
    const user = await this.#userOf(credentials)
    // A certificate that names no user is nobody's, as none is.
    const mayBeNobody =
      credentials === 'none' || (credentials !== 'malformed' && 'commonName' in credentials)
    if (user === undefined && !mayBeNobody) {
      return false
    }
    // A guest's recursive call takes no more than one for the key alone.
    const fits = recursive && user !== undefined ? matchesBelow : matches
    return (user === undefined ? ['guest'] : (user.roles ?? [])).some((name) => {
      if (name === 'root') {
        return true
      }
      try {
        const { read, write } = v2Auth.role(name, now).permissions
        return fits(isWrite ? write : read, askedPath)
      } catch (error) {
        if (error instanceof V2AuthError) {
          return false
        }
        throw error
      }
    })
  }

  async #userOf(credentials: V2Credentials): Promise<V2User | undefined> {
    if (typeof credentials === 'string') {
      return undefined
    }
    const { v2Auth } = this.#keyspace
    try {
      if ('commonName' in credentials) {
        return v2Auth.user(credentials.commonName, Date.now())
      }
      const { user: name, password } = credentials
      const user = v2Auth.user(name, Date.now())
      const stored = utf8.encode(user.password)
      const gone = new AbortController().signal
      return (await this.#passwords.matches({ name, password: hashedPart(password) }, stored, gone))
        ? user
        : undefined
    } catch (error) {
      if (error instanceof V2AuthError || error instanceof V2Error) {
        return undefined
      }
      throw error
    }
  }
}

/** bcrypt reads no more of a password, and etcd's v2 API refuses none that is longer: as many characters as fit. */
export function hashedPart(password: string): string {
  let part = password.slice(0, PASSWORD_BYTES_MAX).toWellFormed()
  while (utf8.encode(part).length > PASSWORD_BYTES_MAX) {
    part = part.slice(0, -1).toWellFormed()
  }
  return part
}

/** etcd's answer does not say which cluster it is of. */
export class NoRootAccess extends Error {
  override readonly name = 'NoRootAccess'

  constructor() {
    super('Insufficient credentials')
  }
}
