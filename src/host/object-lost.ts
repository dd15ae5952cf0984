/** An object that went away under a call: a plain error, with the marks that workerd puts on it. */
export class ObjectLost extends Error {
  readonly durableObjectReset = true
  readonly retryable = true
}
