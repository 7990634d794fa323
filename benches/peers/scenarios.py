"""What is measured, and how one run goes.

A run: start with an empty folder; one round that registers every series, one more; wait until
quiet; the timed rounds; wait until the system says it holds everything, has flushed and is quiet
again. All CPU from the first timed point to that quiet is counted.
"""

import shutil
import tempfile
import time
from pathlib import Path

from loadgen import Workload
from machine import WORK
from process import Failed
from senders import LINES_PER_REPORT, LINES_PER_WRITE, freshness, quantile, reports, small_writes
from systems import Corelane, CorelaneTwoShards

DRAIN_SECONDS = 300
# A system whose count stands still for this long has all that it will get (datagrams are lost).
STANDSTILL_SECONDS = 5


class Bench:
    """What all scenarios of one call share."""

    def __init__(self, record, seed, quick, pairs, say):
        self.record = record
        self.seed = seed
        self.quick = quick
        self.pairs = pairs
        self.say = say

    def shorter(self, rounds):
        return max(3, rounds // 5) if self.quick else rounds

    def with_system(self, kind, work):
        """Start a fresh `kind`, let `work` use it, stop it, remove its data."""
        WORK.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{kind.name}-", dir=WORK))
        system = kind(folder)
        try:
            system.start()
            result = work(system)
            code = system.stop()
            if code not in (0, None) and isinstance(system, Corelane):
                raise Failed(f"{kind.name} left with {code}:\n{system.process.tail()}")
            return result
        finally:
            if system.process:
                system.process.kill()
            shutil.rmtree(folder, ignore_errors=True)

    def row(self, system, scenario, pair, **values):
        shards = getattr(system, "shards", "")
        row = self.record.add(scenario=scenario, system=system.name, version=system.version(), pair=pair,
                              shards=shards, seed=self.seed, **values)
        cost, rate = row.get("cpu_seconds_per_million"), row.get("wall_points_per_second")
        figures = [f"{cost:.4f} CPU-s/M"] if cost else []
        figures += [f"{rate / 1000:,.0f} k points/s"] if rate else []
        self.say(f"  {system.name}: {', '.join(figures)}")
        return row


def wait_stored(system, want, seconds=DRAIN_SECONDS):
    """Wait until `system` says it holds `want` points, or stands still; gives what it holds."""
    end = time.monotonic() + seconds
    before, since = -1, time.monotonic()
    while True:
        system.process.check_alive()
        held = system.stored()
        now = time.monotonic()
        if held >= want:
            return held
        if held != before:
            before, since = held, now
        elif now - since > STANDSTILL_SECONDS:
            return held
        if now > end:
            raise Failed(f"{system.name} holds {held:,} of {want:,} points after {seconds} s")
        time.sleep(0.3)


def feed(bench, system, workload, rounds, scenario, pair, **more):
    """One run as the module head says; adds its row."""
    port = system.ports[workload.protocol]
    process, series = system.process, workload.series
    process.wait_until_quiet(DRAIN_SECONDS)
    idle_mib, idle_cpu = process.rss_mib(), process.cpu_seconds()

    workload.send(port, 1)
    held = wait_stored(system, series)
    first_cpu = process.wait_until_quiet(DRAIN_SECONDS) - idle_cpu
    workload.send(port, 1)
    held = wait_stored(system, 2 * series)
    base_cpu = process.wait_until_quiet(DRAIN_SECONDS)

    begin = time.monotonic()
    workload.send(port, rounds)
    sent_seconds = time.monotonic() - begin
    points = rounds * series
    stored = wait_stored(system, held + points) - held
    drained_seconds = time.monotonic() - begin
    if stored < points:
        # The wait for a standstill is no time in which anything was taken.
        drained_seconds = max(sent_seconds, drained_seconds - STANDSTILL_SECONDS)
    system.flush()
    cpu = process.wait_until_quiet(DRAIN_SECONDS) - base_cpu
    lost = points - stored
    if lost > 0 and workload.protocol != "udp":
        raise Failed(f"{system.name} says it holds {stored:,} of {points:,} points")
    if stored <= 0:
        raise Failed(f"{system.name} holds none of {points:,} points")
    per_million = cpu / stored * 1e6
    rss_bytes = (process.rss_mib() - idle_mib) * 1024 * 1024
    values = {
        "protocol": workload.protocol, "series": series, "order": workload.order,
        "connections": workload.connections, "points": points, "points_stored": stored,
        "points_lost": max(lost, 0), "cpu_seconds": cpu, "cpu_seconds_per_million": per_million,
        "wall_points_per_second": stored / drained_seconds, "peak_rss_mib": process.peak_rss_mib(),
        "idle_rss_mib": idle_mib, "rss_bytes_per_series": rss_bytes / series,
        "new_series_cpu_us": (first_cpu - per_million / 1e6 * series) / series * 1e6,
        "command": " ".join(workload.command).replace(str(WORK.parent), "target"),
    }
    if isinstance(system, Corelane):
        values["index_bytes_per_series"] = system.index_bytes() / series
    values.update(more)
    return bench.row(system, scenario, pair, **values)


def alternate(bench, scenario, kinds, make_workload, rounds_of=None):
    """Pairs of runs, A B A B: what disturbs the machine disturbs all alike."""
    for pair in range(1, bench.pairs + 1):
        for kind in kinds:
            workload = make_workload()
            if workload.protocol not in kind.protocols or workload.series > kind.series_max:
                continue
            rounds = bench.shorter((rounds_of or kind.rounds)(workload.series))
            bench.with_system(kind, lambda system: feed(bench, system, workload, rounds, scenario, pair))


def side_by_side(bench, kinds, protocols, sizes):
    """The table: every system that takes the protocol, at every size."""
    for protocol in protocols:
        for series in sizes if protocol == "plaintext" else sizes[:1]:
            bench.say(f"table: {protocol}, {series:,} series")
            alternate(bench, "table", kinds, lambda: Workload(protocol, series, seed=bench.seed))


def shuffled(bench, sizes):
    """The order in which series come, at every size: stable and shuffled."""
    for series in sizes:
        for order in ("stable", "shuffled"):
            bench.say(f"order: {order}, {series:,} series")
            alternate(bench, "order", [Corelane], lambda: Workload("plaintext", series, order=order, seed=bench.seed))


def two_shards(bench, series):
    """Two shards against one."""
    bench.say(f"shards: {series:,} series")
    alternate(bench, "shards", [Corelane, CorelaneTwoShards],
              lambda: Workload("plaintext", series, connections=8, seed=bench.seed))


def memory(bench, series):
    """Memory a series with 60 seconds of points in the head, index and new series included."""
    bench.say(f"memory: {series:,} series, 60 rounds")
    for pair in range(1, bench.pairs + 1):
        workload = Workload("plaintext", series, seed=bench.seed)
        bench.with_system(Corelane, lambda system: feed(bench, system, workload, 58, "memory", pair))


def timed(bench, system, scenario, pair, send, **more):
    """Measure what one of our own senders costs the server; `send` gives points and seconds."""
    process = system.process
    base_cpu = process.wait_until_quiet(DRAIN_SECONDS)
    held = system.stored()
    points, seconds, values = send()
    stored = wait_stored(system, held + points) - held
    cpu = process.wait_until_quiet(DRAIN_SECONDS) - base_cpu
    if stored != points:
        raise Failed(f"{system.name} says it took {stored:,} of {points:,} points")
    return bench.row(system, scenario, pair, protocol="plaintext", order="stable", points=points,
                     points_stored=stored, points_lost=0, cpu_seconds=cpu,
                     cpu_seconds_per_million=cpu / stored * 1e6, wall_points_per_second=stored / seconds,
                     peak_rss_mib=process.peak_rss_mib(), **values, **more)


def one_connection_a_report(bench):
    """300 lines, then close, as fast as one sender can."""
    bench.say("reports: one connection each, 300 lines")
    senders, seconds = 100, 3 if bench.quick else 10

    def work(system):
        def send():
            sent, taken = reports(system.ports["plaintext"], senders, seconds, int(time.time()) - 600)
            return sent * LINES_PER_REPORT, taken, {"reports_per_second": sent / taken}
        send()
        timed(bench, system, "reports", pair, send, series=senders * LINES_PER_REPORT, connections="1 a report",
              command=f"senders.reports: {senders} senders, {LINES_PER_REPORT} lines")

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)


