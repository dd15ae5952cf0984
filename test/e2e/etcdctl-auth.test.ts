// Recorded as etcdctl.test.ts is.
import { it } from 'vitest'
import { expectRecorded, runAll, start } from './etcdctl-cases.ts'

it('[AUT34] etcdctl prints users, roles and permissions as JSON', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(
    etcdctl,
    `user add root:pw -w json
    user add alice:pw -w fields
    user add certain --no-password -w json
    user list -w json
    user get alice -w json
    user get nobody -w json
    role add r -w json
    role add r -w json
    role list -w json
    role list -w fields
    role grant-permission r readwrite a c -w json
    role grant-permission r read --from-key x -w json
    role grant-permission r write p -w fields
    role get r -w json
    role get r -w fields
    role get none -w json
    user grant-role alice r -w json
    user get alice -w json
    user get alice -w fields
    user revoke-role alice r -w json
    user revoke-role alice r -w json
    role revoke-permission r p -w json
    role revoke-permission r x --from-key -w json
    role delete r -w json
    user delete alice -w json
    auth disable -w json
    auth enable -w json
    user list -w json --user=root:pw
    role list -w json --user=root:pw
    user list -w json
    auth disable -w json --user=root:pw`,
  )
  await etcdctl.run(['user', 'passwd', 'root', '--interactive=false', '-w', 'json'], {
    input: 'new\n',
  })
  await expectRecorded(etcdctl, 'auth-json')
})

it('[AUT34] etcdctl manages users, roles and permissions, and logs in', async (context) => {
  const { etcdctl } = await start(context)
  await runAll(
    etcdctl,
    `auth enable
    user add root:rootpw
    user add root:again
    user add alice:alicepw
    user add certain --no-password
    user list
    role add reader
    role add reader
    role add writer
    role list
    role grant-permission reader read a c
    role grant-permission reader read --prefix p/
    role grant-permission writer readwrite --from-key m
    role grant-permission writer write k
    role grant-permission none read k
    role get reader
    role get writer
    role get writer -w json
    role revoke-permission writer k
    role revoke-permission writer k
    user grant-role alice reader
    user grant-role alice none
    user grant-role nobody reader
    user get alice
    user get alice --detail
    user get nobody
    put a before
    auth enable
    get a
    get a --user=alice:wrong
    get a --user=nobody:pw
    get a --user=certain:
    get a --user=alice:alicepw
    get a d --user=alice:alicepw
    get p/ --prefix --user=alice:alicepw
    put a v --user=alice:alicepw
    put z v --user=root:rootpw
    del z --user=alice:alicepw
    user grant-role alice writer --user=root:rootpw
    put z v --user=alice:alicepw
    user get alice --user=alice:alicepw
    user list --user=alice:alicepw
    role get reader --user=alice:alicepw
    role list --user=alice:alicepw
    compaction 3 --user=alice:alicepw
    lease list --user=alice:alicepw
    member add other --peer-urls=http://127.0.0.1:1 --user=alice:alicepw
    endpoint status --user=alice:alicepw
    endpoint status
    endpoint health --user=alice:alicepw
    alarm list --user=alice:alicepw
    alarm disarm --user=alice:alicepw
    defrag --user=alice:alicepw
    user revoke-role alice writer --user=root:rootpw
    put z v --user=alice:alicepw
    role delete reader --user=root:rootpw
    get a --user=alice:alicepw
    user delete root --user=root:rootpw
    role delete root --user=root:rootpw
    user delete alice --user=root:rootpw
    get a --user=alice:alicepw
    auth disable
    auth disable --user=root:rootpw
    get a`,
  )
  await etcdctl.run(['user', 'passwd', 'root', '--interactive=false'], { input: 'newpw\n' })
  await etcdctl.run(['user', 'add', 'bob', '--interactive=false'], { input: 'bobpw\n' })
  await runAll(
    etcdctl,
    `auth enable
    get a --user=root:rootpw
    get a --user=root:newpw
    get a --user=bob:bobpw
    auth disable --user=root:newpw`,
  )
  await expectRecorded(etcdctl, 'auth')
})
