import { DIRECTORY_NAME } from '../directory/directory-rpc.ts'
import { type LeaderAddress, leaderStub } from '../protocol/object-address.ts'
import type { FeedRpc } from '../protocol/replica-rpc.ts'
import type { ShardRpc } from '../protocol/shard-rpc.ts'
import type { CopyRpc } from '../shard/copy-source.ts'

/** What a replica asks its leader. */
type LeaderStub = FeedRpc & CopyRpc & ShardRpc & Pick<DurableObjectStub, 'fetch'>

/** The way to who leads, as far as is known. */
export class LeaderClient {
  readonly #env: Env
  address: LeaderAddress

  constructor(env: Env, address: LeaderAddress) {
    this.#env = env
    this.address = address
  }

  /** A stub that has thrown is of no use any more, so each call takes a new one. */
  get stub(): LeaderStub {
    // The types of a stub wrap answers, and make a list of each tuple.
    return leaderStub(this.#env, this.address) as unknown as LeaderStub
  }

  /** Asks the directory who leads. Answers whether that is another one than was known. */
  async find(): Promise<boolean> {
    const { name, leader } = this.address
    const found = await this.#env.DIRECTORY.getByName(DIRECTORY_NAME).find(name)
    if (found === undefined || found.leader === leader) {
      return false
    }
    this.address = { ...this.address, leader: found.leader }
    return true
  }
}
