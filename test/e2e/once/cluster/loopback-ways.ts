import { freePort } from '../../../oracle/free-port.ts'
import { LOOPBACK } from '../../../oracle/place.ts'
import { BucketLine } from './bucket-line.ts'
import { PeerLine } from './peer-line.ts'
import type { Ways } from './ways.ts'

/** All nodes are on loopback, and lines that pass bytes on stand for the network. */
export class LoopbackWays implements Ways {
  readonly place = LOOPBACK
  readonly flags = []
  readonly clientPort: number
  readonly listenPeerUrl: string
  readonly bucketUrl: string
  readonly bucket: BucketLine
  /** The others' way to it. */
  readonly peers: PeerLine

  private constructor(
    lines: { readonly bucket: BucketLine; readonly peers: PeerLine },
    ports: { readonly client: number; readonly peer: number },
    bucketUrl: string,
  ) {
    this.bucket = lines.bucket
    this.peers = lines.peers
    this.clientPort = ports.client
    this.listenPeerUrl = `http://127.0.0.1:${ports.peer}`
    this.bucketUrl = bucketUrl
  }

  /** `isDirect` is around the line to the bucket, where what is measured is not the line. */
  static async make(bucketUrl: string, isDirect: boolean): Promise<LoopbackWays> {
    const ports = { client: await freePort(), peer: await freePort() }
    const bucket = await BucketLine.start(bucketUrl)
    const peers = await PeerLine.start(ports.peer)
    return new LoopbackWays({ bucket, peers }, ports, isDirect ? bucketUrl : bucket.url)
  }

  get peerUrl(): string {
    return `http://127.0.0.1:${this.peers.port}`
  }

  /** Nothing passes between it and the bucket and the others. */
  isolate(isIsolated: boolean): void {
    this.bucket.fault = isIsolated ? 'silent' : 'none'
    this.peers.isSilent = isIsolated
  }

  close(): void {
    this.isolate(false)
    this.bucket.close()
    this.peers.close()
  }
}
