"""Writes the first inputs of a fuzz target: seeds.py TARGET FOLDER. A target without seeds is fine."""
import json
import pathlib
import struct
import sys

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "corpus"


def pickle():
    for vector in json.loads((CORPUS / "pickle_vectors.json").read_text()):
        payload = bytes.fromhex(vector["hex_payload_without_header"])
        if len(payload) < 4096:
            yield payload
            yield len(payload).to_bytes(4, "big") + payload


def texts(*names):
    """Every line of some corpus files."""
    for name in names:
        yield from (CORPUS / name).read_bytes().splitlines(keepends=True)


def lines():
    edges = list(texts("edge-lines.txt"))
    usual = [b"dc1.h%06d.cpu.c%02d.user %d.%d 17%08d\n" % (i, i, i, i, i) for i in range(20)]
    streams = [*edges, *usual, b"".join(edges), b"".join(usual), b"\r\n".join(edges)]
    # In front eight bytes that say where it is cut: see the target.
    for number, stream in enumerate(streams):
        yield number.to_bytes(8, "little") + stream[:4000]


def names():
    yield from (line.split(b" ")[0].strip() for line in texts("edge-lines.txt"))
    yield from (b"a.b;z=1;b=2", b"a..b.", b"~a;name=x;k=v=w", b"a;k=~v", b"a;k\\==v\\;w")
    yield b'a.b{x="1",b="q\\"u"}'


def globs():
    """Two texts: libFuzzer's helper takes the length of the first from the end of the input."""
    for pattern, path in [("a.{b,c}*.[a-z]?", "a.b1.x7"), ("*.*", "a.b"), ("{a,{b,c}}[^0-9]", "bx")]:
        yield (pattern + path).encode() + bytes([len(pattern)])


def targets():
    for text in [
        "alias(sumSeries(a.*.b), 'x')", "summarize(scale(a.{b,c}, 1.5e3), '5min', 'max', true)",
        "seriesByTag('name=a','host!=~b.*')|aliasByNode(0)", "template(a.$x, x='b')",
        "perSecond(consolidateBy(a.[0-9], 'sum'))", "-5min", "20150308", "04:00_20150308", "now+1d",
    ]:
        yield text.encode()


def requests():
    """A path's number, a body's kind, parameters of the URL, a zero, the body."""
    multipart = b'--x1\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n--x1--\r\n'
    form = b"target=aliasSub(a.*,%22x%22,%22%5C1+A%22)&from=-6h&until=now&format=json&maxDataPoints=100"
    point = b'[{"name":"a","timestamp":1,"value":2,"tags":{"b":"c"}}]'
    for path in range(16):
        yield bytes([path, 0]) + b"query=a.*&expr=a=b&tag=a&path=a;b=c&pretty=1&jsonp=f"
        yield bytes([path, 0]) + b"from=-1h\0" + form + b"&query=a.*&expr=a%3Db&tag=a&path=a;b=c"
        yield bytes([path, 1]) + b"\0" + multipart % (b"target", b"a.b") + multipart % (b"query", b"*")
        yield bytes([path, 2]) + b'\0{"target": ["a", "b|scale(2)"], "query": "a.*", "template": {"x": 1}, "noCache": false}'
        yield bytes([path, 3]) + b'\0{"what": "x", "tags": ["a", "b"], "when": 5, "data": {"a": [1]}}'
        yield bytes([path, 3]) + b"\0" + point
    yield bytes([2, 0]) + b"query=a,b.&format=completer&automatic_variants=1&wildcards=1&leavesOnly=0"
    yield bytes([2, 0]) + b"query=*&format=nodelist&position=-1&from=-1&until=noon&tz=Europe/Berlin&now=20150308"
    yield bytes([6, 0]) + b"grouped=1&group=Transform&type=pie"


