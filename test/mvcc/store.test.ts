import { openNodeSql } from './node-sql.ts'
import { registerStoreContract } from './store-contract.ts'

registerStoreContract('node:sqlite', (body) => {
  const sql = openNodeSql()
  try {
    body(sql)
  } finally {
    sql.close()
  }
})
