"""What questions cost: CPU of the server for each, and how long it takes.

The same points go into each system; it is asked everything once and must answer as the first one
did; then it is asked again and again, one question at a time. Its CPU is that of the scheduler's
account, less what it uses while nobody asks.
"""

import shutil
import socket
import tempfile
import time
import urllib.parse
from pathlib import Path

from answers import compare, grouped, kairos_path, names, nodes, query_range_path, ranged, render_path, rendered
from graphite_web import GraphiteWeb, write_whisper
from loadgen import Workload
from machine import WORK
from process import Failed
from scenarios import DRAIN_SECONDS, drained, wait_stored
from senders import asks, quantile
from kairosdb import KairosDb
from systems import Corelane, VictoriaMetrics

# Series of one host of the load generator.
HOST_SERIES = 32
# What is asked for is on these: core c00 to c04, of the four states two.
CORES = range(5)
STATES = ("user", "nice")
# Asks of one measurement: at least, at most, and for so long.
LEAST, MOST = 1, 1_000
# How long a system is watched while nobody asks.
IDLE_SECONDS = 3.0


class Question:
    """One question in both languages. `forms` are targets of Graphite and queries of Prometheus about
    different series each, which are asked in turn."""

    def __init__(self, case, step, target, query):
        self.case = case
        self.step = step
        variants = [(core, state) for core in CORES for state in STATES] if "{core}" in target else [(0, "")]
        fill = [{"{core}": f"c{core:02}", "{state}": state} for core, state in variants]
        self.targets = [_filled(target, words) for words in fill]
        self.queries = [_filled(query, words) for words in fill]


def _filled(text, words):
    for key, word in words.items():
        text = text.replace(key, word)
    return text


def questions(hosts):
    """A dashboard that shows minutes says so with `summarize`, which both systems read alike; `maxDataPoints`
    would consolidate after the sum, which is another question."""
    some = f"dc1.h000{min(hosts // 100 - 1, 1)}*.cpu.{{core}}.{{state}}"
    one, all_of_them = "dc1.*.cpu.{core}.{state}", "dc1.*.cpu.c0[0-4].{user,nice}"

    def of(path):
        return f'{{__graphite__="{path}"}}'

    return [
        Question("raw: 100 series, 1 s", 1, some, of(some)),
        Question(f"sum: {hosts} series, 1 s", 1, f'alias(sumSeries({one}),"all")', f"sum({of(one)})"),
        Question(f"sum: {hosts} series, 60 s", 60, f'alias(sumSeries(summarize({one},"1min","avg")),"all")',
                 f"sum(avg_over_time({of(one)}[60s]))"),
        Question(f"max: {hosts * 10} series, 60 s", 60, f'alias(maxSeries(summarize({all_of_them},"1min","max")),"all")',
                 f"max(max_over_time({of(all_of_them)}[60s]))"),
    ]


def wanted(name):
    """Whether some question is about this series."""
    *_, core, state = name.split(".")
    return state in STATES and int(core[1:]) in CORES


class Answers:
    """What the first system answered, which all others must answer too."""

    def __init__(self):
        self._first = {}

    def check(self, system, what, answer):
        who, first = self._first.setdefault(what, (system.name, answer))
        compare(f"{system.name} answers {what!r} otherwise than {who}", first, answer)
        if not answer or (isinstance(answer, dict) and not all(answer.values())):
            raise Failed(f"{system.name} answers {what!r} with nothing")


def measure(bench, system, scenario, pair, paths, protocol="graphite", **values):
    """Ask for the paths in turn and add a row of what that took."""
    process = system.process
    if system.warm_questions:
        asks(system.ports["http"], paths, system.warm_questions, system.warm_questions, 0)
    process.wait_until_quiet(DRAIN_SECONDS)
    begin, idle = time.monotonic(), process.cpu_nanoseconds()
    time.sleep(IDLE_SECONDS)
    idle_share = (process.cpu_nanoseconds() - idle) / (time.monotonic() - begin)
    begin, base = time.monotonic(), process.cpu_nanoseconds()
    waits, size = asks(system.ports["http"], paths, LEAST, MOST, 2 if bench.quick else 10)
    cpu = process.cpu_nanoseconds() - base - idle_share * (time.monotonic() - begin)
    bench.row(system, scenario, pair, protocol=protocol, order="stable", queries=len(waits),
              cpu_ms_per_query=max(cpu, 0.0) / 1e6 / len(waits), bytes_per_query=size / len(waits),
              p50_ms=quantile(waits, 0.50) * 1e3, p99_ms=quantile(waits, 0.99) * 1e3, **values)


