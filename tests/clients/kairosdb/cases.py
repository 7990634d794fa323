"""The cases of `cases.txt`, run against one server."""
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
EVERYTHING = -(2**63)
ASKED = {
    "rest": lambda doors, text: doors.ingest(text),
    "gzip": lambda doors, text: doors.ingest_gzip(text),
    "query": lambda doors, text: doors.query(text),
    "tags": lambda doors, text: doors.query_tags(text),
    "delete": lambda doors, text: doors.post("/api/v1/datapoints/delete", text),
    "get": lambda doors, text: doors.get(text),
    "remove": lambda doors, text: doors.delete(text),
    "options": lambda doors, text: doors.ask("OPTIONS", text),
    "post": lambda doors, text: doors.post(text.partition(" ")[0], text.partition(" ")[2]),
}
CHANGES = ("telnet", "rest", "gzip", "ones", "delete", "remove")


class Wrong(Exception):
    """What a step says is not so."""


class Case:
    """A number, and steps as `(line number, whose, word, text)`."""

    def __init__(self, number):
        self.number, self.steps = number, []


def every():
    """Every case of the file."""
    found, texts = [], {"%long": "x" * 1024}
    with open(os.path.join(HERE, "cases.txt"), encoding="utf-8") as file:
        for nth, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if not line or line.startswith("#"):
                continue
            if line.startswith("%"):
                name, _, text = line.partition(" = ")
                texts[name] = text
                continue
            word, _, text = line.partition(" ")
            if word == "case":
                found.append(Case(text))
                continue
            whose = "both"
            if word in ("ours", "theirs"):
                whose = word
                word, _, text = text.partition(" ")
            text = re.sub(r"%[A-Za-z]\w*", lambda name: texts[name.group()], text)
            text = text.replace("$", found[-1].number + ".")
            found[-1].steps.append((nth, whose, word, text))
    return found


def escaped(text):
    """The bytes of a telnet line."""
    return text.encode("utf-8").decode("unicode_escape").encode("latin-1")


def close(left, right):
    """Whether two values are equal, numbers but for what running means leave."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all_close(left, right)
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all_close(left.values(), [right[key] for key in left])
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right or abs(left - right) <= 1e-9 * max(abs(left), abs(right))
    return left == right


def all_close(left, right):
    return all(map(close, left, right))


class Runner:
    """Runs cases against `doors`, which is `"ours"` or `"theirs"`."""

    def __init__(self, doors, whose):
        self.doors, self.whose = doors, whose
        self.answer, self.said, self.unsettled = None, b"", False

    def run(self, case):
        """Raises `Wrong` with the line of the step that is not so."""
        for nth, whose, word, text in case.steps:
            if whose in ("both", self.whose):
                try:
                    self.step(word, text)
                except Wrong as wrong:
                    raise Wrong("cases.txt:%d (%s): %s" % (nth, case.number, wrong))

    def step(self, word, text):
        if word in CHANGES:
            self.unsettled = True
        elif self.unsettled and word in ("are", "query", "tags", "get"):
            self.doors.settle()
            self.unsettled = False
        if word in ("remove", "delete"):
            # What is to go must be there first.
            self.doors.settle()
        if word == "telnet":
            self.said = self.doors.lines(escaped(text))
        elif word == "ones":
            name, start, count, step = text.split()
            points = [[int(start) + nth * int(step), 1] for nth in range(int(count))]
            self.answer = self.doors.ingest(json.dumps({"name": name, "datapoints": points, "tags": {"a": "b"}}))
        elif word in ASKED:
            self.answer = ASKED[word](self.doors, text)
        else:
            getattr(self, word)(text)

    def replies(self, text):
        # The last line answers the `version` that closes every telnet step.
        self.same(int(text), self.said.count(b"\n") - 1)

    def says(self, text):
        status, _, body = text.partition(" ")
        if self.answer.status != int(status):
            raise Wrong("status %d: %s" % (self.answer.status, self.answer.text()[:300]))
        if body:
            self.same(json.loads(body), self.answer.json())

    def bytes(self, text):
        self.same(text, self.answer.text())

    def results(self):
        if self.answer.status != 200:
            raise Wrong("status %d: %s" % (self.answer.status, self.answer.text()[:300]))
        return [result for query in self.answer.json()["queries"] for result in query["results"]]

    def values(self, text):
        self.same(json.loads(text), [result["values"] for result in self.results()])

    def groups(self, text):
        groups = [[one["group"] for one in result["group_by"] if "group" in one] for result in self.results()]
        self.same(json.loads(text), groups)

    def are(self, text):
        name, _, wanted = text.partition(" ")
        name = escaped(name).decode("utf-8")
        self.answer = self.doors.query({"start_absolute": EVERYTHING, "metrics": [{"name": name}]})
        found = [[result["tags"], result["values"]] for result in self.results()]
        self.same(json.loads(wanted), [one for one in found if one != [{}, []]])

    def same(self, wanted, found):
        if not close(wanted, found):
            raise Wrong("wanted %.600s\n  found %.600s" % (json.dumps(wanted), json.dumps(found)))


def run(doors, whose):
    """The complaints."""
    runner, wrong = Runner(doors, whose), []
    for case in every():
        try:
            runner.run(case)
        except Wrong as one:
            wrong.append("%s: %s" % (doors.name, one))
        except Exception as error:
            wrong.append("%s: case %s: %r" % (doors.name, case.number, error))
    return wrong
