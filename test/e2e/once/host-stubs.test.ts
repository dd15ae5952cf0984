import { expect, it } from 'vitest'
import { describePlatform } from '../../host/world.ts'

describePlatform('ids and stubs', (world) => {
  it('[HST17] an id comes of a name or a text, and is of one namespace', async () => {
    // As workerd derives it: a data directory is named by it.
    const hex = '94ee47fd694abb484a0cfcbdd325dcd234a7319b9fca71e881532ac872fa6702'
    expect(await world.call('named', 'ids')).toEqual({
      hex,
      name: 'named',
      nameOfHex: null,
      equals: true,
      others: false,
      stub: [hex, 'named', 'named'],
      byName: true,
      otherKey: '443b33e01482611a93008189c35dc1e48abea992d68dba7c98813ecc45714f6d',
      foreign: 'TypeError',
      short: 'TypeError',
      noHex: 'TypeError',
      longer: 'TypeError',
      upper: true,
    })
  })

  it('[HST17] an object knows its name, where it is called by it', async () => {
    const { id } = (await world.ask('known', 'name')) as { id: string }
    expect(await world.ask('known', 'name')).toEqual({ name: 'known', id })
    expect(await world.call('unknown', 'byId')).toMatchObject({ name: null })
  })

  it('[HST18] values are copied on their way', async () => {
    expect(await world.call('copies', 'copies')).toEqual({
      given: { list: [1, 2, 3, 5], bytes: { view: '010203' } },
      answer: { list: [1, 2, 3, 4], bytes: { view: '630203' } },
    })
  })

  it('[HST18] errors are copied: name, message and fields, but not their class', async () => {
    const plain = { name: 'Error', type: 'Error', extra: null, code: null, remote: 1 }
    expect(await world.call('errors', 'errors')).toEqual({
      plain: { ...plain, message: 'plain' },
      type: { ...plain, name: 'TypeError', type: 'TypeError', message: 'a type error' },
      fields: { ...plain, message: 'with fields', extra: 'field', code: 7 },
      odd: { ...plain, name: 'OddError', message: 'odd', extra: 'field' },
    })
  })

  it('[HST18] calls of one stub arrive in their order', async () => {
    const order = await world.call('order', 'order', 50)
    expect(order).toEqual(Array.from({ length: 50 }, (_, place) => place + 1))
    expect(await world.ask('order', 'notes')).toEqual(
      Array.from({ length: 50 }, (_, at) => String(at)),
    )
  })

  it('[HST18] a class has the methods of its base', async () => {
    expect(await world.call('inherits', 'inherited')).toBe(1)
  })

  it('[HST18] an object answers requests too, and its failure is none of the text', async () => {
    expect(await world.call('fetches', 'fetches')).toEqual({
      status: 200,
      header: true,
      type: 'text/plain;charset=UTF-8',
    })
    const born = await world.answer('/fetch/fetches/born', [])
    expect(born).toEqual({ status: 200, text: JSON.stringify(await world.ask('fetches', 'born')) })
    const failed = await world.answer('/fetch/fetches/putAndThrow', [false])
    expect(failed.status).toBe(500)
    expect(failed.text).not.toContain('after the write')
  })

  it('[HST19] waitUntil, waits, hashes and responses are those of Workers', async () => {
    expect(await world.ask('rest', 'later', 'ctx', 50)).toBe('at once')
    expect(await world.ask('rest', 'later', 'module', 100)).toBe('at once')
    expect(await world.ask('rest', 'scheduler', 200)).toBeGreaterThanOrEqual(195)
    expect(await world.ask('rest', 'notes')).toEqual(['later by ctx', 'later by module'])
    const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
    const digest = (await world.ask('rest', 'digest')) as number[]
    expect(Buffer.from(digest).toString('hex')).toBe(sha256)
    expect(await world.ask('rest', 'responses')).toEqual({
      json: [201, 'application/json', 'b', '{"a":1}'],
      copied: [201, 'b', 'copied'],
      upgrade: [101, true],
      plain: [null, 200, true],
    })
  })
})
