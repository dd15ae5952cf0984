import { describe } from 'vitest'
import { describeCompact, describeHash } from './compact-contract.ts'
import { describeLong } from './long-contract.ts'
import { describeOptions, describePages, describeSelection } from './range-contract.ts'
import { describeSql } from './sql-contract.ts'
import { describeCompare, describeTxn } from './txn-contract.ts'
import type { WithSql } from './with-sql.ts'
import { describeDelete, describePut, describeRevisions } from './write-contract.ts'

/** What a store must do over any driver of the `Sql` port. */
export function registerStoreContract(driver: string, withSql: WithSql): void {
  describe(`store over ${driver}`, () => {
    describeSql(withSql)
    describeRevisions(withSql)
    describeSelection(withSql)
    describeOptions(withSql)
    describePages(withSql)
    describePut(withSql)
    describeDelete(withSql)
    describeCompare(withSql)
    describeTxn(withSql)
    describeCompact(withSql)
    describeHash(withSql)
    describeLong(withSql)
  })
}
