import { afterAll, beforeAll } from 'vitest'
import { type Etcd, startEtcd } from '../oracle/etcd.ts'
import { ScriptedUpstream } from './scripted-upstream.ts'
import { serve, type Served } from './served.ts'

interface Pair {
  readonly served: Served
  /** Undefined where none is installed. */
  readonly etcd: Etcd | undefined
}

/** For the tests of a file: a server of ours, and a real etcd. Answers what answers them once they run. */
export function servedBesideEtcd(): () => Pair {
  let pair: Pair | undefined
  beforeAll(async () => {
    pair = { served: await serve(new ScriptedUpstream()), etcd: await startEtcd() }
  })
  afterAll(async () => {
    await pair?.served.stop()
    await pair?.etcd?.stop()
  })
  return () => {
    if (pair === undefined) {
      throw new Error('no test has begun')
    }
    return pair
  }
}
