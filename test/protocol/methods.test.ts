import { expect, it } from 'vitest'
import { rpcMethods } from '../../src/protocol/generated/services.ts'
import { type MethodName, routes, streaming } from '../../src/protocol/methods.ts'

const names = Object.keys(rpcMethods) as readonly MethodName[]

it('[PRO12] leads a path to every method but the one that is for gRPC alone', () => {
  const unreachable = new Set<string>(names)
  for (const name of Object.values(routes)) {
    unreachable.delete(name)
  }
  expect([...unreachable]).toEqual(['/etcdserverpb.KV/RangeStream'])
})

it('[PRO12] leads every path to a method of the service that the path names', () => {
  const services = new Map([
    ['kv', 'KV'],
    ['watch', 'Watch'],
    ['lease', 'Lease'],
    ['cluster', 'Cluster'],
    ['maintenance', 'Maintenance'],
    ['auth', 'Auth'],
    ['lock', 'Lock'],
    ['election', 'Election'],
  ])
  for (const [path, name] of Object.entries(routes)) {
    const [, version, ...parts] = path.split('/')
    const prefix = parts[0] === 'kv' && parts[1] === 'lease' ? 'lease' : (parts[0] ?? '')
    expect(version).toBe('v3')
    expect(rpcMethods[name].service.split('.').at(-1)).toBe(services.get(prefix))
  }
})

it('[PRO13] names a method by its service and knows which way it streams', () => {
  for (const name of names) {
    expect(`/${rpcMethods[name].service}/${rpcMethods[name].method}`).toBe(name)
  }
  const streams = names
    .filter((name) => streaming(name) !== 'unary')
    .map((name) => `${name} ${streaming(name)}`)
  expect(streams.toSorted()).toEqual([
    '/etcdserverpb.KV/RangeStream server_stream',
    '/etcdserverpb.Lease/LeaseKeepAlive bidi_stream',
    '/etcdserverpb.Maintenance/Snapshot server_stream',
    '/etcdserverpb.Watch/Watch bidi_stream',
    '/v3electionpb.Election/Observe server_stream',
  ])
})
