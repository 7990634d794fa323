"""Questions about times, formats and finding."""
import urllib.parse

from cases import RANGE, Case, lines, render

NOW = 1425816000

# As a browser encodes them.
FORMATS = ["json", "csv", "raw", "pickle", "msgpack", "dygraph", "rickshaw"]
SHOWN = [
    "s.a",
    "s.{a,b,c}",
    "nosuch.*",
    "sumSeries(s.*)",
    "scale(num.*,3)",
    "srv.*.cpu.*",
    "seriesByTag('name=disk')",
    "alias(s.a,'comma, \"quote\"')",
    "aliasByNode(srv.*.cpu.*,1)",
    "movingAverage(hist.h,3)",
    "summarize(s.a,'2min')",
    "isNonNull(s.b)",
    "constantLine(1)",
    "randomless.x",
]


def of_times():
    """Each form of a time, as `from`, `until` and an argument. The three points of a constant line stand at
    the begin, in the middle, and at the end of the range."""
    for place, form in lines("times.txt"):
        yield render(place, "constantLine(1)", {"from": form, "until": NOW + 7, "now": NOW})
        yield render(place, "constantLine(2)", {"from": NOW - 3, "until": form, "now": NOW})
        for zone in ("America/New_York", "Asia/Kathmandu"):
            more = {"from": form, "until": NOW + 7, "now": NOW, "tz": zone}
            yield render(place, "constantLine(3)", more)
        quoted = form.replace("'", "")
        yield render(place, "timeSlice(s.a,'%s')" % quoted)


def of_intervals():
    for place, form in lines("intervals.txt"):
        form = "" if form == "(empty)" else form
        yield render(place, "timeShift(hist.h,'%s')" % form)
        # Of an interval that is not positive graphite-web makes endless rows.
        if form and form[0] != "-":
            yield render(place, "smartSummarize(hist.h,'%s')" % form)


def of_formats():
    for format in FORMATS:
        for number, target in enumerate(SHOWN):
            place = "formats:%s:%d" % (format, number)
            for more in ({}, {"tz": "America/New_York"}, {"maxDataPoints": "3"}, {"jsonp": "cb"}):
                if "tz" in more and format != "csv":
                    continue
                yield render(place, target, more, format=format)
    yield render("formats:several", "s.a ;; s.b ;; nosuch", {}, format="csv")
    # The older names of two formats, and no target.
    query = [(key, str(value)) for key, value in RANGE.items()] + [("target", "s.a")]
    yield Case("formats:raw", "s.a", query + [("rawData", "true")], format="raw")
    yield Case("formats:pickle", "s.a", query + [("pickle", "true")], format="pickle")
    for format in FORMATS:
        yield Case("formats:none", "", [("format", format)], format=format)


def of_requests():
    """How parameters come: in a form, in both places, as lists of jQuery."""
    base = {**RANGE, "format": "json", "noCache": "1"}

    def form(**more):
        return urllib.parse.urlencode({**base, **more})

    yield Case("requests:form", "s.a", [], form=form(target="s.a"))
    yield Case("requests:both", "s.a s.b", [("target", "s.b"), ("from", "-1h")], form=form(target="s.a"))
    yield Case("requests:list", "s.a", list(base.items()) + [("target[]", "s.a"), ("target[]", "s.b")])
    for name, value in [("from", "now"), ("until", "1699999199"), ("from", RANGE["until"])]:
        yield render("requests:range", "s.a", {name: value})
    yield render("requests:reversed", "s.a", {"from": RANGE["until"], "until": RANGE["from"]})
    yield render("requests:zone", "s.a", {"tz": "Nowhere/City"})
    yield render("requests:unknown", "s.a", {"nosuch": "1", "pretty": "1"})
    yield render("requests:slash", "s.a", {})
    case = render("requests:slash", "s.a", {})
    case.path = "/render"
    yield case


