"""What corelane must reach, and whether the rows at hand show it. Medians over the pairs, where nothing
else is said."""

from record import median, share_of, worst
from senders import REAL_TIME_CASE

# Scenario, protocol, series (or any), field, the most it may be, how it is said.
CEILINGS = (
    ("table", "plaintext", 10_000, "cpu_seconds_per_million", 0.095, "plaintext, 10 k series: CPU-s per million points"),
    ("table", "plaintext", 100_000, "cpu_seconds_per_million", 0.125, "plaintext, 100 k series: CPU-s per million points"),
    ("table", "plaintext", 1_000_000, "cpu_seconds_per_million", 0.180, "plaintext, 1 M series: CPU-s per million points"),
    ("table", "pickle", 10_000, "cpu_seconds_per_million", 0.13, "pickle, 500 a frame: CPU-s per million points"),
    ("table", "udp", 10_000, "cpu_seconds_per_million", 0.20, "datagrams: CPU-s per million points"),
    ("many-connections", "plaintext", None, "cpu_seconds_per_million", 0.25, "2,000 connections: CPU-s per million points"),
    ("freshness", "plaintext", None, "p99_ms", 50.0, "fresh point in an answer: p99, ms"),
    ("memory", "plaintext", 1_000_000, "rss_bytes_per_series", 1536.0, "memory a series, 60 s of head: bytes"),
    ("memory", "plaintext", 1_000_000, "index_bytes_per_series", 250.0, "index a series: bytes"),
    ("memory", "plaintext", 1_000_000, "new_series_cpu_us", 2.0, "a new series: us of CPU"),
    ("bytes", "plaintext", 10_000, "written_bytes_per_point", 5.0, "10 k series: bytes written a point"),
    ("at-rest", "plaintext", 10_000, "cells_bytes_per_point", 0.30, "cells, 3600 points a series: bytes a point"),
    ("at-rest", "plaintext", 100_000, "cells_bytes_per_point", 0.30, "cells, 60 points a series: bytes a point"),
    ("resident", "plaintext", 1_000_000, "rss_bytes_per_series", 768.0, "memory a series, a point a second: bytes"),
    ("kill", "plaintext", None, "lost_ms", 100.0, "SIGKILL: ms of lines lost, the most"),
    ("find-level", "graphite", 1_000_000, "p99_ms", 5.0, "a level with 1,000 children of 1 M names: p99, ms"),
    ("find-glob", "graphite", 1_000_000, "p99_ms", 50.0, "*.*.*.cpu.* of 1 M names: p99, ms"),
    ("tag-regex", "graphite", 1_000_000, "cpu_ms_per_query", 100.0, "a regex on a tag of 1 M series: ms of CPU"),
    ("dashboard", "plaintext", None, "rate_lost_share", 0.05, "a dashboard beside the points: share of their rate lost"),
)

# What must hold every time: the worst of all pairs counts.
WORST = ("lost_ms", "rate_lost_share")

# The same the other way round: the least it may be.
FLOORS = (
    ("reports", "plaintext", None, "reports_per_second", 5_000.0, "one connection per report: reports a second"),
)

# Protocol, series, rival, the most of its CPU per point.
SHARES = (
    ("plaintext", 10_000, "victoriametrics", 1 / 10),
    ("plaintext", 100_000, "victoriametrics", 1 / 14),
    ("plaintext", 1_000_000, "victoriametrics", 1 / 16),
    ("pickle", 10_000, "carbon-cache", 1 / 90),
    ("telnet", 10_000, "victoriametrics", 1 / 10),
    ("rest", 10_000, "victoriametrics", 1 / 8),
    ("telnet", 10_000, "kairosdb", 1 / 250),
    ("rest", 10_000, "kairosdb", 1 / 120),
)

# Cases of kairos-query, of full length: smaller tries are not judged.
KAIROS_AVERAGE = "average of 1 min by tag, 3600 s"
KAIROS_RAW = "raw by tag, 3600 s"

# Scenario, protocol, series (or any), field, what ours is held against (system, and the cases of ours and
# of that, or any), the most of it, how it is said.
RATIOS = (
    ("bytes", "plaintext", 100_000, "written_bytes_per_point", ("victoriametrics", None, None), 1.3,
     "100 k series: bytes written a point, share of victoriametrics'"),
    ("bytes", "plaintext", 1_000_000, "written_bytes_per_point", ("victoriametrics", None, None), 1 / 3,
     "1 M series: bytes written a point, share of victoriametrics'"),
    ("at-rest", "plaintext", 10_000, "at_rest_bytes_per_point", ("victoriametrics", None, None), 0.97,
     "3600 points a series: bytes at rest, share of victoriametrics'"),
    ("at-rest", "plaintext", 100_000, "at_rest_bytes_per_point", ("victoriametrics", None, None), 0.60,
     "60 points a series: bytes at rest, share of victoriametrics'"),
    ("query-load", "render", None, "p99_ms", ("corelane", "beside half of the most", "idle"), 2.0,
     "queries beside half of the most points: p99 against idle"),
    ("query-load", "render", None, "p99_ms",
     ("corelane", f"beside half of the most{REAL_TIME_CASE}", f"idle{REAL_TIME_CASE}"), 2.0,
     f"queries beside half of the most points{REAL_TIME_CASE}: p99 against idle"),
    ("merge-load", "render", None, "p99_ms", ("corelane", "merging", "no merges"), 1.5,
     "queries beside merges: p99 against none"),
    ("merge-load", "render", None, "p99_ms",
     ("corelane", f"merging{REAL_TIME_CASE}", f"no merges{REAL_TIME_CASE}"), 1.5,
     f"queries beside merges{REAL_TIME_CASE}: p99 against none"),
    ("merge-load", "kairos-rest", None, "p99_ms", ("corelane", "merging", "no merges"), 1.5,
     "acks beside merges: p99 against none"),
    ("merge-load", "kairos-rest", None, "p99_ms",
     ("corelane", f"merging{REAL_TIME_CASE}", f"no merges{REAL_TIME_CASE}"), 1.5,
     f"acks beside merges{REAL_TIME_CASE}: p99 against none"),
    ("dashboard", "plaintext", None, "p99_ms", ("corelane", "beside half of the most", "idle"), 2.0,
     "a dashboard beside half of the most points: p99 against idle"),
    ("dashboard", "plaintext", None, "p99_ms", ("corelane", "beside the most", "idle"), 5.0,
     "a dashboard beside the most points: p99 against idle"),
    ("kairos-query", "kairos", None, "cpu_ms_per_query", ("kairosdb", KAIROS_AVERAGE, KAIROS_AVERAGE), 1 / 60,
     f"{KAIROS_AVERAGE}: share of kairosdb's CPU"),
    ("kairos-query", "kairos", None, "p50_ms", ("kairosdb", KAIROS_AVERAGE, KAIROS_AVERAGE), 1 / 40,
     f"{KAIROS_AVERAGE}: share of kairosdb's time"),
    ("kairos-query", "kairos", None, "cpu_ms_per_query", ("kairosdb", KAIROS_RAW, KAIROS_RAW), 1 / 25,
     f"{KAIROS_RAW}: share of kairosdb's CPU"),
)

