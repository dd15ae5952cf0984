import { expect, it } from 'vitest'
import type { ClusterNode } from './cluster-node.ts'
import type { Cluster } from './cluster.ts'
import { withCluster } from './scenario.ts'

interface Status {
  readonly header: { readonly member_id: string }
  readonly leader: string
  readonly version: string
  readonly dbSize: string
}

interface Member {
  readonly ID: string
  readonly name: string
  readonly peerURLs: readonly string[]
  readonly clientURLs: readonly string[]
}

async function ask<T>(node: ClusterNode, path: string, body: object = {}): Promise<T> {
  const init = { method: 'POST', body: JSON.stringify(body) }
  const response = await fetch(`${node.url}/v3/${path}`, init)
  return (await response.json()) as T
}

function statuses(cluster: Cluster): Promise<readonly Status[]> {
  return Promise.all(cluster.nodes.map((node) => ask<Status>(node, 'maintenance/status')))
}

async function members(node: ClusterNode): Promise<readonly Member[]> {
  return (await ask<{ members: readonly Member[] }>(node, 'cluster/member/list')).members
}

it.concurrent(
  '[CLU11] [CLU12] each node is a member by its own id and URLs, and the keyspace moves to the one that is named',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      const listed = await members(cluster.nodes[0] as ClusterNode)
      expect(listed.map(({ name }) => name).toSorted()).toEqual(['node-0', 'node-1', 'node-2'])
      const before = await statuses(cluster)
      for (const [place, node] of cluster.nodes.entries()) {
        const member = listed.find(({ name }) => name === node.name)
        expect(member?.clientURLs).toEqual([node.url])
        expect(member?.peerURLs).toEqual([`http://127.0.0.1:${node.ways.peers.port}`])
        expect(before[place]?.header.member_id).toBe(member?.ID)
      }
      const owner = await cluster.owner()
      const leader = listed.find(({ name }) => name === owner.name)?.ID ?? ''
      expect(before.map((status) => status.leader)).toEqual([leader, leader, leader])

      const [target] = await cluster.others()
      const targetID = listed.find(({ name }) => name === target?.name)?.ID
      await ask(owner, 'kv/put', { key: 'YQ==', value: 'Yg==' })
      const path = 'maintenance/transfer-leadership'
      expect(await ask(target as ClusterNode, path, { targetID })).toMatchObject({
        message: 'etcdserver: not leader',
      })
      expect(await ask(owner, path, { targetID: '5' })).toMatchObject({
        message: 'etcdserver: bad leader transferee',
      })
      expect(await ask(owner, path, { targetID })).toEqual({})
      await ctx.expect
        .poll(async () => (await statuses(cluster)).map((status) => status.leader), {
          timeout: 20_000,
        })
        .toEqual([targetID, targetID, targetID])
      expect(await cluster.owner()).toBe(target)
      const kept = await ask<{ kvs: readonly { value: string }[] }>(owner, 'kv/range', {
        key: 'YQ==',
      })
      expect(kept.kvs.map(({ value }) => value)).toEqual(['Yg=='])
    }),
  120_000,
)

it.concurrent(
  '[CLU9] [CLU15] a node that is removed ends with the line that says so, and does not start again',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      const [node] = await cluster.others()
      const owner = await cluster.owner()
      const listed = await members(owner)
      const id = listed.find(({ name }) => name === node?.name)?.ID
      const left = await ask<{ members: readonly Member[] }>(owner, 'cluster/member/remove', {
        ID: id,
      })
      expect(left.members.map(({ ID }) => ID)).not.toContain(id)
      const line = 'the member has been permanently removed from the cluster'
      await ctx.expect.poll(() => node?.log(), { timeout: 20_000 }).toContain(line)
      await node?.kill9()
      await ctx.expect(node?.start()).rejects.toThrow(line)
      expect(await members(owner)).toHaveLength(2)
    }),
  120_000,
)

it.concurrent(
  '[CLU16] [CLU17] [CLU18] a node without its keyspace lives and is not ready, until another one takes over and leases begin anew',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      const owner = await cluster.owner()
      const [node] = (await cluster.others()) as [ClusterNode]
      const { ID } = await ask<{ ID: string }>(node, 'lease/grant', { TTL: 15 })
      const term = async (): Promise<number> => {
        const { header } = await ask<{ header: { raft_term: string } }>(node, 'maintenance/status')
        return Number(header.raft_term)
      }
      const before = await term()
      const status = async (path: string): Promise<number> => {
        const response = await fetch(node.url + path)
        await response.text()
        return response.status
      }
      expect([await status('/livez'), await status('/readyz')]).toEqual([200, 200])
      const watch = await fetch(`${node.url}/v3/watch`, {
        method: 'POST',
        body: JSON.stringify({ create_request: { key: 'YQ==' } }),
      })
      const watched = watch.text()
      owner.ways.isolate(true)
      expect([await status('/livez'), await status('/readyz')]).toEqual([200, 503])
      await ctx.expect.poll(() => status('/readyz'), { timeout: 60_000 }).toBe(200)
      ctx.expect(await watched).toContain('etcdserver: leader changed')
      const left = await ask<{ TTL: string }>(node, 'lease/timetolive', { ID })
      // It was over 20 s ago, had nobody looked after it.
      expect(Number(left.TTL)).toBeGreaterThan(0)
      expect(await term()).toBe(before + 1)
    }),
  120_000,
)

it.concurrent(
  '[CLU19] a workerd whose node was killed hands over what it has, and ends',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      const owner = await cluster.owner()
      const [node] = (await cluster.others()) as [ClusterNode]
      const { workerdPid } = owner
      process.kill(owner.pid, 'SIGKILL')
      await ctx.expect.poll(() => isRunning(workerdPid), { timeout: 30_000 }).toBe(false)
      const put = async (): Promise<object> => ask(node, 'kv/put', { key: 'YQ==', value: 'Yg==' })
      await ctx.expect.poll(put, { timeout: 30_000 }).toHaveProperty('header')
      ctx.expect(await cluster.owner()).not.toBe(owner)
    }),
  120_000,
)

it.concurrent(
  '[CLU20] a node whose bucket does not answer at once joins without a supervisor, and one that never does ends with what workerd said',
  (ctx) =>
    withCluster(ctx, async (cluster) => {
      const [node] = (await cluster.others()) as [ClusterNode]
      await node.stop()
      node.ways.bucket.unheard = { path: /nodes\/\w+\.json/, count: 2 }
      await node.start()
      const again = /joining the cluster: bucket: PUT .*; it is started again/g
      expect(node.log().match(again)).toHaveLength(2)
      await node.stop()
      node.ways.bucket.unheard = { path: /nodes/, count: Infinity }
      await expect(node.start()).rejects.toThrow(/"fatal".*joining the cluster: bucket: PUT/)
    }),
  120_000,
)

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
