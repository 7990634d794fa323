"""Senders for what the load generator is not about: many short connections, many small writes,
and a probe that looks how soon its point can be read. Each runs in a process of its own."""

import http.client
import json
import multiprocessing
import os
import resource
import socket
import time

from machine import sender_core
from process import Failed

LINES_PER_REPORT = 300
LINES_PER_WRITE = 100
# Reports are written out before the clock starts: this many different seconds, over and over.
PREPARED_SECONDS = 20
# A sender that is this far behind its schedule measures a server that cannot keep up: it gives up.
BEHIND_SECONDS_MAX = 10.0
# No sender here runs longer.
CHILD_SECONDS_MAX = 300


def _lines(sender, lines, second):
    text = "".join(f"dc1.h{sender:06d}.cpu.c{nth:03d}.user {nth}.{sender % 90 + 10} {second}\n" for nth in range(lines))
    return text.encode()


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


def reports(port, senders, seconds, start):
    """One connection per report: connect, 300 lines, close. Gives reports sent and seconds taken."""
    return _in_child(_reports, port, senders, seconds, start)


def _reports(port, senders, seconds, start):
    prepared = [[_lines(sender, LINES_PER_REPORT, start + nth) for sender in range(senders)]
                for nth in range(PREPARED_SECONDS)]
    begin = time.monotonic()
    sent = 0
    while time.monotonic() < begin + seconds:
        for text in prepared[(sent // senders) % PREPARED_SECONDS]:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as stream:
                stream.sendall(text)
            sent += 1
    return sent, time.monotonic() - begin


def small_writes(port, connections, writes_per_second, seconds, start):
    """Many connections, each some writes of 100 lines a second. Gives writes sent, seconds taken,
    and by how much the schedule was missed at most."""
    return _in_child(_small_writes, port, connections, writes_per_second, seconds, start)


def _small_writes(port, connections, writes_per_second, seconds, start):
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(most[0], connections + 100), most[1]), most[1]))
    # Few texts for many connections: 100 lines each of 50 hosts, one text for every host and second.
    hosts = 50
    texts = [[_lines(host, LINES_PER_WRITE, start + nth) for host in range(hosts)]
             for nth in range(seconds * writes_per_second + 1)]
    streams = [socket.create_connection(("127.0.0.1", port), timeout=30) for _ in range(connections)]
    interval = 1.0 / (connections * writes_per_second)
    begin = time.monotonic()
    late = 0.0
    sent = 0
    for nth in range(seconds * writes_per_second):
        for at, stream in enumerate(streams):
            due = begin + sent * interval
            now = time.monotonic()
            if now < due - 0.0005:
                time.sleep(due - now)
            late = max(late, now - due)
            if late > BEHIND_SECONDS_MAX:
                raise OSError(f"the server takes too little: {late:.0f} s behind the schedule")
            stream.sendall(texts[nth][at % hosts])
            sent += 1
    taken = time.monotonic() - begin
    for stream in streams:
        stream.close()
    return sent, taken, late


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