# What is asked, and the most that a query may take of VictoriaMetrics' CPU. Of graphite-web's, all of them.
QUESTIONS = (
    ("raw: 100 series, 1 s", 1 / 8),
    ("sum: 1000 series, 1 s", 1 / 10),
    ("sum: 1000 series, 60 s", 1 / 25),
    ("max: 10000 series, 60 s", 1 / 50),
)
GRAPHITE_WEB_MOST = 1 / 100
# Points a series, so that smaller tries are not judged.
QUESTION_POINTS = 3_600

SHUFFLED_MOST = 2.5
TWO_SHARDS_MOST = 1.10


def verdicts(rows):
    """One line for every goal that the rows say something about."""
    found = []
    for scenario, protocol, series, field, most, text in CEILINGS:
        some = _corelane(rows, scenario, protocol, series)
        value = worst(some, field) if field in WORST else median(some, field)
        found.append((text, value, most, True))
    for scenario, protocol, series, field, least, text in FLOORS:
        value = median(_corelane(rows, scenario, protocol, series), field)
        found.append((text, value, least, False))
    for protocol, series, rival, most in SHARES:
        theirs = _of(rows, "table", protocol, series, rival)
        value = share_of(_corelane(rows, "table", protocol, series), theirs)
        found.append((f"{protocol}, {series:,} series: share of {rival}'s CPU", value, most, True))
    for scenario, protocol, series, field, (system, our_case, their_case), most, text in RATIOS:
        ours = _in_case(_corelane(rows, scenario, protocol, series), our_case)
        theirs = _in_case(_of(rows, scenario, protocol, series, system), their_case)
        found.append((text, share_of(ours, theirs, field), most, True))
    found += _questions(rows)
    found.append(_acks(rows))
    for series in sorted({row["series"] for row in rows if row["scenario"] == "order"}):
        some = _corelane(rows, "order", "plaintext", series)
        shuffled = [row for row in some if row["order"] == "shuffled"]
        value = share_of(shuffled, [row for row in some if row["order"] == "stable"])
        found.append((f"shuffled against stable order, {series:,} series", value, SHUFFLED_MOST, True))
    one, two = (_of(rows, "shards", "plaintext", None, name) for name in ("corelane", "corelane-2"))
    found.append(("two shards against one", share_of(two, one), TWO_SHARDS_MOST, True))
    lines = [_line(*goal) for goal in found if goal[1] is not None]
    return ["", "goals:", *lines] if lines else []


def _questions(rows):
    """VictoriaMetrics is asked in two languages, and both must be beaten."""
    some = [row for row in rows if row["scenario"] == "render" and row["points_per_series"] == QUESTION_POINTS]
    for case, most in QUESTIONS:
        ours = _in_case(_of(some, "render", "graphite", None, "corelane"), case)
        for system, form, bound in (("victoriametrics", "", most), ("victoriametrics", ", by query_range", most),
                                    ("graphite-web", "", GRAPHITE_WEB_MOST)):
            theirs = _in_case(_of(some, "render", "graphite", None, system), case + form)
            yield f"{case}: share of {system}'s CPU{form}", share_of(ours, theirs, "cpu_ms_per_query"), bound, True


def _acks(rows):
    """An acknowledgement is as fast as a third of one that syncs nothing, or near what the disk can do."""
    ours, theirs, disk = (median(_of(rows, "acks", "json", None, name), "p999_ms")
                          for name in ("corelane", "victoriametrics", "disk"))
    bounds = [theirs / 3] if theirs else []
    bounds += [2 * disk + 5] if disk else []
    return "acks: p99.9, ms", ours if bounds else None, max(bounds, default=0), True


def _in_case(rows, case):
    return [row for row in rows if case in (None, row.get("case"))]


def _of(rows, scenario, protocol, series, system):
    return [row for row in rows
            if (row["scenario"], row.get("protocol"), row["system"]) == (scenario, protocol, system)
            and series in (None, row["series"])]


def _corelane(rows, scenario, protocol, series):
    return _of(rows, scenario, protocol, series, "corelane")


def _line(text, value, bound, is_most):
    reached = value <= bound if is_most else value >= bound
    sign = "<=" if is_most else ">="
    return f"  {'reached' if reached else 'MISSED ':<8} {text}: {value:.4g} ({sign} {bound:.4g})"
