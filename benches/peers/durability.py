"""What durability costs and what it keeps: bytes to the disk and on it, memory, what a kill loses,
how long an acknowledgement takes, and what queries, points and merges do to each other.
"""

import shlex
import tempfile
import threading
import time
from pathlib import Path

import senders
from loadgen import Workload
from machine import ROOT, WORK, cores, server_cores
from process import Failed, free_port
from scenarios import DRAIN_SECONDS, alternate, feed, timed, wait_stored
from senders import Hostile, disk_probe, freshness, quantile, queries
from systems import Corelane, VictoriaMetrics, output_of

# Systems that have figures of their files.
KEEPING = (Corelane, VictoriaMetrics)

# Points a series and series of the bytes at rest.
AT_REST = ((3_600, 10_000), (60, 100_000))

ACKS_PER_SECOND = 100_000
ACKS_BATCH = 100
# Series of each connection are two full requests.
ACKS_CONNECTIONS = 64
ACKS_SERIES = ACKS_CONNECTIONS * ACKS_BATCH * 2
ACK_DOORS = {"corelane": "kairos-rest", "victoriametrics": "opentsdb-http"}

KILL_POINTS_PER_SECOND = 400_000
KILL_SERIES = 40_000
# A rate at which requests keep up with the schedule on a busy machine.
KILL_AWAITED_PER_SECOND = 50_000

QUERIES_PER_SECOND = 50
# History that the queries read: so many series, and points of each.
QUERY_SERIES = 100_000
QUERY_ROUNDS = 120


def keeping(kinds):
    return [kind for kind in kinds if kind in KEEPING]


def bytes_written(bench, kinds, sizes):
    """Bytes that went to the disk for each point, all causes: until all is flushed and the system is
    quiet, and until it has merged its files as well."""
    def merged(system, values):
        base = system.process.written_bytes()
        system.merge()
        system.process.wait_until_quiet(DRAIN_SECONDS)
        more = (system.process.written_bytes() - base) / values["points_stored"]
        return {"written_merged_bytes_per_point": values["written_bytes_per_point"] + more}

    for series in sizes:
        bench.say(f"bytes: {series:,} series")
        alternate(bench, "bytes", keeping(kinds), lambda: Workload("plaintext", series, seed=bench.seed), after=merged)


def bytes_at_rest(bench, kinds):
    """Bytes on the disk for each point after all is merged, with many and with few points a series."""
    for points_per_series, series in AT_REST:
        bench.say(f"at-rest: {series:,} series, {points_per_series:,} points each")
        rounds = bench.shorter(points_per_series) - 2

        def rest(system, values):
            system.merge()
            system.process.wait_until_quiet(DRAIN_SECONDS)
            points = values["points_per_series"] * values["series"]
            raw, cells = system.at_rest()
            return {"at_rest_bytes_per_point": raw / points, "cells_bytes_per_point": cells / points,
                    "case": f"{values['points_per_series']} points a series"}

        for pair in range(1, bench.pairs + 1):
            for kind in keeping(kinds):
                workload = Workload("plaintext", series, seed=bench.seed, span_seconds=points_per_series + 600)
                bench.with_system(kind, lambda system: feed(bench, system, workload, rounds, "at-rest", pair, rest))


def resident(bench, series, seconds):
    """Memory while every series has a point a second: the most it took, by series."""
    bench.say(f"resident: {series:,} series, a point a second each, {seconds} s")

    def work(system):
        workload = Workload("plaintext", series, 100, seed=bench.seed)
        idle_mib = system.process.rss_mib()
        load = workload.start_at_rate(system.ports["plaintext"], series, seconds, system.folder)
        most_mib, begin = 0.0, time.monotonic()
        try:
            while load.poll() is None and time.monotonic() - begin < seconds + 60:
                time.sleep(1)
                system.process.check_alive()
                most_mib = max(most_mib, system.process.rss_mib())
            passed = time.monotonic() - begin
        finally:
            load.kill()
            load.wait()
        stored = system.stored()
        if load.returncode != 0 or stored < 0.95 * series * seconds:
            raise Failed(f"{stored:,} points came in {passed:.0f} s instead of {series * seconds:,}; loadgen said:\n"
                         + (system.folder / "loadgen.log").read_text(errors="replace")[-800:])
        bench.row(system, "resident", pair, protocol="plaintext", series=series, order="stable",
                  connections=workload.connections, points_stored=stored, wall_points_per_second=stored / passed,
                  idle_rss_mib=idle_mib, peak_rss_mib=system.process.peak_rss_mib(), case=f"{seconds} s",
                  rss_bytes_per_series=most_mib * 1024 * 1024 / series, command=workload.command_line())

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)


