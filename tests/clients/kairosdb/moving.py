"""Moves points from the real KairosDB into corelane and back, and compares what both answer.

    moving.py CORELANE FOLDER JARS HTTP_PORT

CORELANE is the program, HTTP_PORT that of one that runs and is empty. FOLDER is emptied and used. Exit code 0 if
all is as it should be.
"""
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import data
from doors import Doors
from real import Real, free_ports

RUN_SECONDS = 60
FIRST, LAST = -2**63, 2**63 - 1
BIG_SERIES, BIG_POINTS = 200, 300


def odd():
    """What is easily lost on the way."""
    yield data.series("odd", [[-1, 7], [0, 8], [1, 9], [FIRST + 1, 1], [LAST, 2]], host="a")
    yield data.series('n"a\\m/e \u4e2d\u0085', [[1, 0.1], [2, 1e300], [3, -0.0], [4, 5e-324]], "double", **{'k"\u00e9': "v\\w"})
    yield data.series("pairs", [[1, 2], [2, 3], [3, 12345678], [4, 0]], "long", host="a")
    yield data.series("pairs", [[1, 2.0], [2, 4.5], [3, 5.0], [4, -0.0], [5, 12345678.0]], "double", host="a")
    yield data.series("pairs", [[1, "2"], [2, "x\n"]], "string", host="a")
    yield data.series("extreme", [[1, 2**53 + 1], [2, -2**63], [3, 2**63 - 1]], host="a")
    # Tags that some series lack, and values that look like patterns.
    yield data.series("tags", [[1, 1]], host="a")
    yield data.series("tags", [[1, 2]], host="a", dc="x")
    yield data.series("tags", [[1, 3]], dc="regex:.*")
    yield data.series("tags", [[1, 4]], dc="y")
    for nth in range(40):
        yield data.series("many", [[data.BASE + at * 60_000, nth * at] for at in range(20)], host="h%d" % nth, dc="d%d" % (nth % 3))


def big():
    """Enough to be stopped in the middle."""
    for nth in range(BIG_SERIES):
        points = [[data.BASE + at * data.MINUTE, (nth * at % 1000) / 4] for at in range(BIG_POINTS)]
        yield data.series("zz.big", points, "double", host="h%d" % nth)