FOUND = [
    "*", "s.*", "s", "s.a", "srv.*", "srv.web1.*", "srv.*.cpu", "srv.*.cpu.*", "srv.web{1,2}.cpu.*", "srv.web?.cpu",
    "srv.web[12]", "nosuch", "nosuch.*", "deep.a.b.c.*", "deep.**", "**", "*.*", "odd.*", "nat.[!n]*", "s.", "srv..",
    ".", "{s,srv}.*", "s.{a,b", "[s", "disk;dc=dc1;host=a",
]


def of_finding():
    for number, query in enumerate(FOUND):
        place = "finding:%d" % number
        for path in ("/metrics/find/", "/metrics/find", "/metrics/"):
            yield Case(place, query, [("query", query)], path=path, format="text")
        for more in (
            {"format": "treejson", "wildcards": "1"},
            {"format": "treejson", "leavesOnly": "1"},
            {"format": "completer"},
            {"format": "completer", "wildcards": "1"},
            {"format": "completer", "automatic_variants": "1"},
            {"format": "nodelist", "position": "0"},
            {"format": "nodelist", "position": "1"},
            {"format": "pickle"},
            {"format": "msgpack"},
            {"format": "treejson", "jsonp": "cb"},
            {"format": "bogus"},
        ):
            kind = more["format"] if more["format"] in ("pickle", "msgpack") else "text"
            yield Case(place, query, [("query", query), *more.items()], path="/metrics/find/", format=kind)
        for more in ({}, {"leavesOnly": "1"}, {"groupByExpr": "1"}):
            pairs = [("query", query), ("query", "s.*"), *more.items()]
            yield Case(place, query, pairs, path="/metrics/expand", format="text")
    for begin, end in (("100", "50"), ("100", "100"), ("now", "-1h"), ("-1h", "now"), ("100", "-1"), ("-1", "50")):
        for kind in ("treejson", "pickle"):
            pairs = [("query", "s.*"), ("from", begin), ("until", end), ("format", kind)]
            format = "pickle" if kind == "pickle" else "text"
            yield Case("finding:range", "s.*", pairs, path="/metrics/find/", format=format)
    for path in ("/metrics/find/", "/metrics/expand/", "/metrics/"):
        yield Case("finding:none", "", [], path=path, format="text")
        yield Case("finding:empty", "", [("query", "")], path=path, format="text")
    yield Case("finding:form", "s.*", [], path="/metrics/find/", format="text", form="query=s.%2A")
    yield Case("finding:index", "", [], path="/metrics/index.json", format="text")


def of_functions():
    """What editors of targets are told of the functions."""
    names = ["scale", "sum", "sumSeries", "highest", "legendValue", "seriesByTag", "nosuch", "average", "a/b", "sc*"]
    asked = [
        "", "grouped=1", "grouped=true", "grouped=0", "group=Sorting", "group=Sorting&grouped=1", "group=nosuch",
        "group=nosuch&grouped=1", "type=pie", "type=pie&grouped=1", "type=x", "pretty=1&group=Filter%20Data",
        "jsonp=cb&group=Graph",
    ]
    for query in asked:
        for path in ("/functions", "/functions/"):
            pairs = urllib.parse.parse_qsl(query)
            yield Case("functions:list", query, pairs, path=path, format="text")
    for name in names:
        for query in ("", "type=pie", "pretty=1", "jsonp=cb"):
            pairs = urllib.parse.parse_qsl(query)
            yield Case("functions:one", name, pairs, path="/functions/" + name, format="text")
    yield Case("functions:post", "", [], path="/functions", format="text", form="a=b")


TESTS = [
    [], ["name=disk"], ["dc=dc1"], ["host=~[ab]"], ["host=~."], ["rack="], ["dc!=dc1", "name=disk"], ["name=~^c"],
    ["host!=~a", "dc=~."], ["nosuch=x"], ["name=disk", "host=c"], ["bad"], ["dc=~["],
]