def killed(bench, kinds, loops):
    """What SIGKILL takes while lines flow, again and again; and that it takes nothing acknowledged."""
    for pair in range(1, bench.pairs + 1):
        for kind in keeping(kinds):
            if kind is Corelane:
                bench.say(f"kill: {kind.name}, {loops} times")
                _killed_by_loadgen(bench, pair, "plaintext", KILL_POINTS_PER_SECOND, loops, KILL_SERIES)
                _killed_by_loadgen(bench, pair, "rest", KILL_AWAITED_PER_SECOND, loops, ACKS_SERIES)
            else:
                bench.say(f"kill: {kind.name}, once")
                bench.with_system(kind, lambda system: _killed_by_us(bench, system, pair))


def _killed_by_loadgen(bench, pair, door, rate, loops, series):
    """loadgen starts, kills and asks; it fails where a point is gone that was acknowledged."""
    WORK.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="corelane-kill-", dir=WORK) as folder:
        system = Corelane(Path(folder))
        ports = {name: free_port() for name in ("plaintext", "udp", "pickle", "telnet", "http")}
        # The sender is kept on its core, and what it starts would be too.
        pinned = ["taskset", "-c", ",".join(str(core) for core in server_cores(system.shards))]
        command = shlex.join(str(word) for word in pinned + system.command(ports))
        command += " 2>>" + shlex.quote(f"{folder}/log")
        workload = Workload("plaintext", series, 4 if door == "plaintext" else 16, seed=bench.seed + pair)
        summary = workload.crash(command, ports["plaintext"], ports["http"], rate, loops, 3,
                                 "--crash-doors", door, "--write", 100, "--batch", ACKS_BATCH)
        lost_ms = summary["lost_ms"] or [0.0]
        bench.row(system, "kill", pair, protocol="kairos-rest" if door == "rest" else "plaintext", series=series,
                  order="stable", connections=workload.connections, case=f"{rate:,} points/s",
                  points=summary["lines"] + summary["acknowledged"], points_lost=summary["lines_lost"],
                  lost_ms=max(lost_ms), command=workload.command_line().replace(folder, "DIR").replace(f"{ROOT}/", ""))


def _killed_by_us(bench, system, pair):
    """For a system that loadgen cannot ask: what it had read, less what it holds after a restart."""
    seconds = 6 if bench.quick else 12
    workload = Workload("plaintext", KILL_SERIES, seed=bench.seed)
    load = workload.start_at_rate(system.ports["plaintext"], KILL_POINTS_PER_SECOND, seconds + 30, system.folder)
    try:
        time.sleep(seconds)
        system.process.check_alive()
        taken = system.taken()
        system.process.kill()
    finally:
        load.kill()
        load.wait()
    system.start()
    system.process.wait_until_quiet(DRAIN_SECONDS)
    held = system.stored()
    bench.row(system, "kill", pair, protocol="plaintext", series=KILL_SERIES, order="stable",
              connections=workload.connections, case=f"{KILL_POINTS_PER_SECOND:,} points/s", points=taken,
              points_stored=held, points_lost=max(0, taken - held),
              lost_ms=max(0, taken - held) / KILL_POINTS_PER_SECOND * 1e3, command=workload.command_line())


class Disk:
    """The disk below all of them, as a system of its own."""

    name = "disk"

    @staticmethod
    def version():
        return output_of("stat", "-f", "-c", "%T", str(WORK))


