"""Asks graphite-web and corelane the same, and tells every difference that is not known.

    drive.py functions FOLDER HTTP_PORT LINE_PORT [--all]     every function, and nested targets
    drive.py checked FOLDER HTTP_PORT LINE_PORT [--all]       the same, with ENFORCE_INPUT_VALIDATION
    drive.py tags FOLDER HTTP_PORT LINE_PORT [--all]          tags, with a database of graphite-web's own
    drive.py requests FOLDER HTTP_PORT LINE_PORT [--all]      times, formats, finding
    drive.py whisper FOLDER HTTP_PORT LINE_PORT [--all]       steps and ranges, against whisper files

Exit code 0 if all differences are known and each that is known was seen, else 1. With `--all` the whole
text of each difference is told, and nothing is expected to be known.
"""
import argparse
import collections
import os
import re
import sys
import time

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import asked
import cases
import compare
import data
import generate
import reference
from known import Known

TOLD_MAX = 60


def questions(kind):
    if kind in ("functions", "checked"):
        yield from cases.of_functions()
        yield from generate.nested()
    elif kind == "requests":
        yield from asked.all()
    elif kind == "tags":
        yield from asked.of_tags()
    else:
        yield from asked.of_whisper()


def wait_for(corelane, last):
    """Until corelane shows the point that was sent last."""
    name, (at, value) = last
    query = "format=raw&from=%d&until=%d&target=" % (at - 1, at)
    metric, _, tags = name.partition(";")
    tests = ["name=" + metric] + tags.split(";") if tags else None
    target = "seriesByTag(%s)" % ",".join(repr(test) for test in tests) if tests else name
    end = time.time() + 15
    while time.time() < end:
        answer = corelane.ask("/render", query + target.replace("=", "%3D").replace("'", "%27"))
        if answer.status == 200 and repr(value).encode() in answer.body:
            return
        time.sleep(0.02)
    sys.exit("corelane does not show %s: %r" % (name, answer.body[:300]))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["functions", "checked", "requests", "tags", "whisper"])
    parser.add_argument("folder")
    parser.add_argument("http_port", type=int)
    parser.add_argument("line_port", type=int)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    corelane = reference.Corelane(options.http_port)
    last = data.send(options.line_port) if options.line_port else None
    if options.kind == "whisper":
        reference.configure(options.folder)
        data.write_whisper(options.folder + "/whisper", cases.RANGE["now"])
    else:
        # With tags of its own it would tell those of the node too.
        servers = [] if options.kind == "tags" else ["127.0.0.1:%d" % options.http_port]
        reference.configure(options.folder, servers, checked=options.kind == "checked", tagged=options.kind == "tags")
    if last:
        wait_for(corelane, last)
    theirs = reference.Reference()
    if options.kind == "tags":
        data.register(theirs)
    known = Known(data.HERE, options.kind)
    counts, told, took = collections.Counter(), 0, [0.0, 0.0]
    for case in questions(options.kind):
        if options.only and not re.search(options.only, case.text()):
            continue
        counts["asked"] += 1
        began = time.time()
        wanted = theirs.ask(case.path, case.query(), case.form, case.now())
        between = time.time()
        given = corelane.ask(case.path, case.query(), case.form)
        took[0] += between - began
        took[1] += time.time() - between
        try:
            difference = compare.difference(case, wanted, given)
        except Exception as error:
            difference = "an answer that cannot be read: %r\n  %r\n  %r" % (
                error,
                given.body[:200],
                wanted.body[:200],
            )
        counts["status %d" % wanted.status] += 1
        if difference is None:
            continue
        reason = known.reason(case.text())
        if reason and not options.all:
            counts[reason] += 1
            continue
        counts["unknown"] += 1
        if told < TOLD_MAX or options.all:
            told += 1
            print("%s: %s\n  %s" % (case.place, case.text(), difference))
            if options.all:
                print("  corelane: %r\n  graphite: %r" % (given.body[:600], wanted.body[:600]))
    seldom = list(cases.called_too_seldom(theirs.functions())) if options.kind == "functions" else []
    for told in seldom:
        print(told)
    unseen = [] if options.all or options.only else known.unseen()
    for place in unseen:
        print("%s: no question differs any more; remove the line" % place)
    print(
        "graphite-web took %.1f s, corelane %.1f s; %s"
        % (*took, ", ".join("%s %d" % pair for pair in sorted(counts.items())))
    )
    sys.exit(1 if counts["unknown"] or unseen or seldom else 0)


if __name__ == "__main__":
    main()
