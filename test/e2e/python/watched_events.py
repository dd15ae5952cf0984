"""Watches a prefix with one library while four writers put 50 values each, and prints the values seen.

python3 watched_events.py etcd3gw|etcd3-py PORT
"""
import os
import sys
import threading
import time

WRITERS, PUTS = 4, 50
SECONDS_MAX = 30

library, port = sys.argv[1], int(sys.argv[2])
seen = []
watching = threading.Event()


def watch_by_etcd3gw():
    from etcd3gw.client import Etcd3Client

    client = Etcd3Client(host='127.0.0.1', port=port)
    events, _ = client.watch_prefix('watched/')
    watching.set()
    for event in events:
        seen.append(event['kv']['value'].decode())


def watch_by_etcd3_py():
    from etcd3 import Client

    client = Client('127.0.0.1', port)
    with client.watch_create(key='watched/', prefix=True) as responses:
        for response in responses:
            watching.set()
            seen.extend(event.kv.value.decode() for event in response.events or [])


def write(writer):
    from etcd3gw.client import Etcd3Client

    client = Etcd3Client(host='127.0.0.1', port=port)
    for n in range(PUTS):
        client.put(f'watched/{writer}', f'{writer} {n}')


watch = watch_by_etcd3gw if library == 'etcd3gw' else watch_by_etcd3_py
threading.Thread(target=watch, daemon=True).start()
watching.wait(SECONDS_MAX)
writers = [threading.Thread(target=write, args=(writer,)) for writer in range(WRITERS)]
for thread in writers:
    thread.start()
for thread in writers:
    thread.join()
deadline = time.monotonic() + SECONDS_MAX
while len(seen) < WRITERS * PUTS and time.monotonic() < deadline:
    time.sleep(0.05)
print('\n'.join(seen), flush=True)
# The watch still runs, and Python would wait for its end.
os._exit(0)
