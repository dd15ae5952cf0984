/** An object that went away under a call, with the marks that workerd puts on such an error. */
export class ObjectLost extends Error {
  readonly durableObjectReset = true
  readonly retryable = true
}
