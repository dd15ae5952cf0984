// Answers are recorded with `vitest --update` while E2E_TARGET_ETCD names an etcd 3.7.
import { expect, it } from 'vitest'
import { expectRecorded, runAll, start } from './etcdctl-cases.ts'
import { base64, call } from './http.ts'

it('[CTL1] put takes its flags and its value from standard input', async (context) => {
  const { etcdctl } = await start(context)
  const granted = await etcdctl.run(['lease', 'grant', '1000'])
  const lease = granted.split(' ')[1] ?? ''
  await runAll(
    etcdctl,
    `put a 1
    put a 2 --prev-kv
    put a 3 -w json
    put a 4 --prev-kv -w fields
    put a 5 --lease=${lease}
    get a -w json
    put a 6 --ignore-lease
    get a -w json
    put a --ignore-value
    get a -w json
    put b 1 --lease=1234
    put b --ignore-value
    put b 1 --ignore-lease
    put`,
  )
  await etcdctl.run(['put', 'c'], { input: 'two\nlines\n' })
  await etcdctl.run(['put', '', 'x'])
  await etcdctl.run(['get', 'c'])
  await expectRecorded(etcdctl, 'put')
})

it('[CTL2] get takes its flags', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(
    etcdctl,
    `put a 3
    put a/1 2
    put a/2 1
    put b 0
    put a/1 4
    get a
    get missing
    get missing -w json
    get a -w json
    get a -w fields
    get a --hex
    get a --print-value-only
    get a b
    get a --prefix
    get a/ --prefix --keys-only
    get a/1 --from-key
    get a --prefix --limit=2
    get a --prefix --limit=2 -w json
    get a --prefix --rev=3
    get a/1 --rev=1
    get a/1 --rev=99
    get a --consistency=s
    get a --consistency=x
    get a --prefix --order=DESCEND --keys-only
    get a --prefix --sort-by=KEY --keys-only
    get a --prefix --sort-by=VALUE
    get a --prefix --sort-by=CREATE --order=DESCEND --keys-only
    get a --prefix --sort-by=MODIFY --keys-only
    get a --prefix --sort-by=VERSION --order=DESCEND --limit=1
    get a --prefix --keys-only -w json
    get a -w table
    get a b --prefix`,
  )
  await etcdctl.run(['get', '', '--prefix', '--keys-only'])
  await etcdctl.run(['get', '', '--from-key', '--print-value-only'])
  await expectRecorded(etcdctl, 'get')
})

it('[CTL3] del takes its flags', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(
    etcdctl,
    `put a 1
    put a/1 2
    put a/2 3
    put b 4
    put c 5
    del missing
    del a --prev-kv
    del a --prefix --prev-kv -w json
    put a 1
    put a/1 2
    del a b -w fields
    del b --from-key --prev-kv
    del a --prefix`,
  )
  await etcdctl.run(['get', '', '--prefix'])
  await expectRecorded(etcdctl, 'del')
})

it('[CTL4] txn reads compares and requests from standard input', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(etcdctl, 'put a 1\nput b 2')
  const txns = [
    'value("a") = "1"\n\nput a "2 3"\nget a\nget --prefix a\ndel b\nget b\n\nget b\n\n',
    'mod("a") > "99"\n\nput a 4\n\nget a\nput c "5"\n\n',
    'version("a") = "2"\ncreate("c") > "0"\n\nget a --prefix\n\ndel a\n\n',
    'create("missing") = "0"\nvalue("a") != "x"\nmod("a") < "99"\n\nput d 1\n\n\n',
    '\n\n\n',
    '\nput a 1\nput a 2\n\n\n',
    '\nput a 1 --lease=1234\n\n\n',
    'nonsense\n\n\n\n',
  ]
  for (const input of txns) {
    await etcdctl.run(['txn'], { input })
  }
  await etcdctl.run(['txn', '-i'], { input: txns[1] ?? '' })
  await etcdctl.run(['txn', '-w', 'json'], { input: txns[0] ?? '' })
  await etcdctl.run(['txn', '-w', 'fields'], { input: txns[2] ?? '' })
  await expectRecorded(etcdctl, 'txn')
})

it('[CTL5] compaction and defrag', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(
    etcdctl,
    `put a 1
    put a 2
    put a 3
    compaction 3
    compaction 3
    compaction 99
    get a --rev=3
    get a --rev=2
    compaction 4 --physical
    compaction x
    compaction
    defrag
    get a -w json`,
  )
  await expectRecorded(etcdctl, 'compaction')
})

