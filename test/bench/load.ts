import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { DownloadResult, DownloadTask } from './download.ts'
import type { FanOutResult, FanOutTask } from './fan-out.ts'
import type { UnaryResult, UnaryTask } from './unary-load.ts'

export type Task = UnaryTask | FanOutTask | DownloadTask

type ResultOf<T extends Task> = T extends UnaryTask
  ? UnaryResult
  : T extends FanOutTask
    ? FanOutResult
    : DownloadResult

/** Runs a task in a thread of its own, so that nothing here delays a client of it. */
export async function runLoad<T extends Task>(task: T): Promise<ResultOf<T>> {
  const worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: task })
  const [result] = (await once(worker, 'message')) as [ResultOf<T>]
  await worker.terminate()
  return result
}
