import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isKeyspaceName } from '../../src/config/keyspace-name.ts'
import { isOfKeyspace, keyspacePath } from '../../src/gateway-rules/keyspace-path.ts'
import { runs } from '../runs.ts'

/** What paths are made of that try to be somewhere else. */
const piece = fc.constantFrom(
  '/',
  '//',
  '\\',
  '.',
  '..',
  '%2e',
  '%2E.',
  '%2f',
  '%5c',
  '%00',
  '%25',
  '\t',
  '\n',
  ' ',
  ';',
  '?',
  '#',
  '@',
  ':',
  'one',
  'two',
  'keyspaces',
  'tokens',
  'v3',
  'version',
  'metrics',
  'kv/put',
  'é',
)
const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)

const inKeyspace = /^\/keyspaces\/one\/+(v3|v3beta|health|livez|readyz|version|metrics|debug)(\/|$)/

describe('a path', () => {
  it('[PRT14] that a keyspace serves stays in it, whoever resolves it', () => {
    let served = 0
    const stays = (asked: string): boolean => {
      if (!isOfKeyspace(asked)) {
        return true
      }
      served++
      const sent = [asked, asked.replaceAll('\\', '/'), asked.replaceAll(/\/{2,}/g, '/')]
      return sent.every((one) =>
        inKeyspace.test(new URL(`http://store.example/keyspaces/one${one}`).pathname),
      )
    }
    fc.assert(fc.property(path, stays), { numRuns: runs(5000) })
    fc.assert(
      fc.property(path, (rest) => stays(`/v3${rest}`)),
      { numRuns: runs(5000) },
    )
    expect(served).toBeGreaterThan(runs(100))
  })

  it('[DOR28] of a session is not for the clients of a bridge', () => {
    for (const asked of ['/session', '//session', '/session/', '/session?x']) {
      expect(isOfKeyspace(asked)).toBe(false)
    }
    expect(isOfKeyspace('/v3/kv/%2e%2e%2f%2e%2e%2fsession')).toBe(false)
    expect(isOfKeyspace('/v3/kv/range')).toBe(true)
  })

  it('[KSP2] names the keyspace that stands in it, letter by letter, and no other', () => {
    const text = fc.oneof(path, fc.string({ unit: 'binary' }), fc.string())
    fc.assert(
      fc.property(text, (name) => {
        const { keyspace, place, path: rest } = keyspacePath(`/keyspaces/${name}/v3/kv/put`)
        const isNamed = isKeyspaceName(keyspace) && keyspace !== 'default'
        const at = place === undefined ? '' : `@${place}`
        return !isNamed || `/keyspaces/${name}/v3/kv/put` === `/keyspaces/${keyspace}${at}${rest}`
      }),
      { numRuns: runs(5000) },
    )
  })
})
