"""When two answers are the same: equal JSON, in the order in which it is written, but for what no two
runs of KairosDB have in common."""
import json
import math
import re

# What these compute from sums that run differs behind as many digits; sums of corelane are compensated.
TOLERANCES = [("least_squares", 1e-6), ("dev", 1e-9), ("sum", 1e-14), ("avg", 1e-14)]

# Texts that come from what KairosDB stands on, and change with it.
NOT_ITS_OWN = re.compile(
    r"^(java\.|com\.|org\.|For input string|Not a JSON|This is not a JSON|JsonNull|JsonObject|JsonArray|"
    r"cannot validate|Cannot |Expected |Unexpected |multiple points|empty String|Index \d|Multiple entries|"
    r"\[null\]|/ by zero|Not in GZIP|.* cannot be cast|.* because |Unterminated|Use JsonReader)"
)
# What stands behind these words differs: all the zones there are, and how a point shows itself in Java.
ENDS = re.compile(r"((?<=time zone, must be one of )\[|(?<=data point=)).*", re.S)


class Number(str):
    """A number by its text."""

    def value(self):
        if re.fullmatch(r"-?\d+", self):
            return int(self)
        return float(self)


def read(text):
    """JSON with its order: objects as lists of pairs, numbers as they are written."""
    return json.loads(text, object_pairs_hook=lambda pairs: ("object", pairs), parse_float=Number, parse_int=Number)


def members(value):
    """The pairs of an object that `read` gave, or none."""
    return value[1] if isinstance(value, tuple) else []


def member(value, key):
    return next((found for name, found in members(value) if name == key), None)


class Differ(Exception):
    """In a few words, how two answers differ."""


class Comparison:
    """Compares `ours` with `theirs`. `question` is the text of what was asked."""

    def __init__(self, question):
        self.tolerance = max([0.0] + [size for word, size in TOLERANCES if '"%s"' % word in question])
        # Behind these, tags stand in an order of their own.
        self.any_order = any('"name": "%s"' % word in question for word in ("value", "time", "bin"))
        self.trims_gaps = '"gaps"' in question and '"trim": true' in question
        # What explains a feature is said in other words.
        self.dropped = {"description", "message"} if "/features" in question else set()
        # Those of a query and of a task come from a set, in another order in each run.
        self.errors_in_order = not question.startswith(("mistake", "query", "rolled"))
        self.scale = 0.0

    def answers(self, theirs, ours):
        """`None`, or in a few words how `ours` differs from `theirs`."""
        try:
            if theirs.status != ours.status:
                if theirs.status == 500 and ours.status == 400 and is_library(theirs):
                    return None
                words = (ours if theirs.status < 300 else theirs).text()
                raise Differ("status %d, not %d: %.300s" % (ours.status, theirs.status, words))
            if theirs.body == ours.body:
                return None
            if theirs.status >= 400:
                return self.errors(theirs, ours)
            mine, other = self.normal(read(ours.text())), self.normal(read(theirs.text()))
            if self.tolerance:
                self.scale = largest(other)
            self.same("", other, mine)
        except Differ as differ:
            return str(differ)
        except ValueError as error:
            return "an answer that cannot be read: %s\n  %.300s\n  %.300s" % (error, theirs.text(), ours.text())
        return None

    def errors(self, theirs, ours):
        # It then tells nothing else, whatever else was wrong.
        if is_library(theirs):
            return None
        other, mine = errors_of(theirs), errors_of(ours)
        if not self.errors_in_order:
            other, mine = sorted(other), sorted(mine)
        if len(other) == len(mine) and all(map(same_error, other, mine)):
            return None
        raise Differ("other errors: %.300s\n  not %.300s" % (mine, other))

    def normal(self, value):
        """Without what may be in any order."""
        if isinstance(value, list):
            return [self.normal(one) for one in value]
        if isinstance(value, tuple):
            kept = [pair for pair in value[1] if pair[0] not in self.dropped]
            return ("object", [(key, self.normal_member(key, one)) for key, one in kept])
        return value

    def normal_member(self, key, value):
        if key == "tags" and self.any_order and isinstance(value, tuple):
            return ("object", sorted((name, sorted(some)) for name, some in value[1]))
        if key == "results" and self.trims_gaps and isinstance(value, list):
            return [self.normal(without_leading_nulls(one) if nth else one) for nth, one in enumerate(value)]
        return self.normal(value)

    def same(self, place, theirs, ours):
        if isinstance(theirs, tuple) and isinstance(ours, tuple):
            keys = lambda value: [key for key, _ in value[1]]
            if keys(theirs) != keys(ours):
                raise Differ("at %s: keys %s, not %s" % (place, keys(ours), keys(theirs)))
            for (key, left), (_, right) in zip(theirs[1], ours[1]):
                self.same(place + "." + key, left, right)
        elif isinstance(theirs, list) and isinstance(ours, list):
            if len(theirs) != len(ours):
                counts, both = (place, len(ours), len(theirs)), (plain(ours), plain(theirs))
                raise Differ("at %s: %d, not %d" % counts + ": %.300s\n  not %.300s" % both)
            for nth, (left, right) in enumerate(zip(theirs, ours)):
                self.same("%s[%d]" % (place, nth), left, right)
        elif isinstance(theirs, Number) and isinstance(ours, Number):
            if not self.same_number(theirs, ours):
                raise Differ("at %s: %s, not %s" % (place, ours, theirs))
        elif theirs != ours or type(theirs) is not type(ours):
            raise Differ("at %s: %.300r, not %.300r" % (place, plain(ours), plain(theirs)))

    def same_number(self, theirs, ours):
        if theirs == ours:
            return True
        left, right = theirs.value(), ours.value()
        if left == right:
            # Java before 19 writes some doubles with more digits than they need.
            return len(theirs) > len(ours) and isinstance(left, float)
        if isinstance(left, int) and isinstance(right, int):
            return False
        return abs(left - right) <= self.tolerance * max(abs(left), abs(right), self.scale)


def largest(value):
    """The greatest number among the values of an answer, without their times."""
    if isinstance(value, list):
        if len(value) == 2 and isinstance(value[0], Number) and isinstance(value[1], Number):
            return abs(value[1].value())
        return max([0.0] + [largest(one) for one in value])
    if isinstance(value, tuple):
        return max([0.0] + [largest(one) for _, one in value[1]])
    return 0.0


def without_leading_nulls(result):
    pairs = []
    for key, value in members(result):
        if key == "values":
            while value and value[0][1] is None:
                value = value[1:]
        pairs.append((key, value))
    return ("object", pairs)


def plain(value):
    """For messages."""
    if isinstance(value, tuple):
        return {key: plain(one) for key, one in value[1]}
    if isinstance(value, list):
        return [plain(one) for one in value]
    return value


def errors_of(answer):
    """The texts of an error answer; one text, or none, if it is not KairosDB's form of it."""
    try:
        found = json.loads(answer.body)["errors"]
    except (ValueError, KeyError, TypeError):
        return [answer.text()] if answer.body else []
    return [str(one) for one in found] if isinstance(found, list) else [str(found)]


def is_library(answer):
    """Whether an error is none that KairosDB thought of."""
    return any(NOT_ITS_OWN.match(text) or text in ("None", "null", "") for text in errors_of(answer)) or not answer.body


def same_error(theirs, ours):
    return ENDS.sub("", theirs) == ENDS.sub("", ours)
