import { makeLeaf, type Pem, writePem } from '../../../port/certificates.ts'
import type { Machine } from './network.ts'
import type { Ways } from './ways.ts'

/** The node has a machine of its own, etcd's own ports there, and https peer URLs. */
export class NetworkWays implements Ways {
  readonly place: Machine
  readonly clientPort = 2379
  readonly listenPeerUrl: string
  readonly bucketUrl: string
  readonly flags: readonly string[]

  private constructor(place: Machine, bucketUrl: string, flags: readonly string[]) {
    this.place = place
    this.listenPeerUrl = `https://${place.host}:2380`
    this.bucketUrl = bucketUrl
    this.flags = flags
  }

  /** With a certificate of that authority. Files go to a folder that is there. */
  static async make(
    machine: Machine,
    bucketUrl: string,
    authority: Pem,
    folder: string,
  ): Promise<NetworkWays> {
    const { name, host: address } = machine
    const ca = await writePem(folder, `${name}-ca`, authority)
    const own = await writePem(folder, name, await makeLeaf(authority, { name, address }))
    return new NetworkWays(machine, bucketUrl, [
      `--peer-trusted-ca-file=${ca.certFile}`,
      `--peer-cert-file=${own.certFile}`,
      `--peer-key-file=${own.keyFile}`,
      '--peer-client-cert-auth',
      // Clients have no certificates: whoever is in the network is on this machine.
      '--allow-insecure',
    ])
  }

  get peerUrl(): string {
    return this.listenPeerUrl
  }

  close(): void {
    // The network ends after all that are in it.
  }
}
