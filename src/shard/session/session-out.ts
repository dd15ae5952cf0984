import type { Frame } from '../../protocol/frames.ts'
import type { ResponseHeader } from '../../protocol/generated/messages.ts'

/** What the streams and calls of a session need of it. */
export interface SessionOut {
  /** So much leaves with this turn that events stay in the log until it has. */
  readonly full: boolean
  /** As the member that the socket's client has asked. */
  header(): ResponseHeader
  /** The frame leaves at the end of the turn. */
  send(frame: Frame): void
  /** As `send`, and where nobody ends a turn when all has run that can run now. */
  sendSoon(frame: Frame): void
  /** The socket has to remember something new of the stream. */
  changed(stream: number): void
  /** The call's ANSWER has been sent. */
  ended(stream: number): void
}
