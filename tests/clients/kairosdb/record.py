"""Asks the real KairosDB, and writes down what it was given and what it said.

    record.py FOLDER JARS INTO      (FOLDER is emptied; JARS is what Maven filled)

`README.md` beside the files that it writes tells their shape.
"""
import json
import os
import sys

import data
import generate
from real import Real

FILES = {
    "aggregators": lambda: generate.each_aggregator(12),
    "calendars": lambda: generate.calendars(100),
    "groups": lambda: generate.groups(100),
    "chains": lambda: generate.chains(200),
}
# Raw answers are long and say little more than short ones.
BYTES_MAX = 5_000


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def main():
    folder, jars, into = sys.argv[1:]
    with Real(folder, jars) as real:
        doors = real.doors
        answer = doors.ingest(data.body(data.every()))
        assert answer.status == 204, answer.text()
        doors.settle()
        with open(os.path.join(into, "points.json"), "w") as file:
            file.write("[\n%s\n]\n" % ",\n".join(map(compact, data.every())))
        for name, queries in FILES.items():
            rows = []
            for label, query in queries():
                answer = doors.query(query)
                if len(answer.body) <= BYTES_MAX:
                    # As it came: how numbers are written is a part of it.
                    row = (compact(label), answer.status, compact(query), answer.text())
                    rows.append('{"case":%s,"status":%d,"query":%s,\n "answer":%s}' % row)
            with open(os.path.join(into, name + ".json"), "w") as file:
                file.write("[\n%s\n]\n" % ",\n".join(rows))
            print(name, len(rows), os.path.getsize(file.name))


if __name__ == "__main__":
    main()
