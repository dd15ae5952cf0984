import { expect, it } from 'vitest'
import { listenEventOf } from '../../src/cli/control-events.ts'

it('[WKD1] only a socket that listens is an event here', () => {
  expect(listenEventOf('{"event":"listen-cluster","port":7000}')).toEqual({
    event: 'listen-cluster',
    socket: 'cluster',
    port: 7000,
  })
  expect(listenEventOf('{"event":"listen","socket":"0","port":8080}')).toEqual({
    event: 'listen',
    socket: '0',
    port: 8080,
  })
  for (const line of [
    '{"event":"listen-clusters","port":1}',
    '{"event":"listen","port":1}',
    '{"event":"listen","socket":"0","port":"1"}',
    '{"event":5}',
    '{}',
    'null',
    '[]',
    '',
    'workerd: warning',
    '{"event":"listen"',
  ]) {
    expect(listenEventOf(line)).toBeUndefined()
  }
})
