import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { DownloadResult, DownloadTask } from './download.ts'
import type { FanOutResult, FanOutTask } from './fan-out.ts'
import type { GrpcDownloadResult, GrpcDownloadTask } from './grpc-download.ts'
import type { GrpcCycleTask, GrpcTask } from './grpc-load.ts'
import type { GrpcWatchResult, GrpcWatchTask } from './grpc-watch.ts'
import type { KubernetesResult, KubernetesTask } from './kubernetes-load.ts'
import type { UnaryResult } from './measured-window.ts'
import type { OneRequestResult, OneRequestTask } from './one-request.ts'
import type { ReadLoopResult, ReadLoopTask } from './read-loop.ts'
import type { SnapshotDownloadResult, SnapshotDownloadTask } from './snapshot-download.ts'
import type { TxnTask } from './txn-load.ts'
import type { UnaryTask } from './unary-load.ts'
import type { WholeReadersResult, WholeReadersTask } from './whole-readers.ts'
import type { WorstPutResult, WorstPutTask } from './worst-put.ts'

interface Results {
  'unary': UnaryResult
  'fan-out': FanOutResult
  'download': DownloadResult
  'grpc': UnaryResult
  'grpc-cycle': UnaryResult
  'grpc-txn': UnaryResult
  'kubernetes': KubernetesResult
  'grpc-watch': GrpcWatchResult
  'grpc-download': GrpcDownloadResult
  'snapshot-download': SnapshotDownloadResult
  'one-request': OneRequestResult
  'worst-put': WorstPutResult
  'read-loop': ReadLoopResult
  'whole-readers': WholeReadersResult
}

export type Task =
  | UnaryTask
  | FanOutTask
  | DownloadTask
  | GrpcTask
  | GrpcCycleTask
  | TxnTask
  | KubernetesTask
  | GrpcWatchTask
  | GrpcDownloadTask
  | SnapshotDownloadTask
  | OneRequestTask
  | WorstPutTask
  | ReadLoopTask
  | WholeReadersTask

/** Runs a task in a thread of its own, so that nothing here delays a client of it. */
export async function runLoad<T extends Task>(task: T): Promise<Results[T['kind']]> {
  const worker = new Worker(new URL('./load-worker.ts', import.meta.url), { workerData: task })
  const [result] = (await once(worker, 'message')) as [Results[T['kind']]]
  await worker.terminate()
  return result
}
