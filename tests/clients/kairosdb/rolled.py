"""Queries that write (`save_as`) and roll-up tasks: what they answer, and what they have written then."""
import copy
import json
import re
import time

import data
from doors import Answer

BASE = 1_700_000_000_000
ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
PATH = "/api/v1/rollups"
# How long a task of every second may take until it has run a few times.
RUNS_SECONDS = 40
# Seconds of points before and behind now that are rolled up, and buckets of them that must be there.
BEFORE, BEHIND, BUCKETS = 3, 30, 4

SOURCE = [
    data.series("saving", [[BASE + at * 1000, at] for at in range(10)], "long", h="1", k="x"),
    data.series("saving", [[BASE + at * 1000, at + 0.5] for at in range(10)], "double", h="1", k="y"),
    data.series("saving", [[BASE + at * 1000, "t%d" % at] for at in range(3)], "string", h="3", k="x"),
    # One tag has one value, another two, a third is not asked for.
    data.series("a18", [[BASE, 7]], "long", host="bob", host2="x", other="z"),
    data.series("a18", [[BASE, 7]], "long", host="bob", host2="y", other="z"),
]


def by(*groupers):
    return [{"name": "tag", "tags": tags} for tags in groupers]


def save(to, **more):
    return {"name": "save_as", "metric_name": to, **more}


SUM = {"name": "sum", "sampling": {"value": 1, "unit": "minutes"}}
# The metric, its groupers and its aggregators. What H2 loses, series without tags, is not here.
SAVES = [
    ("saving", [], [save("saved.1")]),
    ("saving", by(["h", "k"]), [save("saved.2", tags={"x": "y"}, ttl="100000000")]),
    ("saving", by(["h"]), [save("saved.3", tags={"h": "q"})]),
    ("saving", by(["h"]), [save("saved.4", tags={"saved_from": "q"})]),
    ("saving", by(["h"]), [save("saved.5", add_saved_from=False)]),
    ("saving", [], [save("saved.6", ttl=-1)]),
    ("saving", [], [save("saved.7", ttl=1.5)]),
    ("saving", [{"name": "value", "range_size": 4}], [SUM, save("saved.8")]),
    ("saving", by(["h"], ["k"]), [save("saved.9")]),
    ("saving", by(["k"], ["h"]), [SUM, save("saved.10")]),
    ("saving", by(["h"], ["nosuch"], ["k", "h"]), [save("saved.11")]),
    ("nosuch", [], [save("saved.12")]),
    ("saving", [], [save("saved.13"), SUM, save("saved.14")]),
    ("a18", by(["host"], ["host2"]), [SUM, save("saved.15", ttl=42)]),
    ("a18", by(["host"], ["host2"]), [SUM, save("saved.16", ttl=42, add_saved_from=False)]),
    ("a18", by(["host", "host2"]), [SUM, save("saved.17", ttl=42)]),
]

TASK = {
    "name": "t1",
    "execution_interval": {"value": 1, "unit": "hours"},
    "rollups": [{
        "save_as": "rolled.never",
        "query": {
            "start_relative": {"value": 1, "unit": "hours"},
            "metrics": [{"name": "nosuch", "group_by": by(["h"]), "aggregators": [SUM]}],
        },
    }],
}


def changed(**fields):
    """The task with other fields; None leaves one out."""
    task = {**TASK, **fields}
    return json.dumps({name: value for name, value in task.items() if value is not None})


def rolled(**fields):
    """The task with one roll-up of these fields."""
    return changed(rollups=[fields])


def query(**metric):
    return {"start_absolute": 1, "metrics": [{"name": "m", **metric}]}


BODIES = [
    "{}", "[]", "x", "null", "{",
    changed(name=""), changed(name=None), changed(execution_interval=None),
    changed(execution_interval={"value": 1, "unit": "bogus"}),
    changed(execution_interval={"value": "1", "unit": "HOURS"}),
    changed(rollups=[]), changed(rollups=None), changed(rollups=[{}]),
    rolled(save_as=""), rolled(query=query()), rolled(save_as="x"), rolled(save_as="x", query={}),
    rolled(save_as="x", query={"start_absolute": 1, "metrics": []}),
    rolled(save_as="x", query={"metrics": [{"name": "m"}]}),
    rolled(save_as="x", query=query()),
    rolled(save_as="x", query=query(aggregators=[{"name": "diff"}])),
    rolled(save_as="x", query=query(aggregators=[{"name": "bogus"}])),
    rolled(save_as="x", query=query(name="", aggregators=[SUM])),
    rolled(save_as="x", time_zone="bogus", query=query(aggregators=[SUM])),
    rolled(save_as="x", time_zone="Europe/Paris", query=query(aggregators=[SUM])),
]


def plain(answer):
    """Without what every server and every moment has its own of."""
    text = ID.sub("ID", answer.text())
    return Answer(answer.status, answer.headers, text.encode("utf-8"))


def ask(method, path, body=None):
    """A question of one request."""
    return lambda doors: plain(doors.ask(method, path, body))


