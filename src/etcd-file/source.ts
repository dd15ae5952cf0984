/** The bytes of a file, which may be more than fit into memory. */
export interface Source {
  readonly length: number
  /** `length` bytes from `offset` on, all of which are there; nobody writes into them later. */
  read(offset: number, length: number): Uint8Array
}
