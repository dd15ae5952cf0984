import { DIRECTORY_NAME, type DirectoryRpc } from '../directory/directory-rpc.ts'
import { isRefused, type Refused } from '../protocol/shard-rpc.ts'
import { RpcStatus } from '../protocol/status.ts'
import { READ_RETRIES_MAX, retrying } from './platform-failure.ts'

/**
 * The directory as its callers in the gateway see it: refusals and the platform's failures are thrown
 * as RpcStatus, and reads that the platform lost are tried again.
 */
export class DirectoryClient {
  readonly #namespace: Env['DIRECTORY']

  constructor({ DIRECTORY }: Env) {
    this.#namespace = DIRECTORY
  }

  read<T>(ask: (directory: DirectoryRpc) => Promise<T>): Promise<Exclude<T, Refused>> {
    return this.#ask(READ_RETRIES_MAX, ask)
  }

  write<T>(ask: (directory: DirectoryRpc) => Promise<T>): Promise<Exclude<T, Refused>> {
    return this.#ask(0, ask)
  }

  async #ask<T>(
    retries: number,
    ask: (directory: DirectoryRpc) => Promise<T>,
  ): Promise<Exclude<T, Refused>> {
    const answer = await retrying(retries, () => ask(this.#namespace.getByName(DIRECTORY_NAME)))
    if (isRefused(answer)) {
      throw new RpcStatus(answer.refused.code, answer.refused.message)
    }
    return answer as Exclude<T, Refused>
  }
}
