import { parentPort, workerData } from 'node:worker_threads'
import { download } from './download.ts'
import { fanOut } from './fan-out.ts'
import { grpcDownload } from './grpc-download.ts'
import { grpcCycleLoad, grpcLoad } from './grpc-load.ts'
import { grpcWatch } from './grpc-watch.ts'
import { kubernetesLoad } from './kubernetes-load.ts'
import type { Task } from './load.ts'
import { oneRequest } from './one-request.ts'
import { readLoop } from './read-loop.ts'
import { snapshotDownload } from './snapshot-download.ts'
import { txnLoad } from './txn-load.ts'
import { unaryLoad } from './unary-load.ts'
import { wholeReaders } from './whole-readers.ts'
import { worstPut } from './worst-put.ts'

function run(task: Task): Promise<object> {
  switch (task.kind) {
    case 'unary':
      return unaryLoad(task)
    case 'fan-out':
      return fanOut(task)
    case 'download':
      return download(task)
    case 'grpc':
      return grpcLoad(task)
    case 'grpc-cycle':
      return grpcCycleLoad(task)
    case 'grpc-txn':
      return txnLoad(task)
    case 'kubernetes':
      return kubernetesLoad(task)
    case 'grpc-watch':
      return grpcWatch(task)
    case 'grpc-download':
      return grpcDownload(task)
    case 'snapshot-download':
      return snapshotDownload(task)
    case 'one-request':
      return oneRequest(task)
    case 'worst-put':
      return worstPut(task)
    case 'read-loop':
      return readLoop(task)
    case 'whole-readers':
      return wholeReaders(task)
  }
}

// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a port has no origin
parentPort?.postMessage(await run(workerData as Task))
