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
from record import FIGURES
from senders import freshness, quantile
from systems import Corelane, CorelaneTwoShards

DRAIN_SECONDS = 300
# A system whose count stands still for this long has all that it will get (datagrams are lost).
STANDSTILL_SECONDS = 5
# After a run of corelane, so many more rounds are sent and each series' points compared, up to this size.
VERIFIED_ROUNDS = 3
VERIFIED_SERIES_MAX = 100_000
# Points of a request of the table's REST doors.
REST_BATCH = 1_000


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
        """A row of something that is measured; `system` needs a name and a version."""
        shards = getattr(system, "shards", "")
        row = self.record.add(scenario=scenario, system=system.name, version=system.version(), pair=pair,
                              shards=shards, seed=self.seed, **values)
        cost, rate = row.get("cpu_seconds_per_million"), row.get("wall_points_per_second")
        figures = [f"{cost:.4f} CPU-s/M"] if cost else []
        figures += [f"{rate / 1000:,.0f} k points/s"] if rate else []
        figures += [f"{text.format(row[field])}" for field, text in FIGURES if isinstance(row.get(field), (int, float))]
        case = f" ({row['case']})" if row.get("case") else ""
        self.say(f"  {system.name}{case}: {', '.join(figures)}")
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


def drained(system, want, flush=True):
    """Wait until `system` holds `want` points, has flushed and is quiet. Gives what it holds, its CPU by then,
    and at what moment it held all of them. One that cannot be asked again and again is asked when it is quiet."""
    if system.counts_cheaply:
        held = wait_stored(system, want)
        moment = time.monotonic()
        if flush:
            system.flush()
        return held, system.process.wait_until_quiet(DRAIN_SECONDS), moment
    cpu = system.process.wait_until_quiet(DRAIN_SECONDS)
    moment = time.monotonic() - system.process.quiet_seconds
    held = system.stored()
    system.process.wait_until_quiet(DRAIN_SECONDS)
    return held, cpu, moment


def feed(bench, system, workload, rounds, scenario, pair, after=None):
    """One run as the module head says; adds its row. `after` (system, the fields so far) gives
    more fields for it, once nothing of the run is measured any more."""
    port = system.ports[workload.door]
    process, series = system.process, workload.series
    process.wait_until_quiet(DRAIN_SECONDS)
    idle_mib, idle_cpu = process.rss_mib(), process.cpu_seconds()

    workload.send(port, 1)
    _, first_cpu, _ = drained(system, series, flush=False)
    first_cpu -= idle_cpu
    warm = system.warm_rounds if system.warm_rounds == 1 else bench.shorter(system.warm_rounds)
    workload.send(port, warm)
    held, _, _ = drained(system, (1 + warm) * series)
    base_cpu = process.cpu_seconds()
    base_written = process.written_bytes()

    begin = time.monotonic()
    workload.send(port, rounds)
    sent_seconds = time.monotonic() - begin
    points = rounds * series
    stored, cpu, moment = drained(system, held + points)
    stored, cpu, drained_seconds = stored - held, cpu - base_cpu, moment - begin
    if stored < points:
        # The wait for a standstill is no time in which anything was taken.
        drained_seconds = max(sent_seconds, drained_seconds - STANDSTILL_SECONDS)
    written = process.written_bytes() - base_written
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
        "written_bytes_per_point": written / stored, "points_per_series": 1 + warm + rounds,
        "command": workload.command_line(),
    }
    if after:
        values.update(after(system, values))
    if isinstance(system, Corelane):
        values["index_bytes_per_series"] = system.index_bytes() / series
        if workload.protocol != "udp" and series <= VERIFIED_SERIES_MAX:
            # Not measured any more: every series is asked back and compared.
            workload.send(port, VERIFIED_ROUNDS, "--verify", f"http://127.0.0.1:{system.ports['http']}")
    return bench.row(system, scenario, pair, **values)


def alternate(bench, scenario, kinds, make_workload, rounds_of=None, after=None):
    """Pairs of runs, A B A B: what disturbs the machine disturbs all alike."""
    for pair in range(1, bench.pairs + 1):
        for kind in kinds:
            workload = make_workload()
            if workload.protocol not in kind.protocols or workload.series > kind.series_max:
                continue
            workload.door = kind.doors.get(workload.protocol, workload.protocol)
            rounds = bench.shorter((rounds_of or kind.rounds)(workload.series))
            bench.with_system(kind, lambda system: feed(bench, system, workload, rounds, scenario, pair, after))


