"""What corelane must reach, and whether the rows at hand show it. Medians over the pairs."""

from record import median, share_of

# Scenario, protocol, series (or any), field, the most it may be, how it is said.
CEILINGS = (
    ("table", "plaintext", 10_000, "cpu_seconds_per_million", 0.075, "plaintext, 10 k series: CPU-s per million points"),
    ("table", "plaintext", 100_000, "cpu_seconds_per_million", 0.095, "plaintext, 100 k series: CPU-s per million points"),
    ("table", "plaintext", 1_000_000, "cpu_seconds_per_million", 0.150, "plaintext, 1 M series: CPU-s per million points"),
    ("table", "pickle", 10_000, "cpu_seconds_per_million", 0.13, "pickle, 500 a frame: CPU-s per million points"),
    ("table", "udp", 10_000, "cpu_seconds_per_million", 0.20, "datagrams: CPU-s per million points"),
    ("many-connections", "plaintext", None, "cpu_seconds_per_million", 0.25, "2,000 connections: CPU-s per million points"),
    ("freshness", "plaintext", None, "p99_ms", 50.0, "fresh point in an answer: p99, ms"),
    ("memory", "plaintext", 1_000_000, "rss_bytes_per_series", 1536.0, "memory a series, 60 s of head: bytes"),
    ("memory", "plaintext", 1_000_000, "index_bytes_per_series", 250.0, "index a series: bytes"),
    ("memory", "plaintext", 1_000_000, "new_series_cpu_us", 2.0, "a new series: us of CPU"),
)

# The same the other way round: the least it may be.
FLOORS = (
    ("reports", "plaintext", None, "reports_per_second", 5_000.0, "one connection per report: reports a second"),
)

# Protocol, series, rival, the most of its CPU per point.
SHARES = (
    ("plaintext", 10_000, "victoriametrics", 1 / 12),
    ("plaintext", 100_000, "victoriametrics", 1 / 17),
    ("plaintext", 1_000_000, "victoriametrics", 1 / 18),
    ("pickle", 10_000, "carbon-cache", 1 / 90),
)

SHUFFLED_MOST = 2.5
TWO_SHARDS_MOST = 1.10


def verdicts(rows):
    """One line for every goal that the rows say something about."""
    found = []
    for scenario, protocol, series, field, most, text in CEILINGS:
        value = median(_corelane(rows, scenario, protocol, series), field)
        found.append((text, value, most, True))
    for scenario, protocol, series, field, least, text in FLOORS:
        value = median(_corelane(rows, scenario, protocol, series), field)
        found.append((text, value, least, False))
    for protocol, series, rival, most in SHARES:
        theirs = _of(rows, "table", protocol, series, rival)
        value = share_of(_corelane(rows, "table", protocol, series), theirs)
        found.append((f"{protocol}, {series:,} series: share of {rival}'s CPU", value, most, True))
    for series in sorted({row["series"] for row in rows if row["scenario"] == "order"}):
        some = _corelane(rows, "order", "plaintext", series)
        shuffled = [row for row in some if row["order"] == "shuffled"]
        value = share_of(shuffled, [row for row in some if row["order"] == "stable"])
        found.append((f"shuffled against stable order, {series:,} series", value, SHUFFLED_MOST, True))
    one, two = (_of(rows, "shards", "plaintext", None, name) for name in ("corelane", "corelane-2"))
    found.append(("two shards against one", share_of(two, one), TWO_SHARDS_MOST, True))
    lines = [_line(*goal) for goal in found if goal[1] is not None]
    return ["", "goals:", *lines] if lines else []


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