class Task:
    """A task that both have, each under its own id."""

    def __init__(self, body):
        self.body, self.ids = body, {}

    def make(self, doors):
        answer = doors.ask("POST", PATH, self.body)
        found = ID.search(answer.text())
        self.ids[doors.name] = found.group() if found else "none"
        return plain(answer)

    def ask(self, method, path, body=None):
        return lambda doors: plain(doors.ask(method, PATH + path % self.ids[doors.name], body))


def running():
    """A task of every second over points around now."""
    second = int(time.time()) * 1000
    # In the middle of buckets: at its edge a point is the real one's for both.
    points = [[second + at * 1000 + 500, 5 + at % 3] for at in range(-BEFORE, BEHIND)]
    metrics = [data.series("rolling", points, "long", h=h, k="z") for h in "ab"]
    task = copy.deepcopy(TASK)
    task["execution_interval"] = {"value": 1, "unit": "seconds"}
    task["rollups"][0]["save_as"] = "rolled.out"
    task["rollups"][0]["query"]["metrics"] = [{
        "name": "rolling", "group_by": by(["h"]),
        "aggregators": [{"name": "sum", "sampling": {"value": 1, "unit": "seconds"}}],
    }]
    return second, metrics, json.dumps(task)


def written(first):
    """What the roll-up wrote into the buckets from `first` on, once all of them are over and there."""

    def wait(doors):
        end = time.time() + RUNS_SECONDS
        last = first + BUCKETS * 1000
        while True:
            asked = {
                "start_absolute": first, "end_absolute": last - 1,
                "metrics": [{"name": "rolled.out", "group_by": by(["h"])}],
            }
            answer = doors.query(asked)
            results = answer.json()["queries"][0]["results"]
            whole = len(results) == 2 and all(len(one["values"]) == BUCKETS for one in results)
            if time.time() > end or (whole and time.time() * 1000 > last + 3000):
                return answer
            time.sleep(0.1)

    return wait


def status(task):
    """What is told of a task that has run: the names and kinds of it, and which metric it is of."""

    def wait(doors):
        end = time.time() + RUNS_SECONDS
        while True:
            answer = doors.get(PATH + "/status/" + task.ids[doors.name])
            if answer.status == 200 or time.time() > end:
                break
            time.sleep(0.1)
        found = answer.json()
        for one in found.get("statuses", []):
            for name in ("data_point_count", "execution_length", "last_execution_time"):
                one[name] = isinstance(one[name], int)
            one["last_executed"] = re.sub(r"\d\d", "00", one["last_executed"]).replace("PM", "AM")
        found["executing_host"] = bool(found.get("executing_host"))
        found["next_scheduled"] = re.sub(r"\d\d", "00", found.get("next_scheduled", "")).replace("PM", "AM")
        return Answer(answer.status, answer.headers, json.dumps(found, sort_keys=True).encode("utf-8"))

    return wait


def some(dump, settle):
    """Texts and what they ask, in their order. `dump` asks for all points of metrics."""
    yield "points of saving", lambda doors: doors.ingest(data.body(SOURCE))
    yield "settle", settle
    for metric, groupers, aggregators in SAVES:
        one = {"name": metric, "group_by": groupers, "aggregators": aggregators}
        text = json.dumps({"start_absolute": BASE, "end_absolute": BASE + 100_000, "metrics": [one]})
        yield "save " + text, lambda doors, text=text: doors.query(text)
    yield "settle", settle
    for nth in range(1, len(SAVES) + 2):
        yield "saved.%d" % nth, dump(["saved.%d" % nth])

    second, metrics, body = running()
    yield "points of rolling", lambda doors: doors.ingest(data.body(metrics))
    yield "settle", settle
    task = Task(body)
    yield "task " + body, task.make
    for body in BODIES:
        # What is kept of them is not looked at.
        yield "task " + body, ask("POST", PATH, body)
    for path in ("/bogus", "/status/bogus"):
        yield "GET " + path, ask("GET", PATH + path)
    yield "DELETE /bogus", ask("DELETE", PATH + "/bogus")
    yield "PUT /bogus", ask("PUT", PATH + "/bogus", json.dumps(TASK))
    yield "backfill /bogus", ask("GET", PATH + "/backfill/bogus?startTime=2023-11-30-00-00-00-000")
    yield "GET the task", task.ask("GET", "/%s")
    yield "backfill with no time", task.ask("GET", "/backfill/%s?startTime=2020")
    yield "backfill to no time", task.ask("GET", "/backfill/%s?startTime=2023-11-30-00-00-00-000&endTime=x")
    yield "rolled.out", written(second + 8000)
    yield "status of the task", status(task)
    kept = Task(json.dumps(TASK))
    yield "task to be changed", kept.make
    yield "PUT the task", kept.ask("PUT", "/%s", changed(name="t2"))
    yield "DELETE the task", kept.ask("DELETE", "/%s")
    yield "GET what was deleted", kept.ask("GET", "/%s")
    yield "DELETE the running task", task.ask("DELETE", "/%s")