def many_connections(bench):
    """2,000 connections, each five writes of 100 lines a second."""
    connections, writes, seconds = 2_000, 5, 5 if bench.quick else 15
    bench.say(f"many-connections: {connections:,}, each {writes} writes of {LINES_PER_WRITE} lines a second")

    def work(system):
        def send():
            sent, taken, late = small_writes(
                system.ports["plaintext"], connections, writes, seconds, int(time.time()) - 600)
            if late > 1.0:
                bench.say(f"  the sender fell {late:.1f} s behind its schedule")
            return sent * LINES_PER_WRITE, taken, {}
        timed(bench, system, "many-connections", pair, send, series=50 * LINES_PER_WRITE, connections=connections,
              command=f"senders.small_writes: {connections} connections, {writes} writes a second")

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)


def fresh(bench, series=10_000, points_per_second=500_000):
    """How soon a point is in an answer while others flow."""
    probes, pause = (60, 0.05) if bench.quick else (300, 0.05)
    bench.say(f"freshness: {probes} probes beside {points_per_second:,} points/s")

    def work(system):
        workload = Workload("plaintext", series, seed=bench.seed)
        seconds = int(probes * (pause + 0.06)) + 6
        load = workload.start_rate(system.ports["plaintext"], points_per_second, seconds, system.folder)
        try:
            time.sleep(2)
            held, begin = system.stored(), time.monotonic()
            waits = freshness(system.ports["plaintext"], system.ports["http"], probes, pause)
            rate = (system.stored() - held) / (time.monotonic() - begin)
            if load.poll() is not None:
                log = (system.folder / "loadgen.log").read_text(errors="replace")
                raise Failed(f"loadgen ended before the probes did:\n{log[-1500:]}")
        finally:
            load.kill()
            load.wait()
        if rate < 0.9 * points_per_second:
            bench.say(f"  only {rate:,.0f} points/s flowed beside the probes")
        bench.row(system, "freshness", pair, protocol="plaintext", series=series, order="stable",
                  connections=workload.connections, wall_points_per_second=rate,
                  p50_ms=quantile(waits, 0.50) * 1e3, p99_ms=quantile(waits, 0.99) * 1e3,
                  peak_rss_mib=system.process.peak_rss_mib(),
                  command=f"senders.freshness: {probes} probes; loadgen --rate {points_per_second}")

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)