def of_tags():
    """Asked of a graphite-web that has the tagged series in a database of its own."""
    for more in ({}, {"limit": "1"}, {"limit": "0"}, {"filter": "d"}, {"filter": "^h"}, {"filter": "x"}, {"pretty": "1"}):
        for path in ("/tags", "/tags/name", "/tags/dc", "/tags/host", "/tags/rack", "/tags/nosuch"):
            yield Case("tags:list", "", list(more.items()), path=path, format="text")
    for tests in TESTS:
        place = "tags:" + " ".join(tests)
        expressions = [("expr", test) for test in tests]
        yield Case(place, "", expressions, path="/tags/findSeries", format="text")
        for more in ({}, {"tagPrefix": "d"}, {"tagPrefix": "x"}, {"limit": "1"}, {"jsonp": "cb"}):
            pairs = [*expressions, *more.items()]
            yield Case(place, "", pairs, path="/tags/autoComplete/tags", format="text")
        for tag in ("name", "dc", "host", "rack", "nosuch"):
            for more in ({}, {"valuePrefix": "d"}, {"valuePrefix": "c"}, {"limit": "2"}):
                pairs = [*expressions, ("tag", tag), *more.items()]
                yield Case(place, "", pairs, path="/tags/autoComplete/values", format="text")
    yield Case("tags:none", "", [], path="/tags/autoComplete/values", format="text")
    yield Case("tags:add", "", [], path="/tags/tagSeries", format="text", form="path=disk;host=a;dc=dc1")
    yield Case("tags:add", "", [], path="/tags/tagSeries", format="text", form="path=")
    yield Case("tags:add", "", [], path="/tags/tagMultiSeries", format="text", form="path=disk;host=a;dc=dc1&path=mem;host=a")
    yield Case("tags:add", "", [("path", "mem;host=a")], path="/tags/tagSeries", format="text")
    # The last question: what it deletes is gone.
    yield Case("tags:delete", "", [], path="/tags/delSeries", format="text", form="path=nosuch;a=b")
    yield Case("tags:delete", "", [], path="/tags/delSeries", format="text", form="path=mem;host=a")
    yield Case("tags:delete", "", [("expr", "host=a")], path="/tags/findSeries", format="text")


def of_versions():
    for path in ("/version", "/version/"):
        yield Case("version:get", "", [], path=path, format="plain")
        yield Case("version:post", "", [], path=path, format="plain", form="a=b")


def all():
    """What is asked of a graphite-web that reads from corelane."""
    yield from of_times()
    yield from of_intervals()
    yield from of_formats()
    yield from of_requests()
    yield from of_finding()
    yield from of_functions()
    yield from of_versions()


PATHS = [
    "s.*", "cnt.*", "slow.m", "srv.*.cpu.*", "g.frac", "hist.h", "season.h", "rnd.*", "mix.s10", "mix.s20", "mix.s30",
    "mix.s60", "mix.s300", "mix.*", "gap.*", "num.*", "odd.*", "deep.a.b.c.d", "deep.**", "nosuch", "*.*",
]


def of_whisper():
    """What is asked of a graphite-web that has the same points in whisper files: every alignment of a range
    with the steps, and the tree."""
    origin, until = RANGE["from"] + 1, RANGE["until"]
    for path in PATHS:
        for begin in (-3600, -601, -600, -599, -60, -1, 0, 1, 29, 59, 60):
            for end in (61, 119, 120, 121, 299, 359):
                more = {"from": origin + begin, "until": origin + end}
                yield render("whisper:range", path, more, format="raw")
        for seconds in (1, 5, 59, 60, 61):
            more = {"from": origin + 60, "until": origin + 60 + seconds}
            yield render("whisper:short", path, more)
        yield render("whisper:points", path, {"maxDataPoints": "7", "from": origin - 3600, "until": until})
    yield from (case for case in of_finding() if "disk;" not in case.target and "index" not in case.place)
