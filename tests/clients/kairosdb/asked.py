"""What is asked of both servers, by kind of run. A question that changes what is stored comes before
those that ask for what then is there."""
import json
import os
import random
import sys
import urllib.parse

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import bodies
import data
import generate
import lines
import mistakes
import rolled
from cases import EVERYTHING
from compare import is_library
from doors import Answer
from known import lines as lines_of

HERE = os.path.dirname(os.path.abspath(__file__))
LINES, BODIES, QUERIES, MISTAKES, DELETES = 600, 300, 450, 500, 40
# What a line may make of its metric's name.
VARIANTS = ["%s", '%s"', "%s x", "%s:/{}*$"]


class Question:
    """`text` is what the table of known differences is matched against; `ask` gives the answer of some
    doors."""

    def __init__(self, place, text, ask):
        self.place, self.text, self.ask = place, text, ask


def dump(names):
    """A question for all points of some metrics."""
    query = {"start_absolute": EVERYTHING, "metrics": [{"name": name} for name in names]}
    return lambda doors: doors.query(query)


def settle(doors):
    doors.settle()
    return Answer(200, {}, b"")


def of_lines():
    """Telnet lines, all of them in one connection."""
    some = list(lines.some(LINES))
    together = "".join(line for _, line in some).encode("utf-8")

    def send(doors):
        said = doors.lines(together)
        # `version` is answered with each server's own.
        return Answer(200, {}, b"%d" % said.count(b"\n"))

    yield Question("lines.py", "telnet all", send)
    yield Question("", "settle", settle)
    for name, line in some:
        yield Question("lines.py", "line " + repr(line), dump([variant % name for variant in VARIANTS]))


def of_bodies():
    """REST bodies, and what of each was stored."""
    some = list(bodies.some(BODIES, False)) + list(bodies.some(BODIES, True))
    crashed = set()

    def send(doors, body):
        answer = doors.ingest(body)
        if answer.status >= 400 and is_library(answer):
            crashed.add(body)
        return answer

    for _, body in some:
        yield Question("bodies.py", "body " + body, lambda doors, body=body: send(doors, body))
    yield Question("", "settle", settle)
    for names, body in some:
        # The real one then leaves off in the middle of a body.
        left = "left of " if body in crashed else "stored "
        yield Question("bodies.py", left + body, dump(names))


def of_deletes():
    """Deletes of a part of three series, what is left, and what is there when it is written anew."""
    chance = random.Random(generate.SEED)
    for nth in range(DELETES):
        name = "delete.%d" % nth
        six = [[at, at] for at in range(6)]
        points = [data.series(name, six, host=host, dc=dc) for host, dc in ["ax", "bx", "by"]]
        start, end = sorted(chance.choices(range(-1, 8), k=2))
        query = {"start_absolute": start, "metrics": [{"name": name}]}
        if chance.random() < 0.8:
            query["end_absolute"] = end
        if chance.random() < 0.6:
            filters = [{"host": "a"}, {"host": ["a", "b"], "dc": "x"}, {"dc": ["y"]}, {"host": "c"}]
            query["metrics"][0]["tags"] = chance.choice(filters)
        if chance.random() < 0.2:
            ignored = [{"limit": 1}, {"order": "desc"}, {"aggregators": [{"name": "sum"}]}]
            query["metrics"][0].update(chance.choice(ignored))
        text = "delete " + json.dumps(query)
        whole = chance.random() < 0.2
        path = "/api/v1/metric/" + urllib.parse.quote(name)
        yield Question("asked.py", text, lambda doors, body=data.body(points): doors.ingest(body))
        yield Question("", "settle", settle)
        if whole:
            yield Question("asked.py", "whole " + text, lambda doors, path=path: doors.delete(path))
        else:
            some = json.dumps(query)
            yield Question("asked.py", text, lambda doors, some=some: doors.post("/api/v1/datapoints/delete", some))
        yield Question("asked.py", "left by " + text, dump([name]))
        again = data.body([data.series(name, [[3, 33], [9, 99]], host="a", dc="x")])
        yield Question("asked.py", "again " + text, lambda doors, again=again: doors.ingest(again))
        yield Question("", "settle", settle)
        yield Question("asked.py", "again behind " + text, dump([name]))


def points():
    """The points that queries are about."""
    yield Question("data.py", "points", lambda doors: doors.ingest(data.body(data.every())))
    yield Question("", "settle", settle)


def of_queries():
    """Queries of every sort, and queries for tags by the same filters."""
    yield from points()
    some = [
        *generate.each_aggregator(12), *generate.calendars(100), *generate.groups(100), *generate.chains(QUERIES),
        *generate.relative(40),
    ]
    for label, query in some:
        yield Question(label, "query " + json.dumps(query), lambda doors, query=query: doors.query(query))
    for label, query in some[::15]:
        # The real one's store in these tests has no times there.
        query = {**query, "start_absolute": EVERYTHING, "end_absolute": 2**63 - 1}
        yield Question(label, "tags " + json.dumps(query), lambda doors, query=query: doors.query_tags(query))


def of_mistakes():
    """Queries that are wrong, or nearly."""
    yield from points()
    for place, text in mistakes.some(MISTAKES):
        yield Question(place, "mistake " + text, lambda doors, text=text: doors.query(text))


def of_requests():
    """The requests of `requests.txt`, and what those that store have stored."""
    yield from points()
    for place, line in lines_of(HERE, "requests.txt"):
        head, _, body = line.partition(" << ")
        method, path, *headers = head.split(" ")
        headers = [header.split(":", 1) for header in headers]

        def ask(doors, method=method, path=path, headers=headers, body=body):
            return doors.ask(method, path, body if method in ("POST", "PUT") else None, headers)

        yield Question(place, "request " + line, ask)
    yield Question("", "settle", settle)
    for letter in "abcdefghijklmnop":
        yield Question("requests.txt", "stored req.%s" % letter, dump(["req." + letter]))


def of_rollups():
    """Queries that write, and roll-ups."""
    for text, ask in rolled.some(dump, settle):
        yield Question("rolled.py", text if text == "settle" else "rolled " + text, ask)


KINDS = {
    "lines": of_lines,
    "bodies": of_bodies,
    "deletes": of_deletes,
    "queries": of_queries,
    "mistakes": of_mistakes,
    "requests": of_requests,
    "rollups": of_rollups,
}
