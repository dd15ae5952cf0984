import { DurableObject } from 'cloudflare:workers'
import { LAB_PREFIX } from '../config/lab-keyspace.ts'
import { isRegion, regions } from '../config/region.ts'
import { LAB_VISITOR_HEADER } from '../gateway/lab.ts'
import { places } from '../lab/places.ts'
import type { Idle } from '../lab/told.ts'
import { RUN_MINUTES, UNSEEN_SECONDS } from './limits.ts'
import { OwnGateway } from './own-gateway.ts'
import { Run } from './run.ts'
import { Viewers } from './viewers.ts'
import { TERMS } from './words.ts'

const CREATE = 'CREATE TABLE IF NOT EXISTS made (keyspace TEXT PRIMARY KEY) WITHOUT ROWID'
const INSERT = 'INSERT INTO made (keyspace) VALUES (?)'
const SELECT = 'SELECT keyspace FROM made'
const DELETE = 'DELETE FROM made WHERE keyspace = ?'

const CHOSEN = ['weur', 'enam', 'apac', 'sam', 'oc', 'afr'] as const
/** When a keyspace is tried again that could not be deleted. */
const AGAIN_MS = 60_000

/** The deployment's lab. One runs at a time; keyspaces that it has made are written down until they are deleted. */
export class EdgeLab extends DurableObject<Env> {
  readonly #viewers = new Viewers()
  #run: Run | undefined
  /** When a page was there last. */
  #seen = 0

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    ctx.storage.sql.exec(CREATE)
  }

  /** What the gateway passes on, of administrators. */
  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url)
    const visitor = request.headers.get(LAB_VISITOR_HEADER) ?? ''
    this.#seen = Date.now()
    switch (`${request.method} ${pathname}`) {
      case 'GET /lab/events':
        return this.#viewers.open(visitor, [
          this.#run === undefined
            ? { event: 'idle', data: idle('') }
            : { event: 'opening', data: this.#run.opening },
        ])
      case 'GET /lab/samples.csv':
        return new Response(this.#run?.csv() ?? '', { headers: { 'Content-Type': 'text/csv' } })
      case 'POST /lab/here':
        this.#viewers.here(visitor)
        return new Response('')
      case 'POST /lab/start':
        return this.#start(await request.text())
      case 'POST /lab/end':
        await this.#end('It was ended.')
        return new Response('')
      case 'POST /lab/experiment':
      case 'POST /lab/write':
      case 'POST /lab/crash-leader':
        return this.#act(pathname, await request.text())
      default:
        return new Response('not found\n', { status: 404 })
    }
  }

  async #act(path: string, body: string): Promise<Response> {
    const lab = this.#run?.lab
    if (lab === undefined) {
      return new Response('no lab runs\n', { status: 409 })
    }
    if (path === '/lab/experiment') {
      lab.change(body)
      return new Response(lab.experiment)
    }
    if (path === '/lab/write') {
      return new Response(String(await lab.write(body)))
    }
    lab.crashLeader()
    return new Response('')
  }

  /** The alarm deletes the keyspace also where this object has forgotten it. */
  async #start(text: string): Promise<Response> {
    const names = [...new Set(text.split(','))].filter((name) => isRegion(name))
    if (names.length < 2) {
      return new Response('a lab has two regions or more\n', { status: 400 })
    }
    if (this.#run !== undefined) {
      return new Response('a lab runs already\n', { status: 409 })
    }
    const keyspace = `${LAB_PREFIX}${crypto.randomUUID().slice(0, 8)}`
    const endsAt = Date.now() + RUN_MINUTES * 60_000
    this.ctx.storage.sql.exec(INSERT, keyspace)
    await this.ctx.storage.setAlarm(endsAt)
    const run: Run = new Run(this.env, {
      keyspace,
      regions: names,
      endsAt,
      told: (tick) => {
        this.#viewers.tell({ event: 'tick', data: tick })
        this.#look()
      },
      failed: (problem) => void this.#end(`It could not begin: ${problem}`),
    })
    this.#run = run
    this.#viewers.tell({ event: 'opening', data: run.opening })
    return new Response(keyspace)
  }

  /** Whether anybody still looks. */
  #look(): void {
    this.#viewers.sweep()
    const now = Date.now()
    if (this.#viewers.count > 0) {
      this.#seen = now
    }
    if (this.#run !== undefined && now >= this.#run.options.endsAt) {
      void this.#end(`Its ${RUN_MINUTES} minutes were over.`)
    } else if (now - this.#seen > UNSEEN_SECONDS * 1_000) {
      void this.#end('Nobody has looked at it any more.')
    }
  }

  async #end(why: string): Promise<void> {
    const run = this.#run
    this.#run = undefined
    if (run !== undefined) {
      run.end()
      this.#viewers.tell({ event: 'idle', data: idle(why) })
    }
    await this.#deleteMade()
  }

  /** Rejects where one could not be deleted: the alarm tries it again. */
  async #deleteMade(): Promise<void> {
    const { sql } = this.ctx.storage
    const gateway = new OwnGateway(this.env)
    await this.ctx.storage.setAlarm(Date.now() + AGAIN_MS)
    for (const { keyspace } of sql.exec<{ keyspace: string }>(SELECT).toArray()) {
      const answer = await gateway.fetch(`/keyspaces/${keyspace}`, { method: 'DELETE' })
      await answer.text()
      if (answer.ok || answer.status === 404) {
        sql.exec(DELETE, keyspace)
      }
    }
    if (this.#run === undefined && sql.exec(SELECT).toArray().length === 0) {
      await this.ctx.storage.deleteAlarm()
    }
  }

  /** A run ends by itself, but for one that this object has forgotten. */
  override async alarm(): Promise<void> {
    await this.#end(`Its ${RUN_MINUTES} minutes were over.`)
  }
}

function idle(ended: string): Idle {
  const others = regions.filter((name) => !CHOSEN.some((one) => one === name))
  return {
    regions: [...CHOSEN, ...others].map((name) => ({ name, title: places[name].title })),
    chosen: CHOSEN,
    terms: TERMS,
    ended,
  }
}
