"""Whether two answers are the same."""
import csv
import io
import json
import math
import pickle
import re

import data

# Functions that add up floats, and whatever is made of sums: their values may differ in the last place.
SUMS = re.compile(
    r"\b(sum\w*|average\w*|avg\w*|total\w*|aggregate\w*|integral\w*|stdev|stddev\w*|moving\w*|summarize|"
    r"smartSummarize|hitcount|weightedAverage|asPercent|pct|linearRegression|holtWinters\w*|groupBy\w*|"
    r"exponentialMovingAverage|applyByNode|mostDeviant|sortBy\w*|legendValue|cactiStyle|reduce\w*|stacked|"
    r"average|avg)\b"
)
ULP = 2.0**-52


def bound(target):
    """How far values may lie apart, as a part of them: nothing, but for sums, which graphite-web adds one by one,
    with half a place in the last lost each time, and corelane adds exactly and rounds once."""
    return ULP * (1 + (data.matching(target) - 1) / 2) if SUMS.search(target) else 0


def ending(text):
    """JSON as graphite-web writes it; infinities are read as none, as corelane writes them."""

    def number(word):
        value = float(word)
        return value if math.isfinite(value) else None

    return json.loads(text, parse_float=number, parse_constant=lambda word: None)


def without_callback(body):
    found = re.fullmatch(rb"(\w+)\((.*)\)", body, re.DOTALL)
    return (found.group(1), found.group(2)) if found else (None, body)


def plain(value):
    """Whatever a reader gave, as lists, dicts, texts and numbers; nothing for what is not finite."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read(format, answer):
    """The answer as one value that can be compared."""
    body = answer.body
    if format in ("json", "dygraph", "rickshaw", "text"):
        name, body = without_callback(body)
        value = ending(body.decode("utf-8"))
        return value if name is None else [name.decode(), value]
    if format == "plain":
        return body.decode("utf-8")
    if format == "csv":
        rows = csv.reader(io.StringIO(body.decode("utf-8"), newline=""))
        return [[name, time, number(value) if value else None] for name, time, value in rows]
    if format == "raw":
        return [raw_line(line) for line in body.decode("utf-8").splitlines()]
    if format == "pickle":
        return [wanted(series) for series in plain(pickle.loads(body))]
    if format == "msgpack":
        import msgpack

        return [wanted(series) for series in plain(msgpack.unpackb(body, raw=False))]
    raise ValueError(format)


def raw_line(line):
    head, values = line.rsplit("|", 1)
    values = [None if word == "None" else number(word) for word in values.split(",") if word]
    return [head, values]


def number(word):
    """A number as it was written: `4` is another than `4.0`."""
    return int(word) if re.fullmatch(r"-?[0-9]+", word) else plain(float(word))


def by_path(found):
    """Nodes by path: graphite-web sorts them by their last part only, in whatever order a folder has them."""
    if isinstance(found, list) and all(isinstance(node, dict) and "path" in node for node in found):
        return sorted(found, key=lambda node: (node["path"], str(node)))
    if isinstance(found, dict) and "metrics" in found:
        return sorted(found["metrics"], key=str)
    return found


def without(value, name):
    """The same without what is told under that name: corelane has its own texts and numbers."""
    if isinstance(value, dict):
        return {key: without(inner, name) for key, inner in value.items() if key != name}
    if isinstance(value, list):
        return [without(inner, name) for inner in value]
    return value


def of_one_kind(value, format):
    """An answer to `/render` in which no series has both whole numbers and floats: then all are floats."""
    if format == "json":
        return [{**one, "datapoints": floats(one["datapoints"], 0)} for one in value] if is_list(value) else value
    if format == "rickshaw":
        return [{**one, "datapoints": floats(one["datapoints"], "y")} for one in value] if is_list(value) else value
    if format in ("pickle", "msgpack"):
        return [{**one, "values": [pair[0] for pair in floats([[v] for v in one["values"]], 0)]} for one in value]
    return value


def is_list(value):
    return isinstance(value, list) and all(isinstance(one, dict) and "datapoints" in one for one in value)


def floats(points, key):
    kinds = {type(point[key]) for point in points}
    if not {int, float} <= kinds:
        return points
    changed = []
    for point in points:
        point = dict(point) if isinstance(point, dict) else list(point)
        point[key] = float(point[key]) if point[key] is not None else None
        changed.append(point)
    return changed


def wanted(series):
    """What a reader of pickles finds; corelane tells nodes by more keys than graphite-web."""
    return {key: value for key, value in series.items() if key not in ("metric_path", "isLeaf", "intervals")}


def same(left, right, apart):
    """Whether two values are equal, floats but for `apart`, as a part of them; `4` is not `4.0`."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key], apart) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(lambda a, b: same(a, b, apart), left, right))
    if is_number(left) and type(left) is type(right):
        if left == right:
            return True
        return abs(left - right) <= apart * max(abs(left), abs(right))
    return type(left) is type(right) and left == right


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# What an error is about, by words of its text; both say these in the same words.
CLASSES = [
    "unknown function",
    "Invalid empty time range",
    "Missing required parameter",
    "is empty",
    "template() syntax",
]


def error_class(answer):
    text = answer.body.decode("utf-8", "replace")
    return next((words for words in CLASSES if words in text), None)


def difference(case, theirs, ours):
    """`None`, or in a few words how `ours` differs from `theirs`."""
    if theirs.status != ours.status:
        # What graphite-web fails of is a mistake of the request, and told as such: not as a limit.
        if theirs.status == 500 and ours.status == 400:
            if ours.body.startswith((b"Invalid parameters (", b'{"error"')):
                return None
        words = (ours if theirs.status == 200 else theirs).body.decode("utf-8", "replace")
        return "status %d, not %d: %.200s" % (ours.status, theirs.status, " ".join(words.split()))
    if theirs.status != 200:
        if error_class(theirs) != error_class(ours):
            return "another error: %r, not %r" % (error_class(ours), error_class(theirs))
        return None
    mine, other = read(case.format, ours), read(case.format, theirs)
    if case.path.startswith("/metrics"):
        mine, other = by_path(mine), by_path(other)
    if case.path.startswith("/functions"):
        mine, other = without(mine, "description"), without(other, "description")
    if case.path.startswith("/tags"):
        mine, other = without(mine, "id"), without(other, "id")
    if case.path.startswith("/render"):
        other = of_one_kind(other, case.format)
    if same(other, mine, bound(case.target)):
        return None
    return told(other, mine)


def told(theirs, ours):
    """The first place at which two values differ."""
    where = []
    while True:
        if isinstance(theirs, dict) and isinstance(ours, dict) and theirs.keys() == ours.keys():
            key = next((k for k in theirs if not same(theirs[k], ours[k], 0)), None)
        elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
            key = next((i for i in range(len(ours)) if not same(theirs[i], ours[i], 0)), None)
        else:
            break
        if key is None:
            break
        where.append(str(key))
        theirs, ours = theirs[key], ours[key]
    return "at %s: %.300r, not %.300r" % (".".join(where), ours, theirs)
