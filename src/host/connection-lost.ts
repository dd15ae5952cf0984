/** A call whose connection broke, with the mark that Cloudflare puts on such an error: nobody knows how far it came. */
export class ConnectionLost extends Error {
  readonly retryable = true

  constructor() {
    super('Network connection lost.')
  }
}
