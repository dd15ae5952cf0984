import { Histogram } from './histogram.ts'

/** What watchers were sent, and how long that took. */
export class WatchMetrics {
  events = 0
  #responses = 0
  readonly responseSeconds = new Histogram(
    'etcd_debugging_server_watch_send_loop_watch_stream_duration_seconds',
  )
  readonly eventSeconds = new Histogram(
    'etcd_debugging_server_watch_send_loop_watch_stream_duration_per_event_seconds',
  )
  readonly controlSeconds = new Histogram(
    'etcd_debugging_server_watch_send_loop_control_stream_duration_seconds',
  )
  readonly progressSeconds = new Histogram(
    'etcd_debugging_server_watch_send_loop_progress_duration_seconds',
  )

  /** A response with so many events goes to one watcher. */
  sent(events: number): void {
    this.events += events
    if (events > 0) {
      this.#responses++
    }
  }

  /**
   * Measures what `send` sends to all watchers. The clock is read twice for all of them, so that each
   * response is observed with the mean.
   */
  measure(send: () => void): void {
    const { events } = this
    const responses = this.#responses
    const start = performance.now()
    send()
    const count = this.#responses - responses
    if (count > 0) {
      const seconds = (performance.now() - start) / 1000
      this.responseSeconds.observe(seconds / count, count)
      this.eventSeconds.observe(seconds / (this.events - events), count)
    }
  }
}
