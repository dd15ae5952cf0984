import type { JsonObject } from './http.ts'

/** What a request shows of who sends it: metadata over gRPC, a header over HTTP. */
export interface Shown {
  readonly name: 'token' | 'authorization'
  /** `<3>` in it is the token of the fourth login of the history. */
  readonly value: string
}

export interface RandomRequest {
  readonly path: string
  /** What goes over the wire: the message in one of its many spellings, or something broken. */
  readonly body: string | Uint8Array
  /** The message in canonical spelling: proto names, integers as strings. */
  readonly message: JsonObject
  /** Why the body is not a plain message, such as `trailing comma`. */
  readonly flaw?: string
  /** Nobody's where it is not there. */
  readonly shown?: Shown | undefined
}

export type Message = Pick<RandomRequest, 'path' | 'message'>
