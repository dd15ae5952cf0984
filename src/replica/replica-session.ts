import { type Authority, hibernates } from '../door/door.ts'
import { REPLICA_HEADER } from '../protocol/replica-header.ts'
import { type CallContext, CONTEXT_HEADER } from '../protocol/shard-rpc.ts'
import { V2_WATCH_HEADER } from '../protocol/v2-call.ts'
import { refusal } from '../shard/reply.ts'
import { stayFor } from '../shard/staying-socket.ts'
import type { LeaderClient } from './leader-client.ts'
import type { PassedSessions } from './passed-sessions.ts'
import type { ReplicaServer } from './replica-server.ts'

/** Who may have a session. */
interface SessionParts {
  readonly ctx: DurableObjectState
  readonly leader: LeaderClient
  /** Undefined while the replica is not whole. */
  readonly server: ReplicaServer | undefined
  readonly passed: PassedSessions
}

/** Opens the socket of a session: here, or at the leader, who answers whom is not known here. */
export async function openSession(
  request: Request,
  { ctx, leader, server, passed }: SessionParts,
): Promise<Response> {
  if (request.headers.has(V2_WATCH_HEADER)) {
    return leader.stub.fetch(request)
  }
  if (server === undefined) {
    return passed.open(request, leader)
  }
  const context = JSON.parse(request.headers.get(CONTEXT_HEADER) ?? '{}') as CallContext
  let authority: Authority
  try {
    await server.ready()
    authority = server.door.authorityOf(context)
  } catch (error) {
    // What lets them in may not have come here yet.
    return leader.stub.fetch(request).catch(() => Response.json(refusal(error)))
  }
  const { 0: client, 1: own } = new WebSocketPair()
  if (hibernates(authority)) {
    ctx.acceptWebSocket(own)
  } else {
    stayFor(own, {
      message: (message) => void server.receive(own, message),
      close: () => {
        server.close(own)
        sayGoodbye(own)
      },
      error: () => server.close(own),
    })
  }
  await server.accept(own, authority)
  const headers = { [REPLICA_HEADER]: server.answeredBy().region }
  return new Response(null, { status: 101, webSocket: client, headers })
}

/** workerd keeps the connection until this side has said goodbye as well. */
export function sayGoodbye(socket: WebSocket): void {
  if (socket.readyState !== WebSocket.CLOSED) {
    socket.close(1000)
  }
}
