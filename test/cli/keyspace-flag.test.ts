import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/cli/failure.ts'
import type { ServedKeyspace } from '../../src/cli/flag-schemas.ts'
import { parseBridgeFlags } from '../../src/cli/flags.ts'

function parsed(...flags: readonly string[]): readonly ServedKeyspace[] {
  return parseBridgeFlags(['--upstream=http://127.0.0.1:1', ...flags], {}).flags.keyspace
}

describe('the flag --keyspace', () => {
  it('[CLI44] names a keyspace, or several with their URLs', () => {
    expect(parsed()).toEqual([])
    expect(parsed('--keyspace', 'a')).toEqual([{ name: 'a', urls: undefined }])
    const urls = [{ scheme: 'http', host: '127.0.0.1', port: 1 }]
    expect(parsed('--keyspace=a=http://127.0.0.1:1', '--keyspace=b')).toEqual([
      { name: 'a', urls },
      { name: 'b', urls: undefined },
    ])
    const variable = { ETCD_KEYSPACE: 'a=http://127.0.0.1:1  b', ETCD_UPSTREAM: 'http://x' }
    expect(parseBridgeFlags([], variable).flags.keyspace.map(({ name }) => name)).toEqual([
      'a',
      'b',
    ])
  })

  it.each([
    [['A'], 'A: must be of a-z'],
    [['..'], '..: must be of a-z'],
    [['a='], 'a=: URL scheme'],
    [['a=127.0.0.1:1'], 'URL scheme must be http, https, unix, or unixs'],
    [['a', 'b'], 'only one keyspace can be on --listen-client-urls'],
    [['a=http://127.0.0.1:1', 'a=http://127.0.0.1:2'], 'a keyspace is named twice'],
  ])('[CLI44] refuses %j', (values, reason) => {
    const flags = values.map((value) => `--keyspace=${value}`)
    expect(() => parsed(...flags)).toThrow(Failure)
    expect(() => parsed(...flags)).toThrow(reason)
  })
})
