// What the contract suite asks: the same Worker on the host and in workerd.
import { DurableObject } from 'cloudflare:workers'
import { rang } from './alarm-probes.ts'
import { probes } from './probes.ts'
import { messageOf, wordOf } from './sockets.ts'
import { callerProbes } from './stub-probes.ts'
import { errorOf, type Subject, type SubjectEnv } from './words.ts'

class ContractSubject extends DurableObject<SubjectEnv> implements Subject {
  readonly born = crypto.randomUUID()
  readonly state = this.ctx
  readonly bound = this.env
  readonly notes: string[] = []

  constructor(ctx: DurableObjectState, env: SubjectEnv) {
    super(ctx, env)
    if (ctx.id.name?.startsWith('blocked-from-birth') === true) {
      void ctx.blockConcurrencyWhile(async () => {
        await scheduler.wait(300)
        this.notes.push('born')
      })
    }
    if (ctx.id.name?.startsWith('stillborn') === true) {
      throw new RangeError('stillborn')
    }
    if (ctx.id.name?.startsWith('fails-at-birth') === true) {
      void ctx.blockConcurrencyWhile(async () => {
        await scheduler.wait(50)
        throw new Error('failed at birth')
      })
    }
  }

  async probe(name: string, args: string): Promise<string> {
    const run = probes[name]
    if (run === undefined) {
      throw new Error(`no probe ${name}`)
    }
    return JSON.stringify((await run(this, JSON.parse(args) as never)) ?? null)
  }

  change(value: { list: number[]; bytes: Uint8Array }): { list: number[]; bytes: Uint8Array } {
    value.list.push(4)
    value.bytes[0] = 99
    return value
  }

  note(word: string): number {
    return this.notes.push(word)
  }

  fail(kind: string): never {
    throw errorOf(kind)
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    if (request.headers.get('Upgrade') === 'websocket') {
      return wordOf(this, searchParams)
    }
    const name = pathname.split('/').at(-1) ?? ''
    return new Response(await this.probe(name, await request.text()), {
      headers: { 'X-Subject': this.born },
    })
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    await rang(this, info)
  }

  override webSocketMessage(socket: WebSocket, data: string | ArrayBuffer): Promise<void> {
    return messageOf(this, socket, data)
  }

  override webSocketClose(socket: WebSocket, code: number, reason: string, clean: boolean): void {
    this.notes.push(`close ${code} ${reason} ${clean}`)
    if (code === 1005) {
      socket.close()
    } else if (code !== 1006) {
      socket.close(code, reason)
    }
  }
}

/** A namespace of its own, whose methods are all inherited. */
export class Other extends ContractSubject {}

export { ContractSubject as Subject }

/**
 * `POST /rpc/OBJECT/PROBE` by a method call, `/fetch/OBJECT/PROBE` by the object's own fetch, and
 * `/caller/OBJECT/PROBE` in the Worker that calls.
 */
export default {
  async fetch(request: Request, env: SubjectEnv): Promise<Response> {
    const [, way = '', object = '', probe = ''] = new URL(request.url).pathname.split('/')
    const stub = env.SUBJECT.getByName(object)
    if (way === 'fetch') {
      return stub.fetch(request)
    }
    try {
      const args = await request.text()
      const run = callerProbes[probe]
      const answer =
        way === 'caller' && run !== undefined
          ? JSON.stringify((await run(env, object, JSON.parse(args) as never)) ?? null)
          : await stub.probe(probe, args)
      return new Response(answer)
    } catch (error) {
      const { name, message } = error as Error
      const { durableObjectReset, retryable, overloaded } = error as Record<string, unknown>
      const marks = { durableObjectReset, retryable, overloaded }
      return Response.json({ name, message, ...marks }, { status: 500 })
    }
  },
}
