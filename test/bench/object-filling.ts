import { type Address, H2Connection } from './h2-connection.ts'
import { keyAt } from './keys.ts'
import { createTxn, revisionOfTxn, txnMethod } from './kubernetes-txns.ts'

export interface Objects {
  readonly prefix: string
  readonly keys: number
  readonly valueBytes: number
}

const AT_ONCE = 16

/** Creates the keys one by one, as Kubernetes does: a server that takes nothing else takes that. */
export async function createObjects(address: Address, objects: Objects): Promise<void> {
  const { promise: broken, reject } = Promise.withResolvers<never>()
  const connection = await Promise.race([H2Connection.open(address, reject), broken])
  const value = Buffer.alloc(objects.valueBytes, 'v')
  let created = 0
  const work = async (): Promise<void> => {
    while (created < objects.keys) {
      const txn = createTxn(keyAt(objects.prefix, created++), value)
      revisionOfTxn(await connection.ask(txnMethod, txn))
    }
  }
  await Promise.race([Promise.all(Array.from({ length: AT_ONCE }, work)), broken])
  connection.close()
}
