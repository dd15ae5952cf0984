/** A refusal of v2's users and roles, with the HTTP status that etcd gives it (v2auth.Error). */
export class V2AuthError extends Error {
  override readonly name = 'V2AuthError'
  readonly status: number

  constructor(status: number, message: string, prefix = 'auth: ') {
    super(prefix + message)
    this.status = status
  }
}
