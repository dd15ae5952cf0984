import { setTimeout as sleep } from 'node:timers/promises'
import { type Command, type Server, startBridge } from './server.ts'

/** Adds a replica of the server's own keyspace, waits until it has all of it, and starts a bridge to it alone. */
export async function bridgeToReplica(server: Server, region: string): Promise<Command> {
  const replicas = `${server.url}/keyspaces/default/replicas`
  await fetch(replicas, { method: 'POST', body: JSON.stringify({ region }) })
  while (!(await isAnsweredBy(server.url, region))) {
    await sleep(20)
  }
  return startBridge({ upstream: server.url, flags: [`--replica=${region}`] })
}

async function isAnsweredBy(url: string, region: string): Promise<boolean> {
  const answer = await fetch(`${url}/keyspaces/default@${region}/v3/kv/range`, {
    method: 'POST',
    body: JSON.stringify({ key: btoa('a'), serializable: true }),
  })
  await answer.text()
  return answer.headers.get('etcdurable-replica') === region
}
