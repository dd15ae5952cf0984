import { describe, expect, it } from 'vitest'
import { parseBridgeFlags, parseServeFlags } from '../../src/cli/flags.ts'
import { requireSafeListening } from '../../src/cli/safe-listening.ts'

const secret = 'secret'

function refusalOf(urls: string, token: string | undefined, ...flags: readonly string[]): string {
  const parsed = parseServeFlags([`--listen-client-urls=${urls}`, ...flags], {})
  try {
    requireSafeListening(parsed.flags, { token })
    return ''
  } catch (error) {
    return String(error)
  }
}

describe('listening where everybody can come', () => {
  it('[DOR23] is refused in plaintext without a token', () => {
    for (const url of ['http://0.0.0.0:2379', 'http://[::]:2379', 'http://192.0.2.1:2379']) {
      expect(refusalOf(url, undefined)).toContain(
        `${url} would be open to everybody who reaches it: use https, --token-file or --allow-insecure`,
      )
      expect(refusalOf(`http://127.0.0.1:1,${url}`, undefined)).toContain(url)
      expect(refusalOf(url, secret)).toBe('')
      expect(refusalOf(url, undefined, '--allow-insecure')).toBe('')
      expect(refusalOf(url.replace('http', 'https'), undefined)).toBe('')
    }
  })

  it('[DOR23] is not what loopback is', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '[::1]', '[::ffff:127.0.0.1]']) {
      expect(refusalOf(`http://${host}:2379`, undefined)).toBe('')
    }
  })

  it('[DOR23] is no better at a bridge for the token of the bridge', () => {
    const { flags } = parseBridgeFlags(
      ['--upstream=https://store.example', '--listen-client-urls=http://0.0.0.0:1'],
      {},
    )
    expect(() => requireSafeListening(flags)).toThrow('use https or --allow-insecure')
  })
})
