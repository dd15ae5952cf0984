// Random requests to the Cluster and Maintenance services, such as a real etcd survives.
import type { Memory } from './compared-histories.ts'
import type { JsonObject } from './http.ts'
import { flag, revisionField } from './random-messages.ts'
import type { Message } from './random-request.ts'
import type { Random } from './random.ts'

/** Stand for ids that each server chooses for itself: its own, and that of the last learner. */
export const ownMember = '770001'
export const lastLearner = '770002'

const weights = {
  alarm: 12,
  status: 4,
  defragment: 1,
  hash: 2,
  hashKv: 4,
  moveLeader: 3,
  downgrade: 4,
  memberAdd: 4,
  memberRemove: 4,
  memberUpdate: 3,
  memberPromote: 3,
  memberList: 4,
} as const

export function randomClusterMessage(random: Random, memory: Memory): Message {
  switch (random.weighted(weights)) {
    case 'alarm':
      return maintenance('alarm', randomAlarm(random))
    case 'status':
      return maintenance('status', {})
    case 'defragment':
      return maintenance('defragment', {})
    case 'hash':
      return maintenance('hash', {})
    case 'hashKv':
      return maintenance('hashkv', revisionField(random, memory))
    case 'moveLeader':
      return maintenance('transfer-leadership', { targetID: randomMember(random) })
    case 'downgrade':
      return maintenance('downgrade', randomDowngrade(random))
    case 'memberAdd':
      return member('add', { peerURLs: peerUrls(random, memory), isLearner: true })
    case 'memberRemove':
      return member('remove', { ID: random.pick([lastLearner, lastLearner, '12345']) })
    case 'memberUpdate':
      return member('update', { ID: randomMember(random), peerURLs: peerUrls(random, memory) })
    case 'memberPromote':
      return member('promote', { ID: randomMember(random) })
    case 'memberList':
      return member('list', flag(random, 'linearizable', 0.5))
  }
}

function maintenance(path: string, message: JsonObject): Message {
  return { path: `/v3/maintenance/${path}`, message }
}

function member(path: string, message: JsonObject): Message {
  return { path: `/v3/cluster/member/${path}`, message }
}

/** Two members with an alarm would be told in any order, and an unknown action ends etcd. */
function randomAlarm(random: Random): JsonObject {
  const action = random.weighted({ GET: 4, ACTIVATE: 2, DEACTIVATE: 8 })
  const memberID = action === 'ACTIVATE' || random.chance(0.9) ? ownMember : randomMember(random)
  return { action, memberID, alarm: random.pick(['NONE', 'NOSPACE', 'CORRUPT']) }
}

function randomMember(random: Random): string {
  return random.pick([ownMember, ownMember, lastLearner, '0', '12345'])
}

/** What is enabled would have etcd go down to another version in the middle of the history. */
function randomDowngrade(random: Random): JsonObject {
  const action = random.pick(['VALIDATE', 'ENABLE', 'CANCEL'])
  const wrong = [
    '',
    '3',
    '3.7',
    '3.7.0',
    '3.5.0',
    '3.8.0',
    '2.6.0',
    '4.0.0',
    'x',
    '3.0x6.0',
    '-1.2.3',
  ]
  const right = ['3.6.0', '3.6', '3.06.0', '3.6.99']
  const version = random.pick(action === 'ENABLE' ? wrong : [...wrong, ...right])
  return { action, version }
}

/**
 * etcd may be told to dial what is no address of a peer and then ends, so all of them are addresses.
 * Mostly new ones: it makes ids of them and of the second, and does not take one twice.
 */
function peerUrls(random: Random, { peerUrl }: Memory): readonly string[] {
  const fresh = `http://127.0.0.1:${random.integer(1, 65_535)}`
  return peerUrl !== undefined && random.chance(0.3)
    ? random.pick([
        [fresh, peerUrl],
        [peerUrl, fresh],
      ])
    : [fresh]
}
