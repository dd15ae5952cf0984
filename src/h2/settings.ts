import { ConnectionError, ErrorCode } from './frames.ts'

/** RFC 9113 §6.5.2. */
const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const

const SETTING_BYTES = 6
export const WINDOW_BYTES_MAX = 2 ** 31 - 1

/** Of a client, what a server goes by. */
export interface PeerSettings {
  /** The smallest that there was. */
  headerTableBytes: number
  initialWindowBytes: number
}

/** Applies a SETTINGS payload to `settings`. Throws ConnectionError. */
export function readSettings(payload: Buffer, settings: PeerSettings): void {
  if (payload.length % SETTING_BYTES !== 0) {
    throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, 'SETTINGS of a broken length')
  }
  for (let at = 0; at < payload.length; at += SETTING_BYTES) {
    const value = payload.readUInt32BE(at + 2)
    switch (payload.readUInt16BE(at)) {
      case Setting.HEADER_TABLE_SIZE:
        settings.headerTableBytes = Math.min(settings.headerTableBytes, value)
        break
      case Setting.ENABLE_PUSH:
        check(value <= 1, ErrorCode.PROTOCOL_ERROR, 'ENABLE_PUSH')
        break
      case Setting.INITIAL_WINDOW_SIZE:
        check(value <= WINDOW_BYTES_MAX, ErrorCode.FLOW_CONTROL_ERROR, 'INITIAL_WINDOW_SIZE')
        settings.initialWindowBytes = value
        break
      case Setting.MAX_FRAME_SIZE:
        check(value >= 16_384 && value < 2 ** 24, ErrorCode.PROTOCOL_ERROR, 'MAX_FRAME_SIZE')
        break
    }
  }
}

function check(isFine: boolean, code: number, name: string): void {
  if (!isFine) {
    throw new ConnectionError(code, `SETTINGS with a wrong ${name}`)
  }
}

export interface OwnSettings {
  readonly maxConcurrentStreams: number
  readonly initialWindowBytes: number
  readonly headerListBytesMax: number
}

/** The payload of the SETTINGS that say so. */
export function encodeSettings(settings: OwnSettings): Buffer {
  const values: readonly (readonly [setting: number, value: number])[] = [
    [Setting.MAX_CONCURRENT_STREAMS, settings.maxConcurrentStreams],
    [Setting.INITIAL_WINDOW_SIZE, settings.initialWindowBytes],
    [Setting.MAX_HEADER_LIST_SIZE, settings.headerListBytesMax],
  ]
  const payload = Buffer.alloc(values.length * SETTING_BYTES)
  for (const [place, [setting, value]] of values.entries()) {
    payload.writeUInt16BE(setting, place * SETTING_BYTES)
    payload.writeUInt32BE(value, place * SETTING_BYTES + 2)
  }
  return payload
}
