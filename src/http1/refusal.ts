/** A request that gets no further: the connection ends with these bytes behind the answers before it. */
export interface Refusal {
  readonly answer: string
}

/** What Go's server says to a request that it cannot read (net/http: server.go, badRequestError). */
export function badRequest(why?: string): Refusal {
  return plain(why === undefined ? '400 Bad Request' : `400 Bad Request: ${why}`)
}

export const headTooLong = plain('431 Request Header Fields Too Large')
export const notSupported = plain('505 HTTP Version Not Supported: unsupported protocol version')
export const unknownCoding = plain('501 Not Implemented', 'Unsupported transfer encoding')
/** Go waits for ever. */
export const headTooLate = plain('408 Request Timeout')

/** Without a text: a target that names nothing, and an expectation that nobody meets. */
export function emptyRefusal(status: '400 Bad Request' | '417 Expectation Failed'): Refusal {
  const fields = ['Connection: close', `Date: ${new Date().toUTCString()}`, 'Content-Length: 0']
  return { answer: [`HTTP/1.1 ${status}`, ...fields, '', ''].join('\r\n') }
}

function plain(status: string, text = status): Refusal {
  const fields = ['Content-Type: text/plain; charset=utf-8', 'Connection: close']
  return { answer: [`HTTP/1.1 ${status}`, ...fields, '', text].join('\r\n') }
}
