import { DurableObject } from 'cloudflare:workers'
import { DEFAULT_KEYSPACE } from '../config/keyspace-name.ts'
import { parseSettings } from '../config/settings.ts'
import type {
  CallAnswer,
  Creation,
  MetricFamily,
  PageCursor,
  ShardCall,
  ShardRpc,
} from '../protocol/shard-rpc.ts'
import { statusOf } from '../protocol/status.ts'
import { nextTurn } from './commit.ts'
import { creationIn, recordCreation, settingsWith } from './creation.ts'
import { Leader } from './leader.ts'
import { durableSql } from './storage.ts'

const notFound = statusOf('keyspace-not-found')
const refused: CallAnswer = { refused: { code: notFound.code, message: notFound.message } }

/** Of a socket whose keyspace is no more. */
const CLOSE_NOT_FOUND = 4404

/**
 * The object of one keyspace's name. Whether there is such a keyspace is written in its own storage,
 * so that it need not ask the directory; where there is none, it answers that and writes nothing.
 */
export class Shard extends DurableObject<Env> implements ShardRpc {
  #leader: Leader | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const creation = creationIn(durableSql(ctx.storage))
    if (creation !== undefined || ctx.id.equals(env.SHARD.idFromName(DEFAULT_KEYSPACE))) {
      void ctx.blockConcurrencyWhile(() => this.#lead(creation))
    }
  }

  async #lead(creation: Creation | undefined): Promise<void> {
    const leader = new Leader(this.ctx, settingsWith(parseSettings(this.env), creation))
    await leader.open()
    this.#leader = leader
  }

  callMany(calls: readonly ShardCall[]): Promise<readonly CallAnswer[]> {
    return this.#leader?.callMany(calls) ?? Promise.resolve(calls.map(() => refused))
  }

  rangeNext(request: Uint8Array, next: PageCursor): Promise<CallAnswer> {
    return Promise.resolve(this.#leader?.rangeNext(request, next) ?? refused)
  }

  metrics(): Promise<readonly MetricFamily[] | undefined> {
    return Promise.resolve(this.#leader?.metrics())
  }

  create(creation: Creation): Promise<void> {
    return this.ctx.blockConcurrencyWhile(async () => {
      const sql = durableSql(this.ctx.storage)
      const made = creationIn(sql)
      if (made !== undefined && made.created !== creation.created) {
        // Left of an earlier keyspace; nothing that this memory knows of it may go on.
        return this.#wipe()
      }
      if (made === undefined) {
        recordCreation(sql, creation)
        await this.#lead(creation)
      }
    })
  }

  async destroy(): Promise<void> {
    if (creationIn(durableSql(this.ctx.storage)) !== undefined) {
      await this.ctx.blockConcurrencyWhile(() => this.#wipe())
    }
  }

  /** Does not return: a memory of what was wiped could write to what is made here later. */
  async #wipe(): Promise<never> {
    const { storage } = this.ctx
    this.#leader?.end()
    this.#leader = undefined
    this.ctx.getWebSockets().forEach((socket) => socket.close(CLOSE_NOT_FOUND, notFound.message))
    await storage.deleteAlarm()
    await storage.deleteAll()
    await storage.sync()
    // What the sockets are told leaves first.
    await nextTurn()
    this.ctx.abort('the keyspace was deleted')
    throw notFound
  }

  /** Opens the socket that gateways and bridges stream over (protocol/frames.ts). */
  override fetch(request: Request): Response {
    if (this.#leader === undefined) {
      return new Response(notFound.message, { status: 404 })
    }
    if (request.headers.get('Upgrade') !== 'websocket') {
      return new Response('a WebSocket is expected here', { status: 426 })
    }
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    this.#leader.accept(server)
    return new Response(null, { status: 101, webSocket: client })
  }

  override async webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): Promise<void> {
    await this.#leader?.receive(socket, message)
  }

  override webSocketClose(socket: WebSocket): void {
    this.#leader?.close(socket)
    // workerd keeps the connection until this side has said goodbye as well.
    if (socket.readyState !== WebSocket.CLOSED) {
      socket.close(1000)
    }
  }

  override webSocketError(socket: WebSocket): void {
    this.#leader?.close(socket)
  }

  override async alarm(): Promise<void> {
    await this.#leader?.alarm()
  }
}
