"""Asks the real KairosDB and corelane the same, and tells every difference that is not known.

    drive.py KINDS FOLDER JARS TELNET_PORT HTTP_PORT [--all] [--only PATTERN]

KINDS is some of lines, bodies, deletes, queries, mistakes, requests, rollups and cases, with commas between them; `cases`
runs `cases.txt` against both. FOLDER is emptied and used by the real one, whose jars are in JARS. Where JARS is
`-`, only `cases` can be run, and only corelane does. Where the ports are 0, only the real one is asked.

Exit code 0 if all differences are known and each that is known was seen, else 1. With `--all` the whole text of
each difference is told, and nothing is expected to be known.
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
from compare import Comparison
from doors import Doors
from known import Known
from real import ROLLUPS, Real

HERE = os.path.dirname(os.path.abspath(__file__))
TOLD_MAX = 60
# Headers that clients read. `allow` is compared as a set.
HEADERS = [
    "content-type", "access-control-allow-origin", "access-control-allow-headers", "access-control-max-age",
    "access-control-allow_method", "pragma", "cache-control", "expires",
]


class Run:
    """One kind of questions, asked of both."""

    def __init__(self, kind, theirs, ours, options):
        self.kind, self.theirs, self.ours, self.options = kind, theirs, ours, options
        self.known = Known(HERE, kind)
        self.counts, self.told, self.took = collections.Counter(), 0, [0.0, 0.0]

    def run(self):
        """Whether everything is as it is known to be."""
        for question in asked.KINDS[self.kind]():
            self.ask(question)
        unseen = [] if self.options.all or self.options.only else self.known.unseen()
        for place in unseen:
            print("%s: no question of %s differs any more; remove the line" % (place, self.kind))
        counts = ", ".join("%s %d" % pair for pair in sorted(self.counts.items()))
        print("%s: KairosDB took %.1f s, corelane %.1f s; %s" % (self.kind, *self.took, counts))
        return not (self.counts["unknown"] or unseen)

    def ask(self, question):
        began = time.time()
        wanted = question.ask(self.theirs)
        between = time.time()
        given = question.ask(self.ours)
        self.took[0] += between - began
        self.took[1] += time.time() - between
        if question.text == "settle":
            return
        if self.options.only and not re.search(self.options.only, question.text):
            return
        self.counts["asked"] += 1
        self.counts["status %d" % wanted.status] += 1
        difference = Comparison(question.text).answers(wanted, given) or self.headers(wanted, given)
        if difference is None:
            return
        reason = self.known.reason(question.text)
        if reason and not self.options.all:
            self.counts[reason] += 1
            return
        self.counts["unknown"] += 1
        if self.told < TOLD_MAX or self.options.all:
            self.told += 1
            print("%s: %.1500s\n  %s" % (question.place, question.text, difference))
            if self.options.all:
                print("  corelane: %d %r" % (given.status, given.text()[:900]))
                print("  KairosDB: %d %r" % (wanted.status, wanted.text()[:900]))

    def headers(self, wanted, given):
        """`None`, or the header that differs."""
        if self.kind != "requests" or wanted.headers == {}:
            return None
        for name in HEADERS:
            left, right = wanted.headers.get(name), given.headers.get(name)
            # What is an error of another kind here has the headers of that.
            if name == "content-type" and not wanted.body or wanted.status != given.status:
                continue
            if left is not None and not same_header(left, right):
                return "header %s: %r, not %r" % (name, right, left)
        return None


def same_header(left, right):
    """Blanks and case do not count."""
    plain = lambda text: re.sub(r"\s", "", (text or "").lower())
    return plain(left) == plain(right)


def run_cases(theirs, ours):
    wrong = []
    if theirs:
        wrong += cases.run(theirs, "theirs")
    if ours:
        wrong += cases.run(ours, "ours")
    for one in wrong:
        print(one)
    print("cases: %d, wrong %d" % (len(cases.every()), len(wrong)))
    return not wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kinds")
    parser.add_argument("folder")
    parser.add_argument("jars")
    parser.add_argument("telnet", type=int)
    parser.add_argument("http", type=int)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    kinds = options.kinds.split(",")
    more = ROLLUPS if "rollups" in kinds else ""
    real = Real(options.folder, options.jars, more) if options.jars != "-" else None
    try:
        theirs = real.doors if real else None
        ours = Doors("corelane", options.telnet, options.http) if options.http else theirs
        well = True
        for kind in kinds:
            if kind == "cases":
                well &= run_cases(theirs, ours if options.http else None)
            else:
                well &= Run(kind, theirs, ours, options).run()
    finally:
        if real:
            real.stop()
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
