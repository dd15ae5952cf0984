// Recorded with `vitest --update` while E2E_TARGET_ETCD names an etcd 3.4.23.
import { join } from 'node:path'
import { expect, it, onTestFinished, type TestContext } from 'vitest'
import { etcdctlMissing } from '../etcdctl.ts'
import { Target } from '../target.ts'
import { EtcdctlV2 } from './etcdctl.ts'

const missing = await etcdctlMissing()

async function start({ skip }: TestContext): Promise<EtcdctlV2> {
  if (missing !== undefined) {
    return skip(missing)
  }
  const target = await Target.start(['--enable-v2'])
  onTestFinished(() => target.stop())
  const etcdctl = await EtcdctlV2.of(target.url)
  onTestFinished(() => etcdctl.close())
  return etcdctl
}

async function expectRecorded(etcdctl: EtcdctlV2, name: string): Promise<void> {
  const file = join(import.meta.dirname, '..', '..', 'golden', 'v2', `etcdctl-${name}.txt`)
  await expect(etcdctl.transcript).toMatchFileSnapshot(file)
}

it('[V2A4] etcdctl 2 sets and gets, in each of its forms', async (context) => {
  const etcdctl = await start(context)
  await etcdctl.runAll(`
    get /a
    set /a 1
    set /a '2 words'
    set /a < typed
    set /a
    get /a
    get --quorum /a
    -o simple get /a
    -o extended get /a
    -o json get /a
    -o json set /a 3
    -o extended set /a 4
    set --ttl 100 /a 5
    -o extended get /a
    -o json get /a
    set --swap-with-value 5 /a 6
    set --swap-with-value 5 /a 7
    set --swap-with-index 4 /a 7
    set --swap-with-index 10 /a 8
    -o json get /missing
    -o extended get /missing
    get
    get /
    mk /b 1
    mk /b 2
    mk --ttl 100 /c 1
    mk --in-order /q 1
    mk --in-order --ttl 100 /q 2
    -o json mk /d 1
    update /b 2
    update --ttl 100 /b 3
    update /missing 3
    update /b
    rm /b
    rm /b
    rm --with-value x /c
    rm --with-value 1 /c
    rm --with-index 1 /d
    rm --with-index 16 /d
    -o json rm /a
    -o extended rm /missing
    rm
    get /q
    ls --sort /q`)
  await expectRecorded(etcdctl, 'keys')
})

it('[V2A4] etcdctl 2 makes, lists and removes directories', async (context) => {
  const etcdctl = await start(context)
  await etcdctl.runAll(`
    ls
    ls /missing
    mkdir /d
    mkdir /d
    mkdir --ttl 100 /t
    mkdir
    setdir /s
    setdir --ttl 100 /s
    setdir /d
    updatedir --ttl 100 /d
    updatedir --ttl 100 /missing
    updatedir /d
    set /d/a 1
    set /d/b/c 2
    set /d/_h 3
    mkdir /d/a
    mkdir /d/a/b
    setdir /d/a
    get /d
    ls --sort
    ls --sort /
    ls --sort -p /
    ls --sort /d
    ls --sort --recursive /
    ls -p --sort --recursive /
    ls --quorum /d/b
    ls /d/a
    -o json ls --sort --recursive /
    -o extended ls /d
    rmdir /d
    rmdir /d/a
    rm /d
    rm --dir /d
    rm --dir /s
    rmdir /t
    rmdir /t
    rm --recursive /d
    rmdir
    ls`)
  await expectRecorded(etcdctl, 'directories')
})

it('[V2A4] etcdctl 2 watches, and runs a command for what it sees', async (context) => {
  const etcdctl = await start(context)
  await etcdctl.runWith('watch /a', 'set /a 1', /1\n/)
  await etcdctl.runWith('-o extended watch /a', 'set /a 2', /2\n/)
  await etcdctl.runWith('-o json watch --recursive /d', 'set /d/x 3', /\n/)
  await etcdctl.runWith('watch --recursive /d', 'rm /d/x', /\n/)
  await etcdctl.runWith(
    'watch --forever --recursive /',
    'set /d/y 4\nset /b 5\nmkdir /e\nrm /b',
    /delete.*\n/,
  )
  await etcdctl.runAll(`
    watch --after-index 5 --recursive /d
    watch --after-index 3 /a
    watch
    exec-watch
    exec-watch /a`)
  const tell =
    "sh -c 'echo $ETCD_WATCH_ACTION $ETCD_WATCH_KEY=$ETCD_WATCH_VALUE at $ETCD_WATCH_MODIFIED_INDEX'"
  await etcdctl.runWith(
    `exec-watch --recursive /d -- ${tell}`,
    'mkdir /d/e\nset /d/e/f 6',
    /at \d+\n/,
  )
  await expectRecorded(etcdctl, 'watch')
})

it('[V2A4] etcdctl 2 looks at members and health', async (context) => {
  const etcdctl = await start(context)
  await etcdctl.runAll(`
    cluster-health
    member list
    member
    member update MEMBER http://10.0.0.9:2380
    member list
    member update 1 http://10.0.0.9:2380
    member update
    member remove 1
    member remove
    member add
    member add x
    member add x nonsense
    member add x http://10.0.0.9:2380
    --no-sync cluster-health
    --debug ls
    -o nonsense ls
    nonsense
    member add new http://10.0.0.1:2380
    member list`)
  await expectRecorded(etcdctl, 'members')
})

it('[V2A4] etcdctl 2 keeps users and roles', async (context) => {
  const etcdctl = await start(context)
  await etcdctl.runAll(`
    user list
    role list
    auth enable
    user add root:secret
    user add u:pass
    user add u:pass
    user get u
    user get missing
    user list
    role add r
    role add r
    role grant r --path /a/* --readwrite
    role grant r --path /a/* --read
    role grant r --path /b --read
    role grant r --path b --read
    role grant r
    role grant missing --path /b --read
    role get r
    role revoke r --path /b --read
    role revoke r --path /missing --write
    role get r
    role get guest
    user grant u --roles r
    user grant u --roles r
    user grant u --roles a,b
    user grant u
    user get u
    user revoke u --roles a
    user revoke u --roles missing
    auth enable
    auth enable
    --username root:secret auth enable
    ls
    set /open 1
    --username root:secret role revoke guest --path /* --readwrite
    set /open 2
    get /open
    -o json get /open
    --username u:pass set /a/x 1
    --username u:pass get /a/x
    --username u:pass get /open
    --username u:wrong get /a/x
    --username root:secret get /open
    --username u:pass user list
    --username root:secret user list
    --username root:secret role list
    cluster-health
    member list
    member remove 1
    --username root:secret user passwd u < changed
    --username root:secret user remove root
    --username root:secret user remove u
    --username root:secret user remove u
    --username root:secret role remove r
    --username root:secret role remove r
    --username root:secret role remove root
    auth disable
    --username root:secret auth disable
    auth disable
    user remove root
    user list
    user
    role`)
  await expectRecorded(etcdctl, 'users')
})
