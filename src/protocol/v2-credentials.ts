/** What HTTP's Basic authentication shows, or a client's certificate where that is not; `malformed` is a header that shows nobody. */
export type V2Credentials =
  | { readonly user: string; readonly password: string }
  | { readonly commonName: string }
  | 'none'
  | 'malformed'
