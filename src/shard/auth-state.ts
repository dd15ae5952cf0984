import type { AuthStore } from '../auth/auth-store.ts'
import type { AuthState } from '../snapshot/buckets.ts'

/** Users and roles as etcd has them in its file. */
export function authStateOf(auth: AuthStore): AuthState {
  return {
    enabled: auth.enabled,
    revision: auth.revision,
    users: auth.users().map(({ name, password, roles, noPassword }) => ({
      name: utf8.encode(name),
      password,
      roles,
      options: { noPassword },
    })),
    roles: auth.roles().map(({ name, permissions }) => ({
      name: utf8.encode(name),
      keyPermission: permissions,
    })),
  }
}

const utf8 = new TextEncoder()
