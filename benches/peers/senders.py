"""A probe that looks how soon its point can be read. It runs in a process of its own, on the sender's
core."""

import http.client
import json
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


def quantile(sorted_values, share):
    """The value that `share` of all are at or below."""
    if not sorted_values:
        raise Failed("no value to take a quantile of")
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