def rendering(bench, kinds, hosts, seconds):
    """Raw series, sums and maxima, at a second and at a minute."""
    if hosts < 100:
        raise Failed("render asks about 100 hosts at least: --hosts must be 100 or more")
    series, seconds = hosts * HOST_SERIES, max(180, seconds // 60 * 60)
    begin = (int(time.time()) - seconds - 900) // 60 * 60
    kinds = [kind for kind in (Corelane, VictoriaMetrics, GraphiteWeb) if kind in kinds]
    bench.say(f"render: {series:,} series, {seconds:,} s of a point a second")

    def workload(connections):
        made = Workload("plaintext", series, connections, seed=bench.seed)
        made.next_second = begin
        return made

    def work(system):
        if isinstance(system, GraphiteWeb):
            load = workload(1)
        else:
            load = workload(4)
            load.send(system.ports["plaintext"], seconds)
            if wait_stored(system, series * seconds) < series * seconds:
                raise Failed(f"{system.name} does not hold all points")
            system.flush()
            if isinstance(system, Corelane) and pair == 1:
                # The answers that all are held against are held against what was sent.
                load.next_second = begin
                load.ask(system.ports["http"], seconds, 2, "--query-kinds", "raw,sum,summarize,find-level",
                         "--query-refresh", 1, "--query-window", seconds)
        common = {"series": series, "points_per_series": seconds, "command": load.command_line()}
        for question in questions(hosts):
            targets = question.targets[:getattr(system, "variants_max", len(question.targets))]
            paths = [render_path(system, target, begin, begin + seconds) for target in targets]
            for target, path in zip(targets, paths):
                answers.check(system, target, rendered(system, path))
            measure(bench, system, "render", pair, paths, case=question.case, **common)
            if isinstance(system, VictoriaMetrics):
                # Its own language may cost it less, and is what its users ask in.
                paths = [query_range_path(query, begin, begin + seconds, question.step) for query in question.queries]
                for target, path in zip(question.targets, paths):
                    answers.check(system, target, ranged(system, path, question.step, "all"))
                measure(bench, system, "render", pair, paths, case=f"{question.case}, by query_range", **common)

    answers = Answers()
    folder = None
    try:
        if GraphiteWeb in kinds:
            WORK.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix="whisper-", dir=WORK))
            write_whisper(folder, workload(1), seconds, wanted)
            GraphiteWeb.whisper = folder
        for pair in range(1, bench.pairs + 1):
            for kind in kinds:
                if pair <= getattr(kind, "pairs_max", pair):
                    bench.with_system(kind, work)
    finally:
        if folder:
            shutil.rmtree(folder, ignore_errors=True)


SECTIONS = ("cpu", "disk", "mem", "net")
# Only the hosts of each so many racks tell of their processors: what the glob finds is a list that a person
# may still ask for, and less than what a server gives at most.
CPU_RACKS = 25


