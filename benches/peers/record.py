"""Rows of measurements: a CSV file a day and processor, and the table that is printed."""

import csv
import datetime
import platform
import statistics

from machine import ROOT, commit, cores, cpu_model, cpu_slug, load_average

FIELDS = (
    "time_utc", "commit", "kernel", "cpu", "cores", "load_average", "scenario", "system", "version", "pair",
    "protocol", "series", "order", "connections", "shards", "seed", "points", "points_stored", "points_lost",
    "cpu_seconds", "cpu_seconds_per_million", "wall_points_per_second", "peak_rss_mib", "idle_rss_mib",
    "rss_bytes_per_series", "index_bytes_per_series", "new_series_cpu_us", "reports_per_second",
    "p50_ms", "p99_ms", "command",
    "case", "points_per_series", "p999_ms", "written_bytes_per_point", "written_merged_bytes_per_point",
    "at_rest_bytes_per_point", "cells_bytes_per_point", "lost_ms",
    "queries", "cpu_ms_per_query", "bytes_per_query", "rate_lost_share",
)

# What is said of a row besides CPU and rate: field, how it is said.
FIGURES = (
    ("written_bytes_per_point", "{:.2f} B written a point"),
    ("written_merged_bytes_per_point", "{:.2f} after a merge"),
    ("at_rest_bytes_per_point", "{:.3f} B at rest a point"),
    ("cells_bytes_per_point", "{:.3f} of cells"),
    ("lost_ms", "{:.0f} ms lost"),
    ("cpu_ms_per_query", "{:.3f} CPU-ms a query"),
    ("bytes_per_query", "{:,.0f} B an answer"),
    ("p50_ms", "p50 {:.2f} ms"),
    ("p99_ms", "p99 {:.2f} ms"),
    ("p999_ms", "p99.9 {:.2f} ms"),
    ("rate_lost_share", "{:.4f} of the rate lost"),
)


class Record:
    """All rows of this call of the bench."""

    def __init__(self, folder=None):
        now = datetime.datetime.now(datetime.timezone.utc)
        folder = folder or ROOT / "benches" / "record" / cpu_slug()
        self.path = folder / f"{now:%Y-%m-%d}.csv"
        self.rows = []
        self._same = {
            "commit": commit(), "kernel": platform.release(), "cpu": cpu_model(), "cores": len(cores()),
        }

    def add(self, **values):
        """Keep a row, and write it at once: an interrupted run keeps what it measured."""
        now = datetime.datetime.now(datetime.timezone.utc)
        row = dict(self._same, time_utc=f"{now:%Y-%m-%dT%H:%M:%SZ}", load_average=load_average(), **values)
        unknown = set(row) - set(FIELDS)
        assert not unknown, f"no such field: {unknown}"
        self.rows.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = not self.path.exists()
        if not fresh:
            self._widen()
        with open(self.path, "a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if fresh:
                writer.writeheader()
            writer.writerow({key: _text(value) for key, value in row.items()})
        return row


    def _widen(self):
        """Give the rows of earlier today the columns that they did not know."""
        with open(self.path, newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or ()) == FIELDS:
                return
            rows = list(reader)
        with open(self.path, "w", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)


def _text(value):
    return f"{value:.6g}" if isinstance(value, float) else value


def table(rows):
    """The medians of all pairs, side by side, as lines of text."""
    groups = {}
    for row in rows:
        key = (row["scenario"], *(row.get(field, "") for field in ("protocol", "series", "order", "case")))
        groups.setdefault(key, {}).setdefault(row["system"], []).append(row)
    lines = []
    for (scenario, protocol, series, order, case), systems in groups.items():
        told = [protocol, f"{series:,} series" if series else "", f"{order} order" if order else "", case]
        lines += ["", f"{scenario}: {', '.join(text for text in told if text)}"]
        lines.append(f"  {'system':<17}{'pairs':>6}{'CPU-s/M':>10}{'best':>10}{'k points/s':>12}"
                     f"{'peak MiB':>10}{'lost':>8}{'new us':>8}  corelane's share")
        for name, some in systems.items():
            lines.append(_table_line(name, some, systems))
            lines += [f"    {detail}" for detail in _details(scenario, some)]
    return lines


def median(rows, field):
    """The median of `field` over the rows that have it, or nothing."""
    values = [row[field] for row in rows if isinstance(row.get(field), (int, float))]
    return statistics.median(values) if values else None


def worst(rows, field):
    """The highest `field` of the rows that have it, or nothing."""
    return max((row[field] for row in rows if isinstance(row.get(field), (int, float))), default=None)


def _table_line(name, rows, systems):
    cost = median(rows, "cpu_seconds_per_million")
    best = min((row["cpu_seconds_per_million"] for row in rows if row.get("cpu_seconds_per_million")), default=None)
    rate = median(rows, "wall_points_per_second")
    text = f"  {name:<17}{len(rows):>6}{_number(cost, 4):>10}{_number(best, 4):>10}"
    text += f"{_number(rate and rate / 1000, 0):>12}{_number(median(rows, 'peak_rss_mib'), 0):>10}"
    text += f"{sum(row.get('points_lost') or 0 for row in rows):>8}{_number(median(rows, 'new_series_cpu_us'), 2):>8}"
    field = "cpu_seconds_per_million" if cost else "cpu_ms_per_query"
    ratio = None if name == "corelane" else share_of(systems.get("corelane", []), rows, field)
    return text if ratio is None else f"{text}  {ratio:.3f} = 1/{1 / ratio:.1f}"


def share_of(ours, theirs, field="cpu_seconds_per_million"):
    """The median over the pairs of our figure, CPU per point if no other is named, as a share of theirs."""
    mine = {row["pair"]: row.get(field) for row in ours}
    ratios = [mine[row["pair"]] / row[field] for row in theirs if mine.get(row["pair"]) and row.get(field)]
    return statistics.median(ratios) if ratios else None


# What a scenario is about, besides CPU: field, how it is said.
DETAILS = {
    "reports": (("reports_per_second", "{:.0f} reports a second"),),
    "freshness": (("p50_ms", "p50 {:.2f} ms"), ("p99_ms", "p99 {:.2f} ms")),
    "many-connections": (("p99_ms", "p99 {:.2f} ms from the scheduled time of a write to its end"),),
    "resident": (("rss_bytes_per_series", "{:.0f} bytes of memory a series"),),
    "memory": (("rss_bytes_per_series", "{:.0f} bytes of memory a series"),
               ("index_bytes_per_series", "{:.0f} of them in the index"),
               ("new_series_cpu_us", "{:.2f} us of CPU a new series")),
}


def _details(scenario, rows):
    for field, text in DETAILS.get(scenario, FIGURES):
        value = median(rows, field)
        if value is not None:
            yield text.format(value)


def _number(value, digits):
    return "-" if value is None else f"{value:,.{digits}f}"
