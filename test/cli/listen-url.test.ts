import { describe, expect, it } from 'vitest'
import { clientUrlProblem, formatUrl, parseListenUrl } from '../../src/cli/listen-url.ts'

describe('a listen URL', () => {
  it.each([
    ['http://127.0.0.1:2379', '127.0.0.1', 2379],
    ['http://0.0.0.0:0', '0.0.0.0', 0],
    ['http://[::1]:2379', '::1', 2379],
    ['http://[::]:2379', '::', 2379],
    ['http://127.0.0.1:80', '127.0.0.1', 80],
    ['http://localhost:2379', '127.0.0.1', 2379],
  ])('[CLI9] %s is read', (text, host, port) => {
    const url = parseListenUrl(text)
    expect(url).toEqual({ scheme: 'http', host, port })
    expect(parseListenUrl(text.replace('http', 'https'))).toEqual({ scheme: 'https', host, port })
  })

  it.each([
    ['', 'URL scheme must be http, https, unix, or unixs: '],
    ['127.0.0.1:2379', 'URL scheme must be http, https, unix, or unixs: 127.0.0.1:2379'],
    ['unix:etcd.sock', 'URL must name the path of a socket: unix:etcd.sock'],
    ['unix://', 'URL must name the path of a socket: unix://'],
    ['unix:///run/etcd.sock?x', 'URL must name the path of a socket: unix:///run/etcd.sock?x'],
    ['http://127.0.0.1', 'URL address does not have the form "host:port": http://127.0.0.1'],
    ['http://127.0.0.1:', 'URL address does not have the form "host:port": http://127.0.0.1:'],
    [
      'http://127.0.0.1:65536',
      'URL address does not have the form "host:port": http://127.0.0.1:65536',
    ],
    ['http://:2379', 'URL address does not have the form "host:port": http://:2379'],
    ['http://a b:2379', 'URL address does not have the form "host:port": http://a b:2379'],
    ['http://127.0.0.1:1/', 'URL must not contain a path: http://127.0.0.1:1/'],
    ['http://127.0.0.1:1/x', 'URL must not contain a path: http://127.0.0.1:1/x'],
    ['http://127.0.0.1:1?x', 'URL must not contain a path: http://127.0.0.1:1?x'],
    ['http://u@127.0.0.1:1', 'URL must not contain a path: http://u@127.0.0.1:1'],
    ['http://example.com:2379', 'expected IP in URL for binding (http://example.com:2379)'],
  ])('[CLI9] %j is refused', (text, problem) => {
    expect(parseListenUrl(text)).toBe(problem)
  })

  it.each([
    ['unix:///run/etcd.sock', '/run/etcd.sock'],
    ['unix:/run/etcd.sock', '/run/etcd.sock'],
    ['unix://run/etcd.sock', 'run/etcd.sock'],
    ['unix://localhost:1234', 'localhost:1234'],
  ])('[CLI9] %s is read as etcd and gRPC read it', (text, path) => {
    expect(parseListenUrl(text)).toEqual({ scheme: 'unix', path })
    const secure = parseListenUrl(text.replace('unix', 'unixs'))
    expect(secure).toEqual({ scheme: 'unixs', path })
    expect(formatUrl({ scheme: 'unix', path })).toBe(`unix://${path}`)
  })

  it('[CLI9] has brackets around an IPv6 address again when shown', () => {
    expect(formatUrl({ scheme: 'https', host: '::1', port: 1 })).toBe('https://[::1]:1')
    expect(formatUrl({ scheme: 'http', host: '127.0.0.1', port: 1 })).toBe('http://127.0.0.1:1')
  })
})

describe('an advertised URL', () => {
  it('[CLI9] may name a host and be https', () => {
    expect(clientUrlProblem('https://etcd.example.com:443')).toBeUndefined()
  })
})
