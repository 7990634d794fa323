"""Which questions are asked: lines of files, each for every input that it names."""
import collections
import glob
import itertools
import os
import re
import urllib.parse

import known
from data import HERE, ORIGIN

# `$` in a line stands for each of these; a line with `$$` stands for lists of several series.
ONE = ["s.a", "s.b", "s.null", "slow.m", "nosuch.x"]
SEVERAL = ["s.*", "group(s.a,slow.m)", "nosuch.*", "rnd.*", "mix.s{10,60}"]

RANGE = {"from": ORIGIN - 1, "until": ORIGIN + 359, "now": ORIGIN + 400}


# Parameters that the table of known differences may look at, behind the target.
SHOWN = ("format", "position", "wildcards", "leavesOnly", "jsonp", "maxDataPoints")


class Case:
    """One question. `place` says where it comes from."""

    def __init__(self, place, target, parameters=(), path="/render/", format="json", form=None):
        self.place, self.target, self.path, self.format = place, target, path, format
        self.parameters, self.form = parameters, form

    def query(self):
        """The parameters, encoded."""
        return urllib.parse.urlencode(self.parameters)

    def now(self):
        """The second at which it is asked."""
        return int(dict(self.parameters).get("now", RANGE["now"]))

    def text(self):
        """What the table of known differences is matched against."""
        more = [pair for pair in self.parameters if pair[0] in SHOWN]
        return self.path.strip("/") + " " + self.target + "".join(" %s=%s" % pair for pair in more)


def render(place, target, more=(), format="json"):
    """A question for one target, or for several with blanks and a semicolon between them."""
    more = dict(more)
    format = more.pop("format", format)
    parameters = {**RANGE, **more, "format": format, "noCache": "1"}
    pairs = [(key, str(value)) for key, value in parameters.items() if value is not None]
    pairs += [("target", one) for one in target.split(" ;; ")]
    return Case(place, target, pairs, format=format)


def lines(name):
    """Lines of a file with their place. ` ?? ` separates a target from parameters."""
    return known.lines(HERE, name)


def expanded(text):
    """A line for each input that it stands for."""
    for mark, inputs in (("$$", SEVERAL), ("$", ONE)):
        if mark in text:
            return [text.replace(mark, one) for one in inputs]
    return [text]


# Calls that each function must have at least.
CALLS_MIN = 6


def called_too_seldom(functions):
    """Functions of which fewer than `CALLS_MIN` calls are asked, by all of their names; `functions` are what
    graphite-web has by name."""
    names, counts = collections.defaultdict(list), collections.Counter()
    for name, function in functions.items():
        names[function].append(name)
    for case in of_functions():
        counts.update(set(re.findall(r"(\w+)\s*\(", case.target)))
    for known in names.values():
        count = sum(counts[name] for name in known)
        if count < CALLS_MIN:
            yield "%s: %d calls, not %d" % (" or ".join(known), count, CALLS_MIN)


def of_functions():
    """The questions of the files in `cases`."""
    names = sorted(glob.glob(os.path.join(HERE, "cases", "*.txt")))
    for place, line in itertools.chain(*(lines("cases/" + os.path.basename(name)) for name in names)):
        target, _, more = line.partition(" ?? ")
        more = urllib.parse.parse_qsl(more, keep_blank_values=True)
        for text in expanded(target):
            yield render(place, text, more)
