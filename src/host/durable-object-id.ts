import { createHash, createHmac } from 'node:crypto'

const HALF_BYTES = 16
/** Ids that are remembered, since a call asks for its object by name and two HMACs cost as much as a small call. */
const KNOWN_MAX = 1024

/** Names an object of a namespace for good; the file that holds the object is called by its hex form. */
export class DurableObjectId {
  /** Undefined where the id was not made of a name. */
  readonly name: string | undefined
  readonly #hex: string

  constructor(hex: string, name: string | undefined) {
    this.#hex = hex
    this.name = name
  }

  toString(): string {
    return this.#hex
  }

  equals(other: DurableObjectId): boolean {
    return this.#hex === other.toString()
  }
}

/** The ids of a namespace, derived as workerd does, so that both find the same files (ActorIdFactoryImpl). */
export class DurableObjectIds {
  readonly #key: Buffer
  readonly #known = new Map<string, DurableObjectId>()

  constructor(uniqueKey: string) {
    this.#key = createHash('sha256').update(uniqueKey).digest()
  }

  fromName(name: string): DurableObjectId {
    let id = this.#known.get(name)
    if (id === undefined) {
      const base = this.#mac(Buffer.from(name))
      id = new DurableObjectId(Buffer.concat([base, this.#mac(base)]).toString('hex'), name)
      if (this.#known.size >= KNOWN_MAX) {
        this.#known.clear()
      }
      this.#known.set(name, id)
    }
    return id
  }

  /** Throws a TypeError for what is no id of this namespace. */
  fromString(hex: string): DurableObjectId {
    const bytes = Buffer.from(hex, 'hex')
    const base = bytes.subarray(0, HALF_BYTES)
    // What is behind the last digit is passed over by Node.
    if (
      hex.length !== 4 * HALF_BYTES ||
      bytes.length !== 2 * HALF_BYTES ||
      !this.#mac(base).equals(bytes.subarray(HALF_BYTES))
    ) {
      throw new TypeError('Invalid Durable Object ID: it is of another namespace, or none')
    }
    return new DurableObjectId(bytes.toString('hex'), undefined)
  }

  #mac(bytes: Uint8Array): Buffer {
    return createHmac('sha256', this.#key).update(bytes).digest().subarray(0, HALF_BYTES)
  }
}
