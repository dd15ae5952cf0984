import { type Piece, release } from '../mvcc/packed-rows.ts'

/** Answers that are remembered; of earlier ones the collector takes care. */
const ANSWERS_MAX = 64

/**
 * What was answered to whoever copies a keyspace, until it has come there: then its bytes are given back at once. An
 * answer is a copy, of which nobody tells when it was made, so whoever asks says what has come.
 */
export class HandedPieces {
  readonly #answers = new Map<string, readonly Piece[]>()

  /** Answers the receipt. */
  hand(pieces: readonly Piece[]): string {
    const receipt = crypto.randomUUID()
    this.#answers.set(receipt, pieces)
    if (this.#answers.size > ANSWERS_MAX) {
      const [oldest = receipt] = this.#answers.keys()
      this.#answers.delete(oldest)
    }
    return receipt
  }

  received(receipts: readonly string[]): void {
    for (const receipt of receipts) {
      this.#answers.get(receipt)?.forEach(release)
      this.#answers.delete(receipt)
    }
  }
}
