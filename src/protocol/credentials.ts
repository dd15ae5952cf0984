/**
 * No token is as long, be it a JWT, and the context of a call has an end. What is longer is taken
 * for the empty token, which is invalid.
 */
const TOKEN_CHARACTERS_MAX = 16_384

/** What a request's metadata says of who sent it, each as its header has it. */
export interface ShownCredentials {
  readonly token: string | null | undefined
  readonly authorization: string | null | undefined
}

/**
 * The token that etcd would look at (server/auth/store.go, AuthInfoFromCtx): that of `token`, else of
 * `authorization`, without `Bearer `. Undefined where neither is there; one that is empty is there.
 */
export function shownToken({ token, authorization }: ShownCredentials): string | undefined {
  const shown = (token ?? authorization)?.replace(/^Bearer /, '')
  return shown === undefined || shown.length <= TOKEN_CHARACTERS_MAX ? shown : ''
}
