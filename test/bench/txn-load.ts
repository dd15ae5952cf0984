import { FRAME_HEAD_BYTES, grpcFrame } from './grpc-connection.ts'
import { closedLoop, type GrpcLoad } from './grpc-load.ts'
import { keyAt } from './keys.ts'
import { createTxn, revisionOfTxn, txnMethod, updateTxn } from './kubernetes-txns.ts'
import type { UnaryResult } from './measured-window.ts'

export interface TxnTask extends GrpcLoad {
  readonly kind: 'grpc-txn'
  /** No key below it exists yet. */
  readonly prefix: string
  readonly valueBytes: number
}

/** Creates keys one by one, and updates each once, as an API server writes objects. */
export function txnLoad(task: TxnTask): Promise<UnaryResult> {
  const value = Buffer.alloc(task.valueBytes, 'v')
  /** Keys that were created and are to be updated. */
  const created: { readonly key: string; readonly revision: number }[] = []
  let keys = 0
  return closedLoop(task, (connection, next) => {
    const known = created.pop()
    const key = known?.key ?? keyAt(task.prefix, keys++)
    const request =
      known === undefined ? createTxn(key, value) : updateTxn(key, value, known.revision)
    connection.call(txnMethod, grpcFrame(request), (answer) => {
      const revision = revisionOfTxn(answer.subarray(FRAME_HEAD_BYTES))
      if (known === undefined) {
        created.push({ key, revision })
      }
      next(answer)
    })
  })
}