def side_by_side(bench, kinds, protocols, sizes):
    """The table: every system that takes the protocol, at every size."""
    for protocol in protocols:
        for series in sizes if protocol == "plaintext" else sizes[:1]:
            bench.say(f"table: {protocol}, {series:,} series")
            more = ("--batch", REST_BATCH) if protocol == "rest" else ()
            alternate(bench, "table", kinds, lambda: Workload(protocol, series, seed=bench.seed, more=more))


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


def timed(bench, system, scenario, pair, workload, send):
    """Measure one sending that is not rounds at full speed; `send` gives loadgen's report and more
    fields for the row."""
    process = system.process
    base_cpu = process.wait_until_quiet(DRAIN_SECONDS)
    held = system.stored()
    report, values = send()
    points = report["points"]
    stored = wait_stored(system, held + points) - held
    cpu = process.wait_until_quiet(DRAIN_SECONDS) - base_cpu
    if stored != points:
        raise Failed(f"{system.name} says it took {stored:,} of {points:,} points")
    protocol = values.pop("protocol", workload.protocol)
    return bench.row(system, scenario, pair, protocol=protocol, order=workload.order,
                     series=workload.series, connections=workload.connections, points=points,
                     points_stored=stored, points_lost=0, cpu_seconds=cpu,
                     cpu_seconds_per_million=cpu / stored * 1e6,
                     wall_points_per_second=stored / report["seconds"],
                     peak_rss_mib=process.peak_rss_mib(), command=workload.command_line(), **values)


def one_connection_a_report(bench):
    """One connection per report: connect, 300 lines, close, as fast as the server takes them."""
    bench.say("reports: one connection each, 300 lines")
    lines, connections, seconds = 300, 64, 3 if bench.quick else 10

    def work(system):
        workload = Workload("plaintext", lines * connections, connections, seed=bench.seed)
        port = system.ports["plaintext"]

        def send():
            report = workload.send_for(port, seconds, "--reconnect", lines)
            rate = report["points"] / lines / report["seconds"]
            return report, {"reports_per_second": rate}
        workload.send(port, 2)
        timed(bench, system, "reports", pair, workload, send)

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)


def many_connections(bench):
    """2,000 connections, each five writes of 100 lines a second, each line a series of its own."""
    connections, writes, lines, seconds = 2_000, 5, 100, 5 if bench.quick else 15
    rate = connections * writes * lines
    bench.say(f"many-connections: {connections:,}, each {writes} writes of {lines} lines a second")

    def work(system):
        workload = Workload("plaintext", rate, connections, seed=bench.seed)
        port = system.ports["plaintext"]
        workload.send(port, 2)

        def send():
            report = workload.send_at_rate(port, rate, seconds, "--write", lines)
            return report, {"p50_ms": _ms(report, "latency_p50_us"), "p99_ms": _ms(report, "latency_p99_us")}
        timed(bench, system, "many-connections", pair, workload, send)

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)


def _ms(report, key):
    value = report.get(key)
    return "" if value is None else value / 1e3


def fresh(bench):
    """How soon a point is in an answer while others flow, each series once a second."""
    probes, pause = (60, 0.05) if bench.quick else (300, 0.05)
    rate = 500_000
    bench.say(f"freshness: {probes} probes beside {rate:,} points/s")

    def work(system):
        workload = Workload("plaintext", rate, 100, seed=bench.seed)
        workload.send(system.ports["plaintext"], 1)
        # Longer than the probes may take, even at the bar; it is ended when they are done.
        seconds = int(probes * (pause + 0.1)) + 10
        load = workload.start_at_rate(system.ports["plaintext"], rate, seconds, system.folder)
        try:
            time.sleep(3)
            held, begin = system.stored(), time.monotonic()
            waits = freshness(system.ports["plaintext"], system.ports["http"], probes, pause)
            flowed = (system.stored() - held) / (time.monotonic() - begin)
            if load.poll() is not None:
                log = (system.folder / "loadgen.log").read_text(errors="replace")
                raise Failed(f"loadgen ended before the probes did:\n{log[-1500:]}")
        finally:
            load.kill()
            load.wait()
        if flowed < 0.9 * rate:
            bench.say(f"  only {flowed:,.0f} points/s flowed beside the probes")
        bench.row(system, "freshness", pair, protocol="plaintext", series=rate, order="stable",
                  connections=workload.connections, wall_points_per_second=flowed,
                  p50_ms=quantile(waits, 0.50) * 1e3, p99_ms=quantile(waits, 0.99) * 1e3,
                  peak_rss_mib=system.process.peak_rss_mib(), command=workload.command_line())

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)
