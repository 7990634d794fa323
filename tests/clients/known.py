"""Tables of the differences that are known, for the tests that ask two servers the same."""
import os
import re


def lines(folder, name):
    """Lines of a file with their place, without comments."""
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if line.strip() and not line.startswith("#"):
                yield "%s:%d" % (name, number), line


class Known:
    """The table of known differences: a reason, the kinds of run, and a pattern of questions."""

    def __init__(self, folder, kind, name="differences.txt"):
        self.rows, self.seen = [], set()
        for place, line in lines(folder, name):
            reason, kinds, pattern = line.split(None, 2)
            if kind in kinds.split(","):
                self.rows.append((place, reason, re.compile(pattern)))

    def reason(self, text):
        """The reason for which the answers to `text` may differ; `None` if there is none."""
        for place, reason, pattern in self.rows:
            if pattern.search(text):
                self.seen.add(place)
                return reason
        return None

    def unseen(self):
        """Where the rows are that no question needed."""
        return [place for place, _, _ in self.rows if place not in self.seen]