def finding(bench, kinds, count):
    """Names by level and by glob, among `count` of them: ten data centres of as many racks each. The glob
    finds one of a hundred."""
    racks = max(1, count // (10 * 5 * len(SECTIONS) * 5))
    count = 10 * racks * 5 * len(SECTIONS) * 5
    bench.say(f"find: {count:,} names, {racks:,} children a level")
    answers = Answers()
    level = [f"/metrics/find?query=dc{centre}.*" for centre in range(10)]
    glob = ["/metrics/find?query=*.*.*.cpu.*"]

    def work(system):
        _send_names(system.ports["plaintext"], racks)
        if wait_stored(system, count) < count:
            raise Failed(f"{system.name} does not hold all names")
        system.flush()
        for scenario, paths in (("find-level", level), ("find-glob", glob)):
            for path in paths:
                answers.check(system, path, nodes(system, path))
            measure(bench, system, scenario, pair, paths, series=count, case=f"{racks:,} children a level")

    for pair in range(1, bench.pairs + 1):
        for kind in (Corelane, VictoriaMetrics):
            if kind in kinds:
                bench.with_system(kind, work)


# Series of the load generator of which one metric has a hundred.
KAIROS_SERIES = 400
KAIROS_METRIC = "cpu.user"


def kairos_queries(bench, kinds, seconds):
    """KairosDB's queries over a hundred series of a metric: averages of a minute by tag, and raw points."""
    seconds = max(180, seconds // 60 * 60)
    begin = (int(time.time()) - seconds - 900) // 60 * 60
    bench.say(f"kairos-query: {KAIROS_SERIES // 4} series of {KAIROS_METRIC}, {seconds:,} s of a point a second")
    average = {"name": "avg", "sampling": {"value": 1, "unit": "minutes"}}
    cases = {
        f"average of 1 min by tag, {seconds} s": [average],
        f"raw by tag, {seconds} s": [],
    }
    answers = Answers()

    def work(system):
        load = Workload("telnet", KAIROS_SERIES, seed=bench.seed)
        load.next_second = begin
        load.send(system.ports["telnet"], seconds)
        held, _, _ = drained(system, KAIROS_SERIES * seconds)
        if held < KAIROS_SERIES * seconds:
            raise Failed(f"{system.name} holds {held:,} of {KAIROS_SERIES * seconds:,} points")
        for case, aggregators in cases.items():
            path = kairos_path(KAIROS_METRIC, begin, begin + seconds, aggregators, ["host", "core"])
            answers.check(system, case, grouped(system, path))
            measure(bench, system, "kairos-query", pair, [path], protocol="kairos", case=case, series=KAIROS_SERIES,
                    points_per_series=seconds, command=load.command_line())

    for pair in range(1, bench.pairs + 1):
        for kind in (Corelane, KairosDb):
            if kind in kinds:
                bench.with_system(kind, work)


def _send_names(port, racks):
    """One point for each name."""
    second = int(time.time()) - 60
    def ends_of(sections):
        return [f".{section}.m{number} 1 {second}\n" for section in sections for number in range(5)]

    with_cpu, without = ends_of(SECTIONS), ends_of(("gpu",) + SECTIONS[1:])
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
        for centre in range(10):
            for rack in range(racks):
                hosts = (f"dc{centre}.r{rack:03}.h{host}" for host in range(5))
                ends = with_cpu if rack % CPU_RACKS == 0 else without
                stream.sendall("".join(host + end for host in hosts for end in ends).encode())


def filtering(bench, kinds, count):
    """A regular expression on a tag among `count` series: hosts whose number ends in two digits. No question
    is asked twice before it is timed, because VictoriaMetrics keeps what an expression found."""
    count = max(count // HOST_SERIES, 100) * HOST_SERIES
    bench.say(f"tag-regex: {count:,} tagged series")
    answers = Answers()
    paths = []
    for digits in range(100):
        for core in CORES:
            tests = ("name=cpu.user", f"core=c{core:02}", f"host=~.*{digits:02}$")
            paths.append("/tags/findSeries?" + urllib.parse.urlencode([("expr", test) for test in tests]))
    before, timed = paths[:5], paths[5:]

    def work(system):
        workload = Workload("plaintext", count, seed=bench.seed)
        workload.send(system.ports["plaintext"], 1, "--tags")
        if wait_stored(system, count) < count:
            raise Failed(f"{system.name} does not hold all series")
        system.flush()
        for path in before:
            answers.check(system, path, names(system, path))
        measure(bench, system, "tag-regex", pair, timed, series=count, command=workload.command_line())
        for path in timed:
            answers.check(system, path, names(system, path))

    for pair in range(1, bench.pairs + 1):
        for kind in (Corelane, VictoriaMetrics):
            if kind in kinds:
                bench.with_system(kind, work)


# Of the dashboard: as many series as a fleet of three thousand hosts has, panels, and seconds of a refresh.
BOARD_SERIES = 100_000
BOARD_PANELS = 200
BOARD_REFRESH = 10
BOARD_CONNECTIONS = 16


def dashboard(bench, seconds, rounds):
    """A dashboard of 200 panels refreshed each 10 s: alone, beside half of the most points, beside the most."""
    bench.say(f"dashboard: {BOARD_PANELS} panels each {BOARD_REFRESH} s, {seconds} s each")
    common = {"protocol": "plaintext", "series": BOARD_SERIES, "order": "stable", "connections": BOARD_CONNECTIONS}

    def work(system):
        port, http = system.ports["plaintext"], system.ports["http"]
        load = Workload("plaintext", BOARD_SERIES, BOARD_CONNECTIONS, seed=bench.seed, span_seconds=80_000)
        load.keep_start()
        window = ("--query-panels", BOARD_PANELS, "--query-refresh", BOARD_REFRESH, "--query-window", rounds)
        load.send(port, 2)
        # Its history is also what tells how much it takes.
        most = load.send(port, rounds - 2)["points_per_second"]

        def settle():
            sent = load.rounds_sent * BOARD_SERIES
            held = wait_stored(system, sent)
            if held != sent:
                raise Failed(f"{system.name} says it took {held:,} of {sent:,} points")
            system.process.wait_until_quiet(DRAIN_SECONDS)

        def row(case, query, report=None, **values):
            figures = {name: query["all"][key] / 1e3 for name, key in
                       (("p50_ms", "p50_us"), ("p99_ms", "p99_us"), ("p999_ms", "p999_us"))}
            if report:
                figures.update(points=report["points"], wall_points_per_second=report["points_per_second"])
            bench.row(system, "dashboard", pair, case=case, queries=query["all"]["queries"], **figures, **values,
                      command=load.command_line(), **common)
            for kind in query["kinds"]:
                bench.say(f"    {kind['kind']}: p50 {kind['p50_us'] / 1e3:.2f} ms, p99 {kind['p99_us'] / 1e3:.2f} ms")

        settle()
        row("idle", load.ask(http, load.rounds_sent, seconds, *window))
        ask = ("--query", f"http://127.0.0.1:{http}", *window)
        for share, case in ((0.5, "beside half of the most"), (1.0, "beside the most")):
            rate = int(most * share)
            # The same without questions says what they take from ingest.
            alone = load.send_at_rate(port, rate, seconds, "--step", 1)
            settle()
            busy, began = system.process.cpu_seconds(), time.monotonic()
            report = load.send_at_rate(port, rate, seconds, "--step", 1, *ask)
            busy = (system.process.cpu_seconds() - busy) / (time.monotonic() - began)
            settle()
            lost = 1 - report["points_per_second"] / alone["points_per_second"]
            row(case, report["query"], report, rate_lost_share=max(lost, 0.0))
            # Where it is not, the sender's is what was short.
            bench.say(f"    the server's core was busy for {busy:.0%} of the time")

    for pair in range(1, bench.pairs + 1):
        bench.with_system(Corelane, work)
