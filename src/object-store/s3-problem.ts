import { bodyBytes } from './body-bytes.ts'
import { ObjectStoreError } from './object-store.ts'
import { readAnswer, textOf } from './s3-xml.ts'

const PROBLEM_BYTES_MAX = 64 * 1024
const MESSAGE_CHARACTERS_MAX = 200

/** What an answer of S3 says that went wrong. */
export interface S3Problem {
  readonly status: number
  /** S3's word for it, such as `NoSuchKey`; empty where there is none. */
  readonly code: string
  readonly message: string
}

/** Statuses below 500 that may pass: a time-out, too many requests, a conflict of two writes. */
const passingStatuses: ReadonlySet<number> = new Set([408, 409, 425, 429])
/** Of 400 and 403, those that may pass: damage on the way, and a clock that is set some day. */
const passingCodes: ReadonlySet<string> = new Set([
  'BadDigest',
  'ConditionalRequestConflict',
  'IncompleteBody',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'SlowDown',
  'XAmzContentSHA256Mismatch',
])
/** Not implemented, and a version of HTTP that is none: these stay. */
const lastingStatuses: ReadonlySet<number> = new Set([501, 505])

/** Reads the body of an answer that is no success. A proxy on the way may have answered, not S3. */
export async function problemOf(response: Response): Promise<S3Problem> {
  const { status } = response
  const bytes = await bodyBytes(response, PROBLEM_BYTES_MAX)
  try {
    const error = readAnswer(bytes, 'Error')
    return {
      status,
      code: printable(textOf(error, 'Code') ?? ''),
      message: printable(textOf(error, 'Message') ?? ''),
    }
  } catch {
    return { status, code: '', message: '' }
  }
}

function isRetryable({ status, code }: Pick<S3Problem, 'status' | 'code'>): boolean {
  return (
    (status >= 500 && !lastingStatuses.has(status)) ||
    passingStatuses.has(status) ||
    passingCodes.has(code)
  )
}

export function toldProblem(what: string, problem: S3Problem): ObjectStoreError {
  const { status, code, message } = problem
  const said = [code, message].filter(Boolean).join(': ')
  return new ObjectStoreError(`${what}: status ${status}${said === '' ? '' : `, ${said}`}`, {
    retryable: isRetryable(problem),
  })
}

/** One short line, whatever a server has sent. */
function printable(text: string): string {
  const line = text.replaceAll(/[^\x20-\x7e]+/g, ' ').trim()
  return line.length > MESSAGE_CHARACTERS_MAX ? `${line.slice(0, MESSAGE_CHARACTERS_MAX)}…` : line
}
