"""Probes: how soon a point can be read, how long queries take on a schedule, how long the disk takes
to sync. Each runs in a process of its own, on the sender's core."""

import http.client
import json
import mmap
import multiprocessing
import os
import socket
import time

from machine import sender_core
from process import Failed

# No sender here runs longer.
CHILD_SECONDS_MAX = 300


def _in_child(work, *arguments):
    """Run `work` pinned to the sender's core in a process of its own, and give what it gives."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def run():
        os.sched_setaffinity(0, {sender_core()})
        try:
            outcome = True, work(*arguments)
        except (OSError, ValueError) as error:
            outcome = False, str(error)
        theirs.send(outcome)

    child = context.Process(target=run, daemon=True)
    child.start()
    theirs.close()
    try:
        if not ours.poll(CHILD_SECONDS_MAX):
            raise Failed(f"a sender did not end in {CHILD_SECONDS_MAX} s")
        good, result = ours.recv()
    except EOFError as error:
        raise Failed("a sender ended without a word") from error
    finally:
        child.kill()
        child.join()
    if not good:
        raise Failed(f"a sender failed: {result}")
    return result


def freshness(line_port, http_port, probes, pause):
    """How long after its write a point is in an answer of `/render`: seconds, sorted."""
    return _in_child(_freshness, line_port, http_port, probes, pause)


def _freshness(line_port, http_port, probes, pause):
    stream = socket.create_connection(("127.0.0.1", line_port), timeout=30)
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asker = http.client.HTTPConnection("127.0.0.1", http_port, timeout=30)
    waits = []
    for nth in range(1, probes + 1):
        second = int(time.time())
        path = f"/render?format=json&target=probe.fresh&from={second - 3}&until={second + 3}"
        written = time.monotonic()
        stream.sendall(f"probe.fresh {nth} {second}\n".encode())
        while True:
            asker.request("GET", path)
            answer = json.loads(asker.getresponse().read())
            if any(value == nth for series in answer for value, _ in series["datapoints"]):
                break
            if time.monotonic() - written > 30:
                raise OSError(f"probe {nth} is not in /render after 30 s")
        waits.append(time.monotonic() - written)
        time.sleep(pause)
    return sorted(waits)


# Whether those who ask on a schedule do so in real time, and so go before a sender that has their core too.
real_time = False
REAL_TIME_CASE = ", asker in real time"


def queries(http_port, paths, per_second, seconds):
    """How long each query takes from the moment it was due: seconds, sorted. The schedule does not
    wait for answers."""
    return _in_child(_queries, http_port, paths, per_second, seconds)


def _queries(http_port, paths, per_second, seconds):
    if real_time:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    asker = http.client.HTTPConnection("127.0.0.1", http_port, timeout=30)
    waits = []
    begin = time.monotonic()
    for nth in range(int(per_second * seconds)):
        due = begin + nth / per_second
        time.sleep(max(0.0, due - time.monotonic()))
        asker.request("GET", paths[nth % len(paths)])
        answer = asker.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise OSError(f"{paths[nth % len(paths)]} is answered with {answer.status}: {body[:200]}")
        waits.append(time.monotonic() - due)
    return sorted(waits)


class Hostile:
    """Asks for `path` over so many connections, each again as soon as it is answered, until it is left."""

    def __init__(self, http_port, path, connections):
        context = multiprocessing.get_context("fork")
        self._count = context.Value("q", 0)
        asking = (http_port, path, self._count)
        self._children = [context.Process(target=_hostile, args=asking, daemon=True) for _ in range(connections)]

    @property
    def answers(self):
        return self._count.value

    def __enter__(self):
        for child in self._children:
            child.start()
        return self

    def __exit__(self, *_):
        for child in self._children:
            child.kill()
            child.join()


def _hostile(http_port, path, count):
    os.sched_setaffinity(0, {sender_core()})
    asker = http.client.HTTPConnection("127.0.0.1", http_port, timeout=CHILD_SECONDS_MAX)
    while True:
        asker.request("GET", path)
        answer = asker.getresponse()
        answer.read()
        if answer.status != 200:
            return
        with count.get_lock():
            count.value += 1


def asks(http_port, paths, least, most, seconds):
    """Ask for the paths in turn, each when the last is answered, for so long, but at least and at most so
    often. Gives the seconds that each took, sorted, and the bytes of all answers."""
    return _in_child(_asks, http_port, paths, least, most, seconds)


def _asks(http_port, paths, least, most, seconds):
    asker = http.client.HTTPConnection("127.0.0.1", http_port, timeout=CHILD_SECONDS_MAX)
    waits, size = [], 0
    begin = time.monotonic()
    while len(waits) < most and (len(waits) < least or time.monotonic() - begin < seconds):
        path = paths[len(waits) % len(paths)]
        asked = time.monotonic()
        asker.request("GET", path)
        answer = asker.getresponse()
        body = answer.read()
        waits.append(time.monotonic() - asked)
        if answer.status != 200:
            raise OSError(f"{path} is answered with {answer.status}: {body[:200]}")
        size += len(body)
    return sorted(waits), size


# A commit of the probe: as many of these as requests are due, up to the most.
PROBE_REQUEST_BYTES = 4096
PROBE_COMMIT_BYTES_MAX = 64 << 10
PROBE_FILE_BYTES = 64 << 20


def disk_probe(folder, per_second, seconds):
    """How long a direct write and its fdatasync take on the file system of `folder`, in a file that was
    laid out before: seconds, sorted. Commits follow the pace of so many requests a second; what became
    due during one goes with the next, as a group commit does it."""
    return _in_child(_disk_probe, folder, per_second, seconds)


def _disk_probe(folder, per_second, seconds):
    path = folder / "probe"
    page = mmap.mmap(-1, PROBE_COMMIT_BYTES_MAX)  # Direct writes want aligned memory.
    page.write(os.urandom(PROBE_COMMIT_BYTES_MAX))
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_DIRECT, 0o600)
    try:
        for at in range(0, PROBE_FILE_BYTES, PROBE_COMMIT_BYTES_MAX):
            os.pwritev(file, [page], at)
        os.fdatasync(file)
        waits, at, done = [], 0, 0
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < seconds:
            due = int(now * per_second) - done
            if due <= 0:
                time.sleep(max(0.0, (done + 1) / per_second - now))
                continue
            length = min(due * PROBE_REQUEST_BYTES, PROBE_COMMIT_BYTES_MAX)
            written = time.monotonic()
            os.pwritev(file, [memoryview(page)[:length]], at)
            os.fdatasync(file)
            waits.append(time.monotonic() - written)
            done += due
            at = (at + PROBE_COMMIT_BYTES_MAX) % PROBE_FILE_BYTES
        return sorted(waits)
    finally:
        os.close(file)
        path.unlink()


def quantile(sorted_values, share):
    """The value that `share` of all are at or below."""
    if not sorted_values:
        raise Failed("no value to take a quantile of")
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
