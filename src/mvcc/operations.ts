/** Of one transaction in the store. */
interface Asked {
  readonly ranges: number
  readonly puts: number
  readonly deletes: number
  /** Of keys and values. */
  readonly putBytes: number
}

/**
 * How often what was asked of a store, as etcd counts it (storage/mvcc/metrics_txn.go): a compare and a
 * previous version are ranges too, and a txn is a transaction of more than one operation. What has
 * failed is not counted.
 */
export class Operations implements Asked {
  ranges = 0
  puts = 0
  deletes = 0
  txns = 0
  putBytes = 0

  add({ ranges, puts, deletes, putBytes }: Asked): void {
    this.puts += puts
    this.deletes += deletes
    this.putBytes += putBytes
    this.ranges += ranges
    if (ranges + puts + deletes > 1) {
      this.txns++
    }
  }

  /** A transaction of so many ranges. */
  addRanges(ranges: number): void {
    this.ranges += ranges
    if (ranges > 1) {
      this.txns++
    }
  }
}
