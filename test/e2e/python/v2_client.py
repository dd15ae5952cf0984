"""What python-etcd makes of a server: each line is an operation and what came of it."""
import sys
import threading
import time

import etcd
from etcd.auth import Auth, EtcdRole, EtcdUser


def shown(result):
    if isinstance(result, etcd.EtcdResult):
        children = [(child.key, child.value) for child in result.children if child.key != result.key]
        return (result.action, result.key, result.value, result.dir, result.ttl is not None,
                result.createdIndex, result.modifiedIndex, sorted(children))
    return result


def tell(what, operation):
    try:
        print(what, shown(operation()))
    except etcd.EtcdException as error:
        print(what, type(error).__name__, str(error).split('HTTP')[0])
    sys.stdout.flush()


def heard(client, arguments, write):
    """What a watch hears that begins before the write."""
    results = []
    thread = threading.Thread(target=lambda: results.append(client.watch(*arguments)))
    thread.start()
    time.sleep(0.3)
    write()
    thread.join(10)
    return results[0]


def keys(client):
    tell('write', lambda: client.write('/a', 1))
    tell('write again', lambda: client.write('/a', 'zwei ä'))
    tell('read', lambda: client.read('/a'))
    tell('get missing', lambda: client.get('/missing'))
    tell('set with ttl', lambda: client.set('/t', 1, ttl=100))
    tell('refresh', lambda: client.refresh('/t', ttl=200))
    tell('swap', lambda: client.test_and_set('/a', '3', 'zwei ä'))
    tell('swap too late', lambda: client.test_and_set('/a', '4', 'zwei ä'))
    tell('create', lambda: client.write('/a', 5, prevExist=False))
    tell('directory', lambda: client.write('/d', None, dir=True))
    tell('append', lambda: client.write('/d', 'first', append=True).value)
    tell('below', lambda: client.write('/d/x/y', 'deep'))
    tell('list', lambda: client.read('/d', recursive=True, sorted=True))
    tell('delete directory', lambda: client.delete('/d'))
    tell('delete all', lambda: client.delete('/d', recursive=True, dir=True))
    tell('pop', lambda: client.pop('/a'))
    tell('contains', lambda: '/a' in client)
    tell('update', lambda: client.update(client.read('/t')))


def waiting(client):
    tell('watch', lambda: heard(client, ('/w',), lambda: client.write('/w', 1)))
    tell('watch below', lambda: heard(client, ('/v', None, None, True), lambda: client.write('/v/x', 1)))
    tell('watch the past', lambda: client.watch('/w', index=1))
    tell('watch in vain', lambda: client.watch('/w', timeout=1))
    seen = []

    def follow():
        for event in client.eternal_watch('/e', recursive=True):
            seen.append((event.action, event.key))
            if event.action == 'delete':
                return

    thread = threading.Thread(target=follow)
    thread.start()
    time.sleep(0.3)
    client.write('/e/1', 1)
    client.write('/e/2', 2)
    client.delete('/e/1')
    thread.join(10)
    tell('eternal watch', lambda: seen)


def locks(client):
    first, second = etcd.Lock(client, 'l'), etcd.Lock(client, 'l')
    tell('lock', lambda: first.acquire(lock_ttl=100))
    tell('locked', lambda: second.acquire(blocking=False))
    released = threading.Timer(0.5, first.release)
    released.start()
    tell('waited', lambda: second.acquire(blocking=True, timeout=10))
    tell('release', lambda: second.release())


def cluster(client):
    tell('version', lambda: bool(client.version))
    tell('members', lambda: [member['name'] for member in client.members.values()])
    tell('leader', lambda: client.leader['name'])
    tell('machines', lambda: len(client.machines))
    tell('stats', lambda: sorted(client.store_stats))
    tell('leader stats', lambda: client.leader_stats['followers'])


def auth(client):
    tell('role', lambda: role(client).acls)
    # What it would read of a user with roles is newer than it is.
    tell('user', lambda: user(client, 'u', 'p', ['r']))
    tell('root', lambda: user(client, 'root', 's', []))
    control = Auth(client)
    control.active = True
    tell('enabled', lambda: control.active)
    port = client.port
    as_user = etcd.Client(port=port, username='u', password='p')
    tell('allowed', lambda: as_user.write('/p/x', 1).action)
    tell('not allowed', lambda: as_user.write('/q', 1))
    tell('unknown', lambda: etcd.Client(port=port, username='u', password='wrong').read('/p/x'))
    ended = Auth(etcd.Client(port=port, username='root', password='s'))
    ended.active = False
    tell('disabled', lambda: ended.active)


def role(client):
    made = EtcdRole(client, 'r')
    made.write()
    made.grant('/p/*', 'RW')
    made.write()
    made.read()
    return made


def user(client, name, password, roles):
    made = EtcdUser(client, name)
    made.password = password
    made.roles = roles
    made.write()


one = etcd.Client(port=int(sys.argv[1]))
for part in (keys, waiting, locks, cluster, auth):
    print('#', part.__name__)
    part(one)