def log():
    """Payloads: a definition; two reads; numbers 0..5; one time; tokens of numbers, and of texts; and codes.

    Classes of the codes: 3 bits, none, 5 bits told from nothing at scale 2. Points: 3, 0, 9 / 100, a value, 1."""
    numbers = bytes([2, 0, 0xFF, 0, 2, 4, 6, 1])
    texts = bytes([0xFF, 5, 2]) + b"up" + bytes([0, 0xFF, 5, 0, 0, 0])
    for tokens in (numbers, texts):
        yield from log_of((7, tokens))
    bits = "0" + "110" + "10" + "110" + "01001" + "111" + "0" + "100"
    packed = int(bits[::-1], 2).to_bytes((len(bits) + 7) // 8, "little")
    yield from log_of((7, bytes([0x80, 0x81])), (9, bytes([3, 3, 0, 64 | 5, 2]) + packed))


def log_of(*values):
    definition = bytes([0, 0, 0, 3]) + b"a.b"
    sections = [(1, definition), (2, bytes([0, 3, 5, 2])), (3, b"\0"), (4, bytes([0, 3]))]
    sections += [(5, bytes([8])), (6, bytes([0, 3])), *values]
    payload = b"".join(bytes([kind, len(data)]) + data for kind, data in sections)
    yield from (payload, payload + bytes(9), b"CLOB\1" + bytes(59) + payload, b"CORELOG\n\1" + bytes(99))


def telnet():
    """Eight bytes that say how it is read, then lines."""
    lines = [
        b"put sys.cpu 1700000000 12.5 host=a dc=b\n", b"putm m 1700000000123 7 k=v\r\n", b"version\n",
        b'puts "a b" 17 "some text" k=v kairos_opt.ttl=30\n', b"put m  1\t-.5   k=v  =x\n", b"bogus\n\n",
        b"put m 3000000000 9223372036854775807 k==v k=a=b\n", b"put caf\xc3\xa9 1 2 \xff=v\n", b"put m 1 2\n",
    ]
    texts = [*lines, b"".join(lines), b"".join(lines) * 3, b"GET / HTTP/1.1\r\n\r\n", b"POST /api/put HTTP/1.1\r\n"]
    for number, text in enumerate(texts):
        yield number.to_bytes(8, "little") + text


def opentsdb():
    """A byte that says how it is read, then a body."""
    point = b'{"metric":"sys.cpu","timestamp":1700000000,"value":18.5,"tags":{"host":"a","dc":"b"}}'
    for body in [
        point, b"[" + point + b"," + point + b"]", b"[]", b"{}", b'[{"metric":"m","timestamp":"x"},' + point + b"]",
        point.replace(b"18.5", b'"7"').replace(b"1700000000", b"1700000000123"), point.replace(b'"a"', b"[1]"),
        b'{"x":[{"y":[]}],"tags":{"k":null,"\\u00e9":1},"value":1e3,"timestamp":1.5,"metric":"m"}',
    ]:
        yield b"\x0b" + body


def kairos_rest():
    tags = '"tags":{"host":"a","dc":"x"}'
    for text in [
        '[{"name":"disk.used","timestamp":1700000000000,"value":17,%s}]' % tags,
        '{"name":"temp","datapoints":[[1700000000000,21.5],["1e3",22,"long"],[1,"-.5"]],%s,"ttl":"30"}' % tags,
        '[{"datapoints":[[],[1],[,2],[2,],[1,{"a":[]}],null],"type":"double","name":"m",%s}]' % tags,
        "[{name='m';time=>5,'value':\"\\u00fc\\ud83d\\ude00\",tags:{a:b,c:null}/* x */}]",
        '[{"name":"m","skip_validate":true,"timestamp":-1,"value":9223372036854775807},{},', '{"tags":[]}',
        '[{"name":"m","timestamp":1,"value":1,%s},{"name":"n","type":"string","time":2,"value":"x",%s}]' % (tags, tags),
        '[{"name":"m","ttl":60,%s,"datapoints":[[1,"ü","string"],[2,1.50,"string"],[3,-0,"double"]]}]' % tags,
    ]:
        for first in (0, 77, 255):
            yield bytes([first, first ^ 5]) + text.encode()


def kairos_conf():
    yield b"# a\nkairosdb.telnetserver.port=4242\nkairosdb.a\\=b : c\\\n  d\\u00e9\n!x\r\n"
    for text in [
        'kairosdb: {\n server.type: "ALL" # c\n jetty { port = 1, ssl.port: 2 }\n service.telnet: <disabled>\n}',
        'a { b: [1, "x\\n", { c = 1 }] [2]\n b += ${?a.d} y }\na.b = ${a.b} ["""z"""]\ninclude "x"\nn = null // c',
        'o { a = 1 }\np = ${o} { b = ${o.a}${?B}x }\n"q r".s = ${p.a} ${b}\nt = ${t2}\nt2 = ${?t}',
    ]:
        yield text.encode()


def kairos_query():
    range_ = '"sampling":{"value":"1","unit":"months"},"align_start_time":"true","time_zone":"Europe/Paris"'
    aggregators = ['{"name":"%s",%s}' % (name, range_) for name in
                   "avg count dev first gaps last least_squares max min sum".split()]
    aggregators += [
        '{"name":"percentile","percentile":"0.5",%s}' % range_, '{"name":"diff"}', '{"name":"rate","unit":"hours"}',
        '{"name":"sampler","unit":"days"}', '{"name":"div","divisor":2}', '{"name":"scale","factor":1e3}',
        '{"name":"sma","size":3}', '{"name":"filter","filter_op":"LTE","threshold":"a"}', '{"name":"trim","trim":"Both"}',
        '{"name":"score","order":"descending","thresholds":[{"value":1,"boundary":"inferior"}]}',
        '{"name":"save_as","metric_name":"x","tags":{"a":"b"},"ttl":1}',
    ]
    groupers = ['{"name":"tag","tags":["host"]}', '{"name":"value","range_size":5}', '{"name":"bin","bins":[1,"2"]}',
                '{"name":"time","range_size":{"value":2,"unit":"weeks"},"group_count":7}']
    for start in ['"start_absolute":-5', '"start_relative":{"value":"1","unit":"years"},"end_relative":{"unit":"days"}']:
        for step in aggregators:
            yield ('{%s,"metrics":[{"name":"m","aggregators":[%s]}]}' % (start, step)).encode()
        for group in groupers:
            yield ('{%s,"metrics":[{"name":["m"],"alias":"x","group_by":[%s]}]}' % (start, group)).encode()
    yield b"/* */{start_absolute=0;metrics:[{name:'m',tags:{a:['regex:b.*',c],d:e},limit:'1.5',order:DESC,exclude_tags:true}]}"
    yield b'{"cache_time":0,"time_zone":"+02:00","plugins":[],"metrics":[{"name":"m","plugins":[{"name":"x"}]},{}]}'


def definitions():
    """Number (told from the one before), flags, tenant, base step and ttl if the flags say so, bytes shared
    with the text before, those of its own."""
    for text in [b"a.b", b"m;host=web1;z=2"]:
        yield bytes([0, 0, 0, len(text)]) + text
        yield bytes([6, 0x74, 5, 60, 0, len(text)]) + text
        yield bytes([2, 0xE1, 5, 60, 30, 0, len(text)]) + text
    yield bytes([0, 0, 0, 3]) + b"a.b" + bytes([0, 0, 2, 1]) + b"c"


def book():
    """In front how the payloads are cut; each is a life and definitions."""
    payload = bytes([9]) + b"".join(one for one in definitions() if one[0] == 0)
    yield from (bytes([16]) + payload, bytes([0]) + payload, bytes([8]) + 2 * payload)


def manifest():
    """In front how the payloads are cut. A head, a book, a floor, a segment, one that goes, tombstones."""
    segment = bytes([3, 5, 0, 0, 120, 10, 20, 0, 3, 1, 100, 50, 10, 2, 8])
    mortal = bytes([12, 6, 0, 0, 120, 10, 20, 0, 3, 1, 100, 50, 10, 2, 8, 2, 90])
    first = bytes([0, 9, 30, 0, 1, 0, 4, 50, 2, 0, 7]) + segment + mortal
    grave = bytes([7, 0, 0, 0, 8, 25, 1, 1]) + b"a" + bytes([7, 1, 0, 0, 8, 25, 0, 1]) + bytes(16)
    change = grave + bytes([8, 0, 9, 5, 1, 40, 1]) + b"x" + bytes([4, 5, 1, 10, 5, 6, 5])
    yield bytes([16]) + first
    for sixteenths in range(17):
        yield bytes([sixteenths]) + first + change


def control():
    """In front how the payloads are cut. Events: type, generation, bytes; id, time, what, tags, data."""
    def event(generation, number):
        body = bytes([number, 40, 1]) + b"w" + bytes([2, 1]) + b"a" + bytes([1]) + b"b" + bytes([2]) + b"dd"
        return bytes([1, generation, len(body)]) + body
    for sixteenths in range(0, 17, 4):
        yield bytes([sixteenths]) + event(1, 1) + event(2, 2) + event(5, 3) + event(6, 4)


def segment():
    """A footer, two bytes with the length of the index, index, pages; the target sets the checksums.

    One page with one run: series 3, values 5 at the window's start, a second later, and one more. And the same
    with the start of the run in front."""
    start, rest = bytes([0, 0x10, 0, 2, 0, 0x83, 0xE8]), bytes([10])
    yield segment_of(bytes([0, 3, 1, 0, 0, len(start + rest), 0]) + start + rest)
    yield segment_of(bytes([2, 3, 1, 0, 0, len(rest), 0, 1, len(start)]) + start + rest)


def segment_of(page):
    page = bytes(4) + page
    five = struct.pack("<d", 5.0)
    index = bytes([0, 3, 0, len(page), 3, 0, 0x87, 0xD0]) + five + five + b"crcs"
    about = struct.pack("<8sHBBIQQQqqQQQQQ", b"CLSEGEND", 1, 0, 0, 0, 0, 0, 1, 0, 3_600_000, 1, 2, 60_000, 0, 0)
    footer = about + struct.pack("<QIIIIIQQQQqq", 3, 1, 1, 0, 0, 0, 0, 0, len(page) + len(index), 0, 0, 2000)
    return footer + len(index).to_bytes(2, "little") + index + page


SEEDS = [
    book, control, definitions, globs, kairos_conf, kairos_query, kairos_rest, lines, log, manifest, names, opentsdb,
    pickle, requests, segment, targets, telnet,
]
SEEDS = {seeds.__name__: seeds for seeds in SEEDS}

target, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
for number, seed in enumerate(SEEDS.get(target, lambda: ())()):
    (folder / f"seed-{number:04}").write_bytes(seed)
