import { createHash } from 'node:crypto'

export interface LoopbackAddress {
  readonly host: string
  readonly port: number
}

const PORT_FIRST = 10_000
/** Below those that systems give to clients. */
const PORTS = 20_000

/**
 * Where each other node finds the member of that peer URL on its own machine: the address that the member
 * tells of itself, where a `PeerForwarder` listens. It is made from the URL, so that nobody has to be told.
 */
export function loopbackAddressOf(peerUrl: string): LoopbackAddress {
  const hash = createHash('sha256').update(peerUrl).digest()
  const [a = 0, b = 0, c = 0] = hash
  return {
    host: `127.${64 + (a % 128)}.${b}.${1 + (c % 254)}`,
    port: PORT_FIRST + (hash.readUInt32BE(4) % PORTS),
  }
}
