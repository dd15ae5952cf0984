import { encodeFrames, FrameKind } from '../protocol/frames.ts'

/** What asks a link to go elsewhere. */
export const LEAVING = encodeFrames([
  { kind: FrameKind.LEAVE, stream: 0, payload: new Uint8Array(0) },
])

/** Of the socket of a link to which a replica in the region would be nearer. */
export function nearerTag(region: string): string {
  return `nearer ${region}`
}
