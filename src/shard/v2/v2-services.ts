import { memberList } from '../../cluster/cluster-service.ts'
import type { Member } from '../../protocol/generated/messages.ts'
import { goDurationText } from '../../protocol/go-duration.ts'
import { goJsonText } from '../../protocol/go-json-text.ts'
import { goTimeText } from '../../protocol/go-time.ts'
import { RpcStatus, statusOf } from '../../protocol/status.ts'
import type { V2MembersCall, V2Served, V2StatsCall } from '../../protocol/v2-service-call.ts'
import { countLooks, isRemovedMember, recordMember, recordRemoval } from '../../v2/member-nodes.ts'
import type { CommitQueue } from '../commit.ts'
import type { Keyspace } from '../keyspace.ts'
import type { V2Access } from './v2-access.ts'

/** Statistics and members of the v2 API. */
export class V2Services {
  readonly #keyspace: Keyspace
  readonly #commits: CommitQueue
  readonly #access: V2Access
  readonly #startedMs = Date.now()

  constructor(keyspace: Keyspace, commits: CommitQueue, access: V2Access) {
    this.#keyspace = keyspace
    this.#commits = commits
    this.#access = access
  }

  stats({ of }: V2StatsCall): V2Served {
    return { status: 200, body: this.#statsJson(of), clusterId: undefined }
  }

  #statsJson(of: V2StatsCall['of']): string {
    const { v2, identity, settings } = this.#keyspace
    const id = idText(identity.memberId)
    switch (of) {
      case 'store':
        return JSON.stringify({ ...v2.stats, watchers: v2.hub.count })
      case 'leader':
        return `{"leader":"${id}","followers":{}}`
      case 'self': {
        const uptime = goDurationText(Date.now() - this.#startedMs)
        const startTime = goTimeText(this.#startedMs)
        return JSON.stringify({
          name: settings.name,
          id,
          state: 'StateLeader',
          startTime,
          leaderInfo: { leader: id, uptime, startTime },
          recvAppendRequestCnt: 0,
          sendAppendRequestCnt: 0,
        })
      }
    }
  }

  async members(call: V2MembersCall): Promise<V2Served> {
    const { asked, credentials } = call
    const isRead =
      asked.do === 'list' || asked.do === 'leader' || (asked.do === 'unfit' && asked.isRead)
    if (!isRead) {
      await this.#access.requireRoot(credentials)
    }
    const { identity, members, v2 } = this.#keyspace
    switch (asked.do) {
      case 'unfit':
        return asked.status === 405
          ? { ...this.#served(405), body: `${asked.message}\n` }
          : this.#refused(asked.status, asked.message)
      case 'list':
        return this.#served(200, `{"members":[${this.#list(call).map(memberJson).join(',')}]}\n`)
      case 'leader': {
        const own = this.#list(call).filter(({ ID }) => ID === identity.memberId)
        return this.#served(200, `${own.map(memberJson).join('')}\n`)
      }
      case 'add':
        return this.#changed(0n, (now) => {
          const { id, peerURLs } = members.add(asked.peerUrls, false)
          recordMember(v2, { id, peerURLs }, now)
          const added = { ID: id, name: '', peerURLs, clientURLs: [], isLearner: false }
          return this.#served(201, `${memberJson(added)}\n`)
        })
      case 'update':
        if (isRemovedMember(v2, asked.id)) {
          return this.#refused(500, 'Internal Server Error')
        }
        return this.#changed(asked.id, (now) => {
          const { id } = asked
          const peerURLs = asked.peerUrls.toSorted()
          members.update(id, peerURLs)
          recordMember(v2, { id, peerURLs }, now)
          return this.#served(204)
        })
      case 'remove':
        if (isRemovedMember(v2, asked.id)) {
          return this.#refused(410, `Member permanently removed: ${idText(asked.id)}`)
        }
        return this.#changed(asked.id, (now) => {
          members.remove(asked.id)
          recordRemoval(v2, asked.id, now)
          return this.#served(204)
        })
    }
  }

  /** Changes the members, and says what etcd says where that cannot be. */
  async #changed(id: bigint, change: (now: number) => V2Served): Promise<V2Served> {
    try {
      return await this.#commits.submit((now) => {
        countLooks(this.#keyspace.v2)
        return change(now)
      })
    } catch (error) {
      if (!(error instanceof RpcStatus)) {
        throw error
      }
      switch (error.message) {
        case statusOf('peer-url-exists').message:
          return this.#refused(409, 'membership: peerURL exists')
        case statusOf('member-not-found').message:
          return this.#refused(404, `No such member: ${idText(id)}`)
        default:
          return this.#refused(500, 'Internal Server Error')
      }
    }
  }

  #refused(status: number, message: string): V2Served {
    return this.#served(status, `{"message":${goJsonText(message)}}`)
  }

  #served(status: number, body = ''): V2Served {
    return { status, body, clusterId: this.#keyspace.identity.clusterId }
  }

  #list({ origin, prefix }: Pick<V2MembersCall, 'origin' | 'prefix'>): readonly Member[] {
    return memberList(this.#keyspace, origin).members.map((member) => ({
      ...member,
      clientURLs: member.clientURLs.map((url) => url + prefix),
    }))
  }
}

/** As types.ID prints it. */
function idText(id: bigint): string {
  return id.toString(16)
}

function memberJson({ ID, name, peerURLs, clientURLs }: Member): string {
  const lists = [peerURLs, clientURLs].map((urls) => `[${urls.map(goJsonText).join(',')}]`)
  return `{"id":"${idText(ID)}","name":${goJsonText(name)},"peerURLs":${lists[0]},"clientURLs":${lists[1]}}`
}
