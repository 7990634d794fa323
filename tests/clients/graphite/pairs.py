"""Pictures of ten targets by graphite-web and by corelane, side by side on one page.

    pairs.py FOLDER HTTP_PORT LINE_PORT

Writes FOLDER/pairs.html and the pictures that it shows, for people to look at; what they found is in
DIFFERENCES.md. Exit code 1 if a pair is not of two pictures of one size.
"""
import os
import struct
import sys
import urllib.parse

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import data
import reference
from cases import RANGE
from drive import wait_for

BASE = {"from": RANGE["from"] - 3600, "until": RANGE["until"], "now": RANGE["now"], "format": "png"}
PAIRS = [
    (["rnd.*"], {"title": "lines", "width": "500"}),
    (["rnd.r1", "constantLine(500)"], {"lineMode": "staircase", "title": "stairs and a constant"}),
    (["rnd.r1", "rnd.r3"], {"areaMode": "stacked", "areaAlpha": "0.6", "width": "500"}),
    (["rnd.r1", "secondYAxis(rnd.neg)"], {"width": "600", "height": "300", "vtitle": "left", "vtitleRight": "right"}),
    (["rnd.r1", "threshold(700,'most','red')"], {"yMin": "0", "yMax": "1000", "lineWidth": "2"}),
    (["rnd.r3", "drawAsInfinite(changed(cnt.x))"], {"lineMode": "connected", "bgcolor": "black", "fgcolor": "white"}),
    (["dashed(rnd.r1)", "color(rnd.r2,'orange')", "alias(rnd.neg,'an alias')"], {"width": "500"}),
    (["cnt.long"], {"logBase": "10", "yMin": "1", "title": "logarithmic"}),
    (["rnd.r1", "rnd.r2", "season.h"], {"graphType": "pie", "width": "400", "height": "300", "pieMode": "maximum"}),
    (["season.h", "movingAverage(season.h,10)"], {"template": "plain", "tz": "Asia/Kathmandu", "hideLegend": "false"}),
]
WIDTH, HEIGHT = 16, 20


def size(picture):
    """Width and height of a PNG in pixels; nothing of anything else."""
    if picture.startswith(b"\x89PNG\r\n\x1a\n"):
        return struct.unpack(">II", picture[WIDTH : HEIGHT + 4])


def main():
    folder, http_port, line_port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    corelane = reference.Corelane(http_port)
    wait_for(corelane, data.send(line_port))
    reference.configure(folder, ["127.0.0.1:%d" % http_port])
    theirs = reference.Reference()
    rows, wrong = [], 0
    for number, (targets, more) in enumerate(PAIRS):
        query = urllib.parse.urlencode([("target", one) for one in targets] + list({**BASE, **more}.items()))
        pictures = {
            "graphite": theirs.ask("/render/", query, now=RANGE["now"]).body,
            "corelane": corelane.ask("/render/", query).body,
        }
        cells = ""
        for who, picture in pictures.items():
            name = "%d_%s.png" % (number, who)
            with open(os.path.join(folder, name), "wb") as file:
                file.write(picture)
            cells += '<td><img src="%s"></td>' % name
        told = ", ".join(targets + ["%s=%s" % pair for pair in more.items()])
        rows.append("<tr><td colspan=2>%s</td></tr><tr>%s</tr>" % (told, cells))
        sizes = {size(picture) for picture in pictures.values()}
        if len(sizes) != 1 or None in sizes:
            wrong += 1
            print("%s: %r" % (told, sizes))
    with open(os.path.join(folder, "pairs.html"), "w") as file:
        file.write("<!doctype html><table><tr><th>graphite-web<th>corelane</tr>%s</table>" % "".join(rows))
    print("%d pairs, %d of them wrong; %s/pairs.html" % (len(PAIRS), wrong, folder))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
