import { decode } from '../protocol/binary.ts'
import { AlarmAction, AlarmRequest } from '../protocol/generated/messages.ts'
import { methods, type MethodsWhere } from '../protocol/methods.ts'
import { type LinkCall, V2_METHOD } from '../protocol/v2-wire.ts'
import { WireError } from '../protocol/wire.ts'

/** Of the methods of which the request says it. */
const asked: {
  readonly [method in MethodsWhere<'repeats', 'as-asked'>]: (request: Uint8Array) => boolean
} = { '/etcdserverpb.Maintenance/Alarm': isGet }

/** Whether a call may run twice when it is not known whether it has run. */
export function isRepeatable(call: LinkCall): boolean {
  if (call.method === V2_METHOD) {
    return false
  }
  const { method, request } = call
  const { repeats } = methods[method]
  return repeats === 'as-asked' ? asked[method as keyof typeof asked](request) : repeats !== 'never'
}

function isGet(request: Uint8Array): boolean {
  try {
    return decode(AlarmRequest, request).action === AlarmAction.GET
  } catch (error) {
    // The shard says what is wrong with it.
    if (error instanceof WireError) {
      return false
    }
    throw error
  }
}
