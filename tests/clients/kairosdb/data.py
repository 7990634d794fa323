"""The points that queries are asked about: always the same, sent as REST bodies.

Nothing here is left to luck by KairosDB: no two series of a metric have texts at one time, nor numbers
that are equal as doubles and differ all the same.
"""
import json
import random

SECOND, MINUTE, HOUR, DAY = 1000, 60_000, 3_600_000, 86_400_000

# 2020-03-27 22:20:00.123 UTC, a Friday; Europe changes its clocks on Sunday.
BASE = 1_585_347_600_123
# 2020-03-20 00:30 UTC.
HOURS = 1_584_664_200_000
# 2018-12-01 12:34 UTC.
DAYS = 1_543_667_640_000


def body(metrics):
    """One REST body of several of `series()`."""
    return json.dumps(metrics, ensure_ascii=False)


def series(name, points, type=None, **tags):
    """One metric object. A tag name that is no identifier goes in by `**{}`."""
    one = {"name": name, "tags": tags, "datapoints": points}
    if type:
        one["type"] = type
    return one


def every():
    """Every metric object."""
    chance = random.Random(1)
    walk = lambda: chance.randrange(-40, 200)
    out = []
    # Whole numbers in three series whose times partly meet.
    for host, dc, step in [("a", "x", 1 * SECOND), ("b", "x", 1 * SECOND), ("c", "y", 2500)]:
        points = [[BASE + step * nth, walk()] for nth in range(24) if chance.random() < 0.9]
        out.append(series("long", points, host=host, dc=dc))
    # Decimals.
    for host in "ab":
        at, points = BASE, []
        for _ in range(20):
            at += chance.randrange(1, 4000)
            some = [chance.uniform(-9, 9), chance.uniform(0, 1e6), chance.randrange(-90, 90) / 8]
            points.append([at, chance.choice(some)])
        out.append(series("double", points, "double", host=host))
    # Whole numbers and decimals of the same times in one series, and one of them in another.
    times = [BASE + 700 * nth for nth in range(16)]
    out.append(series("mix", [[at, walk()] for at in times[:12]], "long", host="a"))
    out.append(series("mix", [[at, walk() + 0.25] for at in times[4:]], "double", host="a"))
    out.append(series("mix", [[at + 350, walk() + 0.5] for at in times], "double", host="b", rack="1"))
    # Texts, alone and beside numbers.
    words = ["alfa", "beta", "gamma", "", "Ä ö", "</b>", "12", "a\"b\\c", "\u2028", "\u0085", "x\ty", "\U0001f600"]
    out.append(series("text", [[BASE + 900 * nth, word] for nth, word in enumerate(words) if word], "string", host="a"))
    out.append(series("text", [[BASE + 450 + 900 * nth, "w%d" % nth] for nth in range(8)], "string", host="b"))
    out.append(series("both", [[BASE + 1000 * nth, "t%d" % nth] for nth in range(6)], "string", host="a"))
    out.append(series("both", [[BASE + 1000 * nth, nth * nth] for nth in range(9)], "long", host="a"))
    out.append(series("both", [[BASE + 1000 * nth + 500, nth / 4] for nth in range(9)], "double", host="b"))
    # Series with other tags than their neighbours.
    some = [{"a": "1"}, {"b": "2"}, {"a": "1", "b": "2"}, {"c": "ü", "a": "z"}, {"a": "10", "b": "x y"}]
    for nth, tags in enumerate(some):
        out.append(series("tags", [[BASE + 100 * nth + 1000 * one, 10 * nth + one] for one in range(4)], **tags))
    # Every hour over a change of clocks, every day over years.
    out.append(series("hours", [[HOURS + HOUR * nth, 1 + nth % 7] for nth in range(16 * 24)], host="a"))
    out.append(series("days", [[DAYS + DAY * nth, nth % 31 + 0.5 * (nth % 3)] for nth in range(790)], host="a"))
    # Times that meet within one metric.
    for host, values in [("a", [10, 20, 3, 5, 6, 7]), ("b", [15, 20, 1, 8, 2, 9])]:
        points = [[BASE + 1000 * (nth // 2 * 2 + nth % 2 * (host == "a")), value] for nth, value in enumerate(values)]
        out.append(series("meet", points, host=host))
    # Numbers at the edges of what there is, and how they are printed.
    large = [2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63), 10_000_000, 9_999_999, 0, -1, 123_456_789_012_345]
    out.append(series("large", [[BASE + 10 * nth, value] for nth, value in enumerate(large)], host="a"))
    small = [1e-3, 9.99e-4, 5e-5, 1e7, 9999999.5, -0.0, 0.1 + 0.2, 1.5e300, -2.5e-300, 12345678.9, 100.0, 1e16]
    out.append(series("small", [[BASE + 10 * nth, value] for nth, value in enumerate(small)], "double", host="a"))
    # Before 1970, and around it.
    old = [-2_000_000_000, -1_000_000_000, -86_400_000, -100, -1, 0, 1, 250, 2_000_000_000]
    out.append(series("old", [[at, nth + 1] for nth, at in enumerate(old)], host="a"))
    out.append(series("one", [[BASE, 5]], host="a"))
    return out


# The first and last times of each metric.
def ranges():
    found = {}
    for one in every():
        times = [at for at, _ in one["datapoints"]]
        first, last = found.get(one["name"], (times[0], times[0]))
        found[one["name"]] = (min(first, *times), max(last, *times))
    return found
