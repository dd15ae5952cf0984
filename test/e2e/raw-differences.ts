/** Answers of HTTP that are not etcd's, by the label in test/golden/raw-http.jsonl, and why. */
interface Difference {
  readonly why: string
  /** The status lines, and how the connection ends up. */
  readonly ours: string
  readonly labels: readonly string[]
}

const unanswered = 'etcd closes a plaintext connection that begins so without a word'

export const differences: readonly Difference[] = [
  {
    why: unanswered,
    ours: '400 Bad Request, ended',
    labels: [
      '0.9',
      '1.10',
      'http/1.1',
      'HTTP/1,1',
      'XTTP/1.1',
      'two spaces',
      'two spaces before version',
      'tab for space',
      'space at the end',
      'space at the start',
      'space in the path',
      'garbage',
      'binary',
    ],
  },
  {
    why: `${unanswered}; over TLS it says this`,
    ours: '505 HTTP Version Not Supported: unsupported protocol version, ended',
    labels: ['0.9 version', '2.0', '3.0'],
  },
  {
    why: 'empty lines before a request are passed over, as RFC 9112 §2.2 wants it',
    ours: '200 OK, open',
    labels: ['empty line first', 'two empty lines first', 'empty LF first'],
  },
  {
    why: 'no URL has such a host',
    ours: '400 Bad Request: malformed Host header, ended',
    labels: ['host with a bad port'],
  },
  {
    why: 'what a trailer says is not looked at',
    ours: '200 OK, open',
    labels: ['chunks with a bad trailer'],
  },
  {
    why: 'a body is read to its end before it is looked at',
    ours: '400 Bad Request, ended',
    labels: ['chunk without end', 'incomplete chunk ended', 'incomplete chunks ended'],
  },
  {
    why: 'a client is told to go on before anybody looks at its request',
    ours: '100 Continue + 404 Not Found, open',
    labels: ['expect 100 refused'],
  },
  {
    why: 'it has no CORS headers',
    ours: '400 Bad Request, ended',
    labels: ['method GET star'],
  },
]

/** Where the runtimes answer differently, what both have in common: an answer, and the end. */
export const brokenOff: ReadonlySet<string> = new Set([
  'broken chunk to version',
  'incomplete body ended',
])