it('[CTL6] endpoint health, status and hashkv', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(
    etcdctl,
    `put a 1
    endpoint health
    endpoint health -w json
    endpoint health -w table
    endpoint health --cluster
    endpoint status
    endpoint status -w json
    endpoint status -w table
    endpoint status -w fields
    endpoint hashkv
    endpoint hashkv -w json
    put a 2
    endpoint hashkv --rev=2
    endpoint hashkv --rev=3 -w table
    endpoint hashkv --rev=99`,
  )
  await expectRecorded(etcdctl, 'endpoint')
})

it('[CTL7] member list', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(
    etcdctl,
    `member list
    member list -w json
    member list -w table
    member list -w fields
    version`,
  )
  await expectRecorded(etcdctl, 'member')
})

it('[CTL21] members are added, looked at, updated, not promoted, and removed', async (context) => {
  const { etcdctl } = await start(context)
  const url = '--peer-urls=http://127.0.0.1:1'
  const added = await etcdctl.run(['member', 'add', 'other', '--learner', url])
  const id = /Member +(\w+) added/.exec(added)?.[1] ?? ''
  await runAll(
    etcdctl,
    `member list
    member list -w json
    member list -w fields
    member add third --learner --peer-urls=http://127.0.0.1:3
    member add third --learner --peer-urls=http://127.0.0.1:1,http://127.0.0.1:5 -w json
    member add third --learner --peer-urls=nonsense
    member add third
    member promote ${id}
    member promote 1
    member promote x
    member update ${id} --peer-urls=http://127.0.0.1:2
    member update 1 --peer-urls=http://127.0.0.1:4 -w json
    member update ${id}
    member list
    member remove 1
    member remove ${id}
    member list -w json
    member add other --learner --peer-urls=http://127.0.0.1:9 -w json
    put a 1`,
  )
  await expectRecorded(etcdctl, 'member-changes')
})

it('[CTL22] move-leader moves it to where it is, and nowhere else', async (context) => {
  const { etcdctl } = await start(context)
  const listed = await etcdctl.run(['member', 'list'])
  const id = /^(\w+),/.exec(listed)?.[1] ?? ''
  await runAll(
    etcdctl,
    `move-leader ${id}
    move-leader 1
    move-leader x
    move-leader`,
  )
  await expectRecorded(etcdctl, 'move-leader')
})

it('[CTL8] alarms are listed, show in the status and are disarmed', async (context) => {
  const { etcdctl, target } = await start(context)
  await runAll(etcdctl, 'alarm list\nalarm disarm')
  const path = '/v3/maintenance/alarm'
  // memberID: alarms of etcd name who raised them.
  const member = (await call(target.url, '/v3/kv/range', { key: base64('a') }))['header']
  const memberID = (member as Readonly<Record<string, string>>)['member_id'] ?? ''
  await call(target.url, path, { action: 'ACTIVATE', alarm: 'NOSPACE', memberID })
  await runAll(
    etcdctl,
    `alarm list
    alarm list -w json
    put a 1
    endpoint status
    endpoint health
    alarm disarm
    alarm list
    put a 1`,
  )
  await expectRecorded(etcdctl, 'alarm')
})

it('[CTL9] leases are granted, looked at, kept alive and revoked', async (context) => {
  const { etcdctl } = await start(context)
  const [, lease = ''] = (await etcdctl.run(['lease', 'grant', '1000'])).split(' ')
  await runAll(
    etcdctl,
    `lease list
    put a 1 --lease=${lease}
    put b 2 --lease=${lease}
    lease timetolive ${lease}
    lease timetolive ${lease} --keys
    lease timetolive ${lease} --keys -w json
    lease timetolive ${lease} --keys -w fields
    lease keep-alive --once ${lease}
    lease keep-alive --once ${lease} -w json
    lease grant 500 -w json
    lease list -w json
    lease revoke ${lease}
    lease revoke ${lease}
    lease timetolive ${lease}
    lease keep-alive --once ${lease}
    get a
    lease grant 9000000001
    lease grant x
    lease timetolive xyz`,
  )
  await expectRecorded(etcdctl, 'lease')
})

it('[CTL10] lease keep-alive renews until the lease is gone', async (context) => {
  const { etcdctl } = await start(context)
  const [, lease = ''] = (await etcdctl.run(['lease', 'grant', '2'])).split(' ')
  const session = etcdctl.start(['lease', 'keep-alive', lease])
  await session.until(/(lease .* keepalived with TTL\(2\)\n){2}/)
  await etcdctl.run(['lease', 'revoke', lease])
  await session.until(/expired or revoked/)
  expect(session.output).toMatch(/^(lease \w+ keepalived with TTL\(2\)\n)+lease \w+ expired/)
})
