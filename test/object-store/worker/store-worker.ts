// A Worker that does what it is asked with the store that its deployment has.
import { answerForStore } from '../../../src/object-store/object-answer.ts'
import { objectStoreOf } from '../../../src/object-store/object-store-of.ts'

export { Directory } from '../../../src/directory/directory.ts'
export { Replica } from '../../../src/replica/replica.ts'
export { Shard } from '../../../src/shard/shard.ts'

export default {
  fetch: async (request, env): Promise<Response> => {
    const store = objectStoreOf(env)
    return store === undefined
      ? new Response('there is no store', { status: 404 })
      : answerForStore(store, request)
  },
} satisfies ExportedHandler<Env>
