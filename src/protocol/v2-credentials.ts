/** What HTTP's Basic authentication shows; `malformed` is a header that shows nobody. */
export type V2Credentials =
  | { readonly user: string; readonly password: string }
  | 'none'
  | 'malformed'
