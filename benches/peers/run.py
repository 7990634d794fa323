#!/usr/bin/env python3
"""Rivals side by side with corelane: install, start, feed, measure, in alternating runs.

    cargo build --release --workspace
    python3 benches/peers/run.py --quick

Needs Python 3 and nothing else of Python. VictoriaMetrics is built where Go is, else taken from
Debian, as carbon-cache and carbon-c-relay are (apt and root); KairosDB and Cassandra come by Maven;
what cannot be had is named and left out. Sends to the loopback only. Rows are appended to benches/record/<cpu>/<date>.csv.
"""

import argparse
import signal
import subprocess
import sys
from pathlib import Path

import asking
import durability
import loadgen
import scenarios
import senders
from goals import verdicts
from graphite_web import GraphiteWeb
from kairosdb import KairosDb
from machine import ROOT, cores, load_average
from process import Failed
from record import Record, table
from systems import BY_NAME, Corelane, chosen

BY_NAME[GraphiteWeb.name] = GraphiteWeb
BY_NAME[KairosDb.name] = KairosDb

SIZES = (10_000, 100_000, 1_000_000)
PROTOCOLS = ("plaintext", "pickle", "udp", "telnet", "rest")
SCENARIOS = ("table", "order", "shards", "reports", "many-connections", "freshness", "memory",
             "bytes", "at-rest", "resident", "kill", "acks", "query-load", "merge-load", "hostile",
             "render", "find", "tag-regex", "dashboard", "kairos-query")


def numbers(text):
    return [int(part) for part in text.split(",")]


