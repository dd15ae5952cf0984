// Writes header blocks as a client may: each field in any representation that RFC 7541 §6 has.
import { staticTable } from '../../src/h2/hpack-table.ts'

export interface WrittenField {
  readonly name: string
  readonly value: string
  /** Where the table has the field or its name, it is referred to all the same. */
  readonly how: 'indexed' | 'added' | 'literal' | 'never'
}

/** A client's side of the table, as plain as can be. */
export class HpackWriter {
  readonly #table: { readonly name: string; readonly value: string }[] = []
  #bytesMax = 4096

  resize(bytesMax: number): Buffer {
    this.#bytesMax = bytesMax
    this.#evict()
    return integer(0x20, 5, bytesMax)
  }

  write({ name, value, how }: WrittenField): Buffer {
    const all = [...staticTable, ...this.#table]
    const whole = all.findIndex((each) => each.name === name && each.value === value) + 1
    if (how === 'indexed' && whole > 0) {
      return integer(0x80, 7, whole)
    }
    const named = all.findIndex((each) => each.name === name) + 1
    const isAdded = how === 'added'
    const start = isAdded ? integer(0x40, 6, named) : integer(how === 'never' ? 0x10 : 0, 4, named)
    if (isAdded) {
      this.#table.unshift({ name, value })
      this.#evict()
    }
    return Buffer.concat([start, named === 0 ? string(name) : Buffer.alloc(0), string(value)])
  }

  #evict(): void {
    const bytes = (): number =>
      this.#table.reduce((sum, { name, value }) => sum + name.length + value.length + 32, 0)
    while (bytes() > this.#bytesMax) {
      this.#table.pop()
    }
  }
}

function integer(pattern: number, prefixBits: number, value: number): Buffer {
  const prefixMax = 2 ** prefixBits - 1
  if (value < prefixMax) {
    return Buffer.from([pattern | value])
  }
  const bytes = [pattern | prefixMax]
  let rest = value - prefixMax
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes.push((rest % 128) | 128)
  }
  return Buffer.from([...bytes, rest])
}

function string(text: string): Buffer {
  return Buffer.concat([integer(0, 7, text.length), Buffer.from(text, 'latin1')])
}
