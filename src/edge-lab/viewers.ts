import type { Idle, Opening, Tick } from '../lab/told.ts'
import { VIEWER_SECONDS } from './limits.ts'

/** By the name of the event. */
export type Told =
  | { readonly event: 'opening'; readonly data: Opening }
  | { readonly event: 'tick'; readonly data: Tick }
  | { readonly event: 'idle'; readonly data: Idle }

/** A page that reads so slowly is told no more until it has read. */
const UNREAD_MAX = 64

interface Viewer {
  /** Whose it is, as the gateway says. */
  readonly visitor: string
  readonly controller: ReadableStreamDefaultController<Uint8Array>
  heard: number
}

const encoder = new TextEncoder()

/** The pages that look at the lab: each has a stream of events, and says now and then that it is still allowed to. */
export class Viewers {
  readonly #all = new Set<Viewer>()

  get count(): number {
    return this.#all.size
  }

  open(visitor: string, first: readonly Told[]): Response {
    let viewer: Viewer | undefined
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          viewer = { visitor, controller, heard: Date.now() }
          this.#all.add(viewer)
          first.forEach((told) => controller.enqueue(bytesOf(told)))
        },
        cancel: () => {
          if (viewer !== undefined) {
            this.#all.delete(viewer)
          }
        },
      },
      { highWaterMark: UNREAD_MAX },
    )
    return new Response(body, { headers: { 'Content-Type': 'text/event-stream' } })
  }

  /** A page of that visitor is open, and its token was looked at. */
  here(visitor: string): void {
    for (const viewer of this.#all) {
      if (viewer.visitor === visitor) {
        viewer.heard = Date.now()
      }
    }
  }

  tell(told: Told): void {
    const bytes = bytesOf(told)
    for (const { controller } of this.#all) {
      if (told.event !== 'tick' || (controller.desiredSize ?? 0) > 0) {
        controller.enqueue(bytes)
      }
    }
  }

  /** Ends the streams of those that are not heard of any more. */
  sweep(): void {
    for (const viewer of this.#all) {
      if (Date.now() - viewer.heard > VIEWER_SECONDS * 1_000) {
        this.#all.delete(viewer)
        viewer.controller.close()
      }
    }
  }
}

function bytesOf({ event, data }: Told): Uint8Array {
  return encoder.encode(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
}