def words(text):
    return [part for part in text.split(",") if part]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a fifth of the rounds, one pair: to see that all works")
    parser.add_argument("--series", type=numbers, default=None, help="numbers of series (10000,100000,1000000)")
    parser.add_argument("--protocol", type=words, default=list(PROTOCOLS), help=f"of the table: {','.join(PROTOCOLS)}")
    parser.add_argument("--pairs", type=int, default=None, help="runs of each system, in turns (3)")
    parser.add_argument("--only", type=words, default=list(BY_NAME), help=f"systems that are compared: {','.join(BY_NAME)}")
    parser.add_argument("--scenario", type=words, default=list(SCENARIOS), help=",".join(SCENARIOS))
    parser.add_argument("--resident-seconds", type=int, default=None, help="of the scenario resident (600)")
    parser.add_argument("--kills", type=int, default=None, help="of each run of the scenario kill (10)")
    parser.add_argument("--hosts", type=int, default=None, help="of 32 series each, of the scenario render (1000)")
    parser.add_argument("--history", type=int, default=None, help="seconds that questions look back (3600)")
    parser.add_argument("--names", type=int, default=None, help="of the scenarios find and tag-regex (1000000)")
    parser.add_argument("--dashboard-seconds", type=int, default=None, help="of each part of the dashboard (60)")
    parser.add_argument("--real-time", action="store_true",
                        help="askers on a schedule go before senders on their core (root)")
    parser.add_argument("--seed", type=int, default=1, help="of the load generator")
    parser.add_argument("--corelane", default=None, help="another corelane binary than target/release/corelane")
    parser.add_argument("--loadgen", default=None, help="another loadgen binary than target/release/loadgen")
    parser.add_argument("--record", default=None, help="another folder for the rows than benches/record/<cpu>")
    parser.add_argument("--no-build", action="store_true", help="measure what is built, without building first")
    chosen_arguments = parser.parse_args()
    for name, known in (("scenario", SCENARIOS), ("protocol", PROTOCOLS)):
        unknown = set(getattr(chosen_arguments, name)) - set(known)
        if unknown:
            parser.error(f"unknown {name} {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return chosen_arguments


def say(text):
    print(text, flush=True)


def build():
    """Measure what the source says: an old binary beside new source would be recorded under its commit."""
    done = subprocess.run(["cargo", "build", "--release", "--workspace"], cwd=ROOT, check=False)
    if done.returncode != 0:
        raise Failed("the build failed; see above")


def available(names):
    """The systems that can run here; the others are named with the reason."""
    kinds = []
    for kind in chosen(names):
        reason = kind.install()
        if reason:
            say(f"SKIPPED: {kind.name}: {reason}")
        else:
            kinds.append(kind)
            say(f"{kind.name} {kind.version()}")
    return kinds


def measure(options, bench):
    sizes = options.series or (SIZES[:1] if options.quick else SIZES)
    wanted = options.scenario
    resident_seconds = options.resident_seconds or (20 if options.quick else 600)
    kills = options.kills or (3 if options.quick else 10)
    hosts = options.hosts or (200 if options.quick else 1_000)
    history = options.history or (600 if options.quick else 3_600)
    names = options.names or (100_000 if options.quick else 1_000_000)
    board_seconds = options.dashboard_seconds or (20 if options.quick else 60)
    # Nothing else needs graphite-web, nor KairosDB, and they take a while to install.
    needed = {
        GraphiteWeb.name: "render" in wanted,
        KairosDb.name: "kairos-query" in wanted or "table" in wanted and {"telnet", "rest"} & set(options.protocol),
    }
    kinds = available([name for name in options.only if needed.get(name, True)])
    if wanted != ["table"] and Corelane.install():
        raise Failed(f"corelane is not there: {Corelane.install()}")
    if len(cores()) < 2:
        say("only one core: the sender shares it with the server, so judge by CPU alone")
    steps = {
        "table": lambda: scenarios.side_by_side(bench, kinds, options.protocol, sizes),
        "order": lambda: scenarios.shuffled(bench, sizes),
        "shards": lambda: scenarios.two_shards(bench, sizes[0]),
        "reports": lambda: scenarios.one_connection_a_report(bench),
        "many-connections": lambda: scenarios.many_connections(bench),
        "freshness": lambda: scenarios.fresh(bench),
        "memory": lambda: scenarios.memory(bench, sizes[-1]),
        "bytes": lambda: durability.bytes_written(bench, kinds, sizes),
        "at-rest": lambda: durability.bytes_at_rest(bench, kinds),
        "resident": lambda: durability.resident(bench, sizes[-1], resident_seconds),
        "kill": lambda: durability.killed(bench, kinds, kills),
        "acks": lambda: durability.acks(bench, kinds),
        "query-load": lambda: durability.queries_beside_points(bench),
        "merge-load": lambda: durability.beside_merges(bench),
        "hostile": lambda: durability.beside_hostile_queries(bench),
        "render": lambda: asking.rendering(bench, kinds, hosts, history),
        "find": lambda: asking.finding(bench, kinds, names),
        "tag-regex": lambda: asking.filtering(bench, kinds, names),
        "dashboard": lambda: asking.dashboard(bench, board_seconds, history),
        "kairos-query": lambda: asking.kairos_queries(bench, kinds, history),
    }
    failures = []
    for name in wanted:
        try:
            steps[name]()
        except Failed as error:
            # One rival's end must not cost the figures of the others.
            failures.append(f"{name}: {error}")
            say(f"FAILED: {name}: {error}")
    return failures


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if options.corelane:
        Corelane.binary = Path(options.corelane).resolve()
    senders.real_time = options.real_time
    if options.loadgen:
        loadgen.BINARY = Path(options.loadgen).resolve()
    record = Record(options.record and Path(options.record).resolve())
    bench = scenarios.Bench(record, options.seed, options.quick, options.pairs or (1 if options.quick else 3), say)
    try:
        if not options.no_build:
            build()
        if not loadgen.BINARY.exists():
            raise Failed(f"{loadgen.BINARY} is not there: run 'cargo build --release --workspace'")
        if load_average() > 1:
            say(f"the machine is not idle (load {load_average():.1f}): figures will be too high")
        failures = measure(options, bench)
    except Failed as error:
        failures = [str(error)]
    for line in table(record.rows) + verdicts(record.rows):
        say(line)
    if record.rows:
        say(f"\nrecorded in {record.path}")
    for failure in failures:
        say(f"FAILED: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
