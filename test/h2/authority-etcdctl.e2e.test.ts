import { expect, it } from 'vitest'
import { start } from '../e2e/etcdctl-cases.ts'

const commands = [
  { args: ['endpoint', 'status', '-w', 'fields'], answer: '"Version" :' },
  { args: ['endpoint', 'hashkv', '-w', 'fields'], answer: '"Hash" :' },
  { args: ['endpoint', 'health', '--cluster'], answer: 'is healthy' },
  { args: ['endpoint', 'status', '--cluster', '-w', 'table'], answer: 'RAFT TERM' },
  { args: ['defrag'], answer: 'Finished defragmenting' },
]

it('[GRA2] etcdctl has its maintenance calls answered', async (context) => {
  const { etcdctl } = await start(context)
  for (const { args, answer } of commands) {
    expect(await etcdctl.run(args)).toContain(answer)
  }
})
