import { AlarmAction } from '../maintenance/alarm.ts'
import { DowngradeAction } from '../maintenance/downgrade.ts'
import type {
  AlarmRequest,
  DowngradeRequest,
  RequestOp,
  TxnRequest,
} from '../protocol/generated/messages.ts'
import { type MethodName, methods, type MethodsWhere } from '../protocol/methods.ts'

type Need = 'read' | 'write'

/** Of the methods of which the request says it, each with a function of its request type. */
const asked: {
  readonly [method in MethodsWhere<'needs', 'as-asked'>]: (request: never) => Need
} = {
  '/etcdserverpb.KV/Txn': needOfTxn,
  '/etcdserverpb.Maintenance/Alarm': ({ action }: AlarmRequest) =>
    action === AlarmAction.GET ? 'read' : 'write',
  '/etcdserverpb.Maintenance/Downgrade': ({ action }: DowngradeRequest) =>
    action === DowngradeAction.VALIDATE ? 'read' : 'write',
}

/** What a token has to allow for a call. The request is one of the method's request type. */
export function needOf(method: MethodName, request: object): Need {
  const { needs } = methods[method]
  if (needs !== 'as-asked') {
    return needs
  }
  const need = asked[method as keyof typeof asked] as (request: object) => Need
  return need(request)
}

/** In whichever branch and however deep: the branch that a token may not write could be the one taken. */
function needOfTxn({ success, failure }: TxnRequest): Need {
  return [...success, ...failure].every(isRead) ? 'read' : 'write'
}

function isRead({ requestRange, requestTxn }: RequestOp): boolean {
  return (
    requestRange !== undefined || (requestTxn !== undefined && needOfTxn(requestTxn) === 'read')
  )
}