def acks(bench, kinds):
    """How long a request of 100 points waits for its acknowledgement, from the moment it was due; beside
    what a write and its fdatasync take on the same disk."""
    seconds = 5 if bench.quick else 30
    bench.say(f"acks: {ACKS_PER_SECOND:,} points/s, {ACKS_BATCH} a request, {seconds} s")
    WORK.mkdir(parents=True, exist_ok=True)
    # The doors differ, what is asked of them does not: one group of the table.
    common = {"protocol": "json", "case": f"{ACKS_PER_SECOND:,} points/s, {ACKS_BATCH} a request"}

    def work(system):
        workload = Workload(ACK_DOORS[system.name], ACKS_SERIES, ACKS_CONNECTIONS, seed=bench.seed)
        port = system.ports[workload.protocol]
        workload.send(port, 1, "--batch", ACKS_BATCH)
        wait_stored(system, ACKS_SERIES)

        def send():
            report = workload.send_at_rate(port, ACKS_PER_SECOND, seconds, "--batch", ACKS_BATCH)
            return report, dict(latencies(report), **common)
        timed(bench, system, "acks", pair, workload, send)

    for pair in range(1, bench.pairs + 1):
        waits = disk_probe(WORK, ACKS_PER_SECOND / ACKS_BATCH, seconds)
        bench.row(Disk, "acks", pair, series=ACKS_SERIES, order="stable", **common, **quantiles(waits))
        for kind in keeping(kinds):
            bench.with_system(kind, work)


def latencies(report):
    """The latencies of a report of loadgen, in milliseconds."""
    names = {"p50_ms": "latency_p50_us", "p99_ms": "latency_p99_us", "p999_ms": "latency_p999_us"}
    return {name: report[key] / 1e3 for name, key in names.items() if report.get(key) is not None}


def quantiles(waits):
    """The same of seconds, sorted."""
    shares = {"p50_ms": 0.50, "p99_ms": 0.99, "p999_ms": 0.999}
    return {name: quantile(waits, share) * 1e3 for name, share in shares.items()}


def history(workload, port):
    """Fill the series that queries read; gives paths that ask for ten minutes of ten series each, or
    of all points there are where those are fewer."""
    begin = workload.next_second
    workload.send(port, QUERY_ROUNDS)
    span = f"format=json&from={begin - 1}&until={begin + QUERY_ROUNDS}"
    # A host has 32 series; cores are c00 to c07.
    hosts = range(0, workload.series // 32, 37)
    one = [f"/render?{span}&target=dc1.h{host:06}.cpu.c0[0-4].{{user,wait}}" for host in hosts]
    sums = [f"/render?{span}&target=sumSeries(dc1.h{host:06}.cpu.*.*)" for host in hosts]
    return [path for pair in zip(one, sums) for path in pair]


def queries_beside_points(bench):
    """Queries on a schedule, alone and beside half of the points that the system can take."""
    seconds = 6 if bench.quick else 30

    def work(system):
        port, http = system.ports["plaintext"], system.ports["http"]
        workload = Workload("plaintext", QUERY_SERIES, 16, seed=bench.seed, span_seconds=20_000)
        paths = history(workload, port)
        wait_stored(system, QUERY_SERIES * QUERY_ROUNDS)
        report = workload.send_for(port, 3 if bench.quick else 8, "--start", workload.next_second)
        most = report["points_per_second"]
        # Sent again, so that the clock of the points goes on where it stopped.
        workload.next_second += report["rounds_max"]
        system.process.wait_until_quiet(DRAIN_SECONDS)
        common = {"protocol": "render", "series": QUERY_SERIES, "order": "stable", "connections": 16}
        waits = queries(http, paths, QUERIES_PER_SECOND, seconds)
        bench.row(system, "query-load", pair, case=f"idle{_how()}", **common, **quantiles(waits))
        rate = int(most / 2)
        load = workload.start_at_rate(port, rate, seconds + 20, system.folder, "--start", workload.next_second,
                                      "--step", 1)
        try:
            time.sleep(2)
            held, begin = system.stored(), time.monotonic()
            waits = queries(http, paths, QUERIES_PER_SECOND, seconds)
            flowed = (system.stored() - held) / (time.monotonic() - begin)
        finally:
            load.kill()
            load.wait()
        if flowed < 0.9 * rate:
            bench.say(f"  only {flowed:,.0f} of {rate:,} points/s flowed beside the queries")
        bench.row(system, "query-load", pair, case=f"beside half of the most{_how()}", wall_points_per_second=flowed,
                  **common, **quantiles(waits), command=workload.command_line())

    bench.say(f"query-load: {QUERIES_PER_SECOND} queries a second, {seconds} s each")
    if len(cores()) < 3:
        bench.say("  two cores: sender and asker share one, so a part of the difference is theirs")
    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)


