"""Questions and answers of systems with different doors, brought into one shape: how each system is
asked the same, and whether it answers the same.

A question is about seconds `begin` to `end`, the last one excluded. Graphite's `from` is exclusive and
its `until` inclusive; VictoriaMetrics' `/render` takes them the other way round.
"""

import json
import math
import urllib.parse
import urllib.request

from process import Failed

# graphite-web takes a minute for ten thousand series.
ANSWER_SECONDS = 600

# Sums may be added in another order, and VictoriaMetrics answers with 15 digits or so.
TOLERANCE = 1e-9


def render_path(system, target, begin, end):
    """`target` as `/render` of `system` is asked for it."""
    first, last = (begin, end) if system.name == "victoriametrics" else (begin - 1, end - 1)
    # graphite-web keeps answers for a minute, which would be measured instead of it.
    words = {"target": target, "from": first, "until": last, "format": "json", "noCache": "true"}
    return f"/render?{urllib.parse.urlencode(words)}"


def query_range_path(query, begin, end, step):
    """The same question in Prometheus' language: steps are named by their last second."""
    words = {"query": query, "start": begin + step - 1, "end": end - 1, "step": f"{step}s", "nocache": 1}
    return f"/api/v1/query_range?{urllib.parse.urlencode(words)}"


def kairos_path(metric, begin, end, aggregators, tags):
    """KairosDB's question about `metric`, by these tags."""
    one = {"name": metric, "aggregators": aggregators, "group_by": [{"name": "tag", "tags": tags}]}
    query = {"start_absolute": begin * 1000, "end_absolute": end * 1000 - 1, "metrics": [one]}
    return "/api/v1/datapoints/query?" + urllib.parse.urlencode({"query": json.dumps(query)})


def grouped(system, path):
    """The answer to it: values by millisecond of each group."""
    results = json.loads(_fetch(system, path))["queries"][0]["results"]
    return {str(one["group_by"][0]["group"]): dict(map(tuple, one["values"])) for one in results}


def rendered(system, path):
    """The answer to `path`: name of each series to its values by second."""
    series = json.loads(_fetch(system, path))
    return {one["target"]: {at: value for value, at in one["datapoints"] if value is not None} for one in series}


def ranged(system, path, step, name=None):
    """The same of Prometheus' form; a series without a name is called `name`."""
    result = json.loads(_fetch(system, path))["data"]["result"]
    return {one["metric"].get("__name__", name): {int(at) - step + 1: float(value) for at, value in one["values"]}
            for one in result}


def nodes(system, path):
    """What a find answers: the texts of all nodes, sorted."""
    return sorted(node["text"] for node in json.loads(_fetch(system, path)))


def names(system, path):
    """What a search by tags answers, sorted."""
    return sorted(json.loads(_fetch(system, path)))


def _fetch(system, path):
    try:
        address = f"http://127.0.0.1:{system.ports['http']}{path}"
        with urllib.request.urlopen(address, timeout=ANSWER_SECONDS) as answer:
            return answer.read()
    except OSError as error:
        text = error.read()[:300] if hasattr(error, "read") else ""
        raise Failed(f"{system.name} does not answer {path}: {error} {text}") from error


def compare(what, ours, theirs):
    """Fail where `theirs`, of what `what` says, is not as `ours`."""
    if ours == theirs:
        return
    if not isinstance(ours, dict):
        odd = sorted(set(ours) ^ set(theirs))
        raise Failed(f"{what}: {len(theirs)} instead of {len(ours)}, for example {odd[:3]}")
    if ours.keys() != theirs.keys():
        odd = sorted(str(name) for name in ours.keys() ^ theirs.keys())
        raise Failed(f"{what}: {len(theirs)} series instead of {len(ours)}, for example {odd[:3]}")
    for name, values in ours.items():
        others = theirs[name]
        for at in sorted(values.keys() | others.keys()):
            value, other = values.get(at), others.get(at)
            if None in (value, other) or not math.isclose(value, other, rel_tol=TOLERANCE):
                raise Failed(f"{what}: {name} at {at} is {other} instead of {value}")