class Test:
    def __init__(self, corelane, folder, ours):
        self.corelane, self.folder, self.ours = corelane, folder, ours
        self.url = "http://127.0.0.1:%d" % ours.http_port

    def run(self, code, *words):
        """A command, which must end so; gives what it said."""
        done = subprocess.run([self.corelane, *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUN_SECONDS)
        text = done.stdout.decode()
        print("$", *words, "\n" + text)
        check(done.returncode == code, "%s: %d\n%s" % (words, done.returncode, text))
        return text

    def clear(self):
        for name in names(self.ours):
            body = json.dumps({"start_absolute": FIRST, "metrics": [{"name": name}]})
            check(self.ours.post("/api/v1/datapoints/delete", body).status == 204, name)
        check(names(self.ours) == [], "%s is left" % names(self.ours))


def check(is_so, text):
    if not is_so:
        raise SystemExit(str(text))


def names(doors):
    """All metrics, but for what KairosDB tells of itself."""
    names = doors.get("/api/v1/metricnames").json()["results"]
    return sorted(name for name in names if not name.startswith("kairosdb."))


def content(doors, names, first=FIRST):
    """All points of all series."""
    found = {}
    for name in names:
        tags = doors.query_tags({"start_absolute": 0, "metrics": [{"name": name}]}).json()
        keys = sorted(tags["queries"][0]["results"][0]["tags"])
        query = {"start_absolute": first, "metrics": [{"name": name, "group_by": [{"name": "tag", "tags": keys}]}]}
        answer = doors.query(query)
        check(answer.status == 200, (name, answer.text()))
        for result in answer.json()["queries"][0]["results"]:
            key = (name, json.dumps(result["tags"], sort_keys=True), result["group_by"][-1]["type"])
            found[key] = [[at, str(value)] for at, value in result["values"]]
    return found


def compare(wanted, found):
    for key in sorted(wanted.keys() | found.keys()):
        if wanted.get(key) != found.get(key):
            raise SystemExit("%r: %r, not %r" % (key, found.get(key), wanted.get(key)))


def fill(doors, metrics):
    metrics = list(metrics)
    for at in range(0, len(metrics), 50):
        answer = doors.ingest(data.body(metrics[at:at + 50]))
        check(answer.status == 204, answer.text())


def stopped_and_started_again(test, source):
    """The import is killed while it copies the last metric, and goes on."""
    words = ["import", "kairosdb", source, "--to", test.url, "--state", "big.state", "--metric", "zz.*"]
    process = subprocess.Popen([test.corelane, *words], cwd=test.folder, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    path = os.path.join(test.folder, "big.state")
    end = time.time() + RUN_SECONDS
    while not (os.path.exists(path) and "next" in open(path).read()):
        check(process.poll() is None and time.time() < end, "it ended before it was stopped")
        time.sleep(0.002)
    process.send_signal(signal.SIGINT)
    process.wait(RUN_SECONDS)
    check(process.returncode != 0, "it ended before it was stopped")
    test.run(2, "import", "kairosdb", source, "--to", test.url, "--state", "big.state", "--metric", "x")
    text = test.run(0, *words)
    check("goes on with" in text and not os.path.exists(path), text)
    check("1 metrics, %d points copied" % (BIG_SERIES * BIG_POINTS) in text, text)


def lines_of(path):
    """The points of an export, with the types that it names: of each series and type, in the order of their times."""
    found = {}
    with open(path) as file:
        for line in file:
            one = json.loads(line, parse_float=str, parse_int=str)
            for at, value, kind in one["datapoints"]:
                if kind == "double":
                    value = repr(float(value))
                points = found.setdefault((one["name"], json.dumps(one["tags"], sort_keys=True), kind), [])
                points.append((int(at), value))
    return {key: sorted(points) for key, points in found.items()}


def main():
    corelane, folder, jars, port = sys.argv[1:]
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    ours = Doors("corelane", 0, int(port))
    test = Test(corelane, folder, ours)
    with Real(folder + "/real", jars) as real:
        source = "http://127.0.0.1:%d" % real.doors.http_port
        fill(real.doors, [*data.every(), *odd(), *big()])
        real.doors.settle()
        wanted = content(real.doors, names(real.doors))

        # From server to server, all but the large one first.
        others = [word for name in names(real.doors) if name != "zz.big" for word in ("--metric", name)]
        end = ["--end", str(LAST)]
        text = test.run(0, "import", "kairosdb", source, "--to", test.url, *others, *end)
        check("copied and verified" in text, text)
        stopped_and_started_again(test, source)
        check(names(ours) == names(real.doors), (names(ours), names(real.doors)))
        compare(wanted, content(ours, names(ours)))

        # That there is more already is told, with both figures.
        point = [{"name": "extreme", "timestamp": 2, "value": 1, "tags": {"host": "b"}}]
        check(ours.ingest(json.dumps(point)).status == 204, "a point of its own")
        text = test.run(0, "import", "kairosdb", source, "--to", test.url, "--metric", "extreme")
        check("MORE in the target" in text and "has 3 points" in text and "4 with" in text, text)
        delete = {"start_absolute": 0, "metrics": [{"name": "extreme", "tags": {"host": "b"}}]}
        check(ours.post("/api/v1/datapoints/delete", json.dumps(delete)).status == 204, "deleted")

        # What one cannot tell is told: a value that is no number.
        bad = [{"name": "nan", "datapoints": [[5, "NaN", "double"], [5000, 1.5, "double"]], "tags": {"host": "a"}}]
        check(real.doors.ingest(json.dumps(bad)).status == 204, "NaN")
        real.doors.settle()
        text = test.run(1, "import", "kairosdb", source, "--to", test.url, "--metric", "nan")
        check("NOT COPIED nan at 1970-01-01T00:00:00.005Z" in text and "1 points copied" in text, text)
        # Its own tool ends in the middle of a file where it meets one.
        check(real.doors.delete("/api/v1/metric/nan").status == 204, "nan is deleted")

        # Out again, by lines, into another KairosDB by its own tool; and by the API into the first form.
        lines = folder + "/out.json"
        test.run(0, "export", "kairosdb", "--from", test.url, "--out", lines)
        test.run(0, "export", "kairosdb", "--from", test.url, "--out", lines + ".gz", "zz.big", "p*")
        real.leave()
        theirs = folder + "/theirs.json"
        real.tool("export", "-f", theirs)
        ours_too = content(ours, names(ours))
        shutil.rmtree(real.folder + "/store", ignore_errors=True)
        for leftover in os.listdir(real.folder):
            if leftover.startswith("store"):
                os.remove(os.path.join(real.folder, leftover))
        real.tool("import", "-f", lines)
        check(real.launch(), real.log())
        found = content(real.doors, names(real.doors))
        compare(ours_too, found)

        # And by its API.
        check(real.doors.delete("/api/v1/metric/pairs").status == 204, "pairs is deleted")
        source = "http://127.0.0.1:%d" % real.doors.http_port
        test.run(0, "import", "kairosdb", test.url, "--to", source, "--metric", "pairs")
        compare(content(ours, ["pairs"]), content(real.doors, ["pairs"]))

    # And in, by what its tool wrote; which leaves out points up to 1970.
    test.clear()
    text = test.run(0, "import", "kairosdb", theirs, "--to", test.url)
    check("copied and verified" in text, text)
    found = content(ours, [name for name in names(ours) if not name.startswith("marker.")], 1)
    known = {key: [point for point in points if point[0] > 0] for key, points in wanted.items()}
    known = {key: points for key, points in known.items() if points and not key[0].startswith("marker.")}
    compare(known, found)
    # Whose types are told by what it wrote: out again, line by line, they are the same.
    again = folder + "/again.json"
    test.run(0, "export", "kairosdb", "--from", test.url, "--out", again)
    compare(lines_of(theirs), lines_of(again))
    test.clear()
    text = test.run(0, "import", "kairosdb", lines + ".gz", "--to", test.url, "--ttl", "100000")
    check("copied and verified" in text and names(ours) == ["pairs", "zz.big"], (text, names(ours)))


if __name__ == "__main__":
    main()