def _how():
    """What the name of a case says of its asker."""
    return senders.REAL_TIME_CASE if senders.real_time else ""


class Merging:
    """Asks a system to seal and merge, again and again, until it is left."""

    def __init__(self, system):
        self.system = system
        self.times = 0
        self.failure = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def _work(self):
        try:
            while not self._stop.wait(0.2):
                self.system.merge()
                self.times += 1
        except (Failed, OSError) as error:
            self.failure = error

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)


def beside_merges(bench):
    """Acknowledgements and queries while files are merged all the time, against while none is."""
    seconds = 6 if bench.quick else 30
    bench.say(f"merge-load: {ACKS_PER_SECOND // 2:,} points/s of requests and {QUERIES_PER_SECOND} queries a second")

    def measure(system, workload, paths, case):
        port = system.ports["kairos-rest"]
        load = workload.start_at_rate(port, ACKS_PER_SECOND // 2, seconds + 4, system.folder, "--batch", ACKS_BATCH)
        try:
            time.sleep(1)
            waits = queries(system.ports["http"], paths, QUERIES_PER_SECOND, seconds)
            load.wait(60)
        finally:
            load.kill()
            load.wait()
        report = workload.last_report(system.folder)
        common = {"series": workload.series, "order": "stable", "connections": workload.connections,
                  "case": case + _how()}
        bench.row(system, "merge-load", pair, protocol="render", **common, **quantiles(waits))
        bench.row(system, "merge-load", pair, protocol="kairos-rest", **common, **latencies(report),
                  points=report["points"], command=workload.command_line())

    def work(system):
        old = Workload("plaintext", QUERY_SERIES, seed=bench.seed)
        paths = history(old, system.ports["plaintext"])
        wait_stored(system, QUERY_SERIES * QUERY_ROUNDS)
        system.merge()
        system.process.wait_until_quiet(DRAIN_SECONDS)
        workload = Workload("kairos-rest", ACKS_SERIES, ACKS_CONNECTIONS, seed=bench.seed)
        workload.send(system.ports["kairos-rest"], 1, "--batch", ACKS_BATCH)
        measure(system, workload, paths, "no merges")
        with Merging(system) as merging:
            measure(system, workload, paths, "merging")
        if merging.failure or merging.times == 0:
            raise Failed(f"nothing was merged beside: {merging.failure}")
        bench.say(f"  sealed and merged {merging.times} times")

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)


# Whoever asks for all points of all series, again and again.
HOSTILE_CONNECTIONS = 4
HOSTILE_SERIES = 20_000


def beside_hostile_queries(bench):
    """How soon a point is in an answer while some ask for sums over all there is: small questions and points go
    before large ones."""
    probes = 60 if bench.quick else 300
    bench.say(f"hostile: {probes} probes beside {HOSTILE_CONNECTIONS} who sum {HOSTILE_SERIES:,} series all the time")

    def work(system):
        workload = Workload("plaintext", HOSTILE_SERIES, seed=bench.seed)
        begin = workload.next_second
        workload.send(system.ports["plaintext"], 600)
        wait_stored(system, HOSTILE_SERIES * 600)
        load = workload.start_at_rate(system.ports["plaintext"], HOSTILE_SERIES, probes + 60, system.folder)
        path = f"/render?format=json&from={begin - 1}&until={begin + 600}&target=sumSeries(*.*.*.*.*)"
        common = {"protocol": "plaintext", "series": HOSTILE_SERIES, "order": "stable",
                  "connections": HOSTILE_CONNECTIONS}

        def probe(case, **values):
            waits = freshness(system.ports["plaintext"], system.ports["http"], probes, 0.05)
            bench.row(system, "hostile", pair, case=case, **common, **values, **quantiles(waits))

        try:
            time.sleep(1)
            probe("alone")
            with Hostile(system.ports["http"], path, HOSTILE_CONNECTIONS) as hostile:
                time.sleep(1)
                probe("beside sums over everything")
                answers = hostile.answers
            if answers == 0:
                raise Failed("no hostile query was answered")
            bench.say(f"  {answers} sums over everything were answered")
        finally:
            load.kill()
            load.wait()

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)
