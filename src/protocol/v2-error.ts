/** The errors of etcd's v2 API that can come up here (api/v2error/error.go of etcd 3.4): text and HTTP status. */
const errors = {
  100: ['Key not found', 404],
  101: ['Compare failed', 412],
  102: ['Not a file', 403],
  104: ['Not a directory', 400],
  105: ['Key already exists', 412],
  107: ['Root is read only', 400],
  108: ['Directory not empty', 403],
  110: ['The request requires user authentication', 401],
  201: ['PrevValue is Required in POST form', 400],
  202: ['The given TTL in POST form is not a number', 400],
  203: ['The given index in POST form is not a number', 400],
  209: ['Invalid field', 400],
  210: ['Invalid POST form', 400],
  211: ['Value provided on refresh', 400],
  212: ['A TTL must be provided on refresh', 400],
  300: ['Raft Internal Error', 500],
  401: ['The event in requested index is outdated and cleared', 400],
} as const satisfies Record<number, readonly [string, number]>

export type V2ErrorCode = keyof typeof errors

/** What a client is told of a refusal. `cause` is left out where it is empty. */
export interface V2Refusal {
  readonly code: V2ErrorCode
  readonly cause: string
  /** The store's index when it was refused; 0 for what was not asked of the store. */
  readonly index: number
}

export function v2Message(code: V2ErrorCode): string {
  return errors[code][0]
}

export function v2HttpStatus(code: V2ErrorCode): number {
  return errors[code][1]
}
