import assert from 'node:assert/strict'
import bcryptjs from 'bcryptjs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Bcrypt, formatHash, parseHash } from '../../src/auth/bcrypt.ts'
import { hashPassword, isPassword, isTooCostly } from '../../src/auth/password.ts'
import { fractionOfPi } from '../../src/auth/pi.ts'
import { runs } from '../runs.ts'
import { bytes } from './keyspace.ts'

const COST = 4
const password = fc.string({ unit: 'binary', maxLength: 100 }).map((text) => text.toWellFormed())

const hashOf = (cost: string): Uint8Array => bytes(`$2a$${cost}$${'x'.repeat(53)}`)

describe('bcrypt', () => {
  it('[AUT16] makes the hashes that another library makes', () => {
    fc.assert(
      fc.property(password, (text) => {
        const expected = bcryptjs.hashSync(text, COST)
        const parsed = parseHash(expected)
        assert(parsed !== undefined)
        const bcrypt = new Bcrypt(bytes(text), parsed)
        expect(bcrypt.run(2 ** COST)).toBe(true)
        expect(formatHash(bcrypt.hash()).slice(3)).toBe(expected.slice(3))
      }),
      { numRuns: runs(50) },
    )
  })

  it('[AUT16] comes to the same in slices of any size', () => {
    const salt = Uint8Array.from({ length: 16 }, (_, i) => i)
    const digests = [1, 3, 16, 100].map((rounds) => {
      const bcrypt = new Bcrypt(bytes('secret'), { cost: COST, salt })
      let slices = 1
      while (!bcrypt.run(rounds)) {
        slices++
      }
      expect(slices).toBe(Math.ceil(2 ** COST / rounds))
      return bcrypt.hash().digest
    })
    expect(new Set(digests).size).toBe(1)
  })

  it('[AUT16] starts from the digits of pi', () => {
    const words = fractionOfPi(4)
    expect(Array.from(words, (word) => (word >>> 0).toString(16))).toEqual([
      '243f6a88',
      '85a308d3',
      '13198a2e',
      '3707344',
    ])
    expect(fractionOfPi(1042).slice(0, 4)).toEqual(words)
  })
})

describe('passwords', () => {
  it('[AUT16] travel to etcd and back', async () => {
    const hash = await hashPassword('pässword', COST)
    const text = new TextDecoder().decode(hash)
    expect(text).toMatch(/^\$2a\$04\$[./A-Za-z0-9]{53}$/)
    expect(bcryptjs.compareSync('pässword', text)).toBe(true)
    expect(bcryptjs.compareSync('passwort', text)).toBe(false)
    expect(await isPassword('pässword', bytes(text))).toBe(true)
    expect(await isPassword('passwort', bytes(text))).toBe(false)
    expect(await isPassword('theirs', bytes(bcryptjs.hashSync('theirs', COST)))).toBe(true)
  })

  it('[AUT16] are salted', async () => {
    expect(await hashPassword('same', COST)).not.toEqual(await hashPassword('same', COST))
  })

  it('[AUT17] of more than 72 bytes are not hashed, and compared by their first 72', async () => {
    expect(await hashPassword('x'.repeat(73), COST)).toBeUndefined()
    expect(await hashPassword('ü'.repeat(37), COST)).toBeUndefined()
    const hash = await hashPassword('ü'.repeat(36), COST)
    expect(hash).toBeDefined()
    expect(await isPassword('ü'.repeat(50), hash ?? new Uint8Array(0))).toBe(true)
  })

  it('[AUT18] are hashed while others run', async () => {
    let turns = 0
    let done = false
    const others = (): void => {
      turns++
      if (!done) {
        setTimeout(others, 0)
      }
    }
    others()
    await hashPassword('secret', 8)
    done = true
    expect(turns).toBeGreaterThanOrEqual(2 ** 8 / 32)
  })

  it('[AUT46] that of a cost of more than 14 is too costly, unless those made here are dearer', () => {
    expect(isTooCostly(hashOf('14'), 10)).toBe(false)
    expect(isTooCostly(hashOf('15'), 10)).toBe(true)
    expect(isTooCostly(hashOf('15'), 15)).toBe(false)
    expect(isTooCostly(hashOf('31'), 15)).toBe(true)
    expect(isTooCostly(bytes('no hash'), 10)).toBe(false)
  })

  it('[AUT19] none matches what is no hash', async () => {
    const hash = bcryptjs.hashSync('', COST)
    // etcd takes none of a cost below 4, however right it is.
    const cheap = new Bcrypt(bytes(''), { cost: 3, salt: new Uint8Array(16) })
    expect(cheap.run(2 ** 3)).toBe(true)
    const others = ['', hash.slice(0, -1), `${hash}.`, formatHash(cheap.hash()), 'x'.repeat(60)]
    for (const stored of others) {
      expect(await isPassword('', bytes(stored))).toBe(false)
    }
    expect(await isPassword('', bytes(hash))).toBe(true)
  })
})
