"""The doors of a KairosDB, the real one or corelane: telnet lines and HTTP."""
import gzip
import http.client
import itertools
import json
import socket
import time

WAIT_SECONDS = 60
# How long what was accepted may take to be seen.
SEEN_SECONDS = 30


class Answer:
    """A status, headers and bytes."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        """The body as a value."""
        return json.loads(self.body)

    def text(self):
        """The body as text."""
        return self.body.decode("utf-8", "replace")


class Doors:
    """Speaks to one server. `name` is for messages."""

    def __init__(self, name, telnet, http_port):
        self.name, self.telnet, self.http_port = name, telnet, http_port
        self.connection = None
        self.markers = itertools.count(1)

    def ask(self, method, path, body=None, headers=()):
        """One request; a connection that the server has closed meanwhile is opened anew."""
        if isinstance(body, str):
            body = body.encode("utf-8", "surrogateescape")
        for last in (False, True):
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=WAIT_SECONDS)
            try:
                self.connection.request(method, path, body, dict(headers))
                response = self.connection.getresponse()
                body_of = response.read()
                return Answer(response.status, response.headers, body_of)
            except (http.client.HTTPException, OSError):
                self.connection.close()
                self.connection = None
                if last:
                    raise

    def get(self, path, headers=()):
        return self.ask("GET", path, None, headers)

    def post(self, path, body, headers=()):
        return self.ask("POST", path, body, {"Content-Type": "application/json", **dict(headers)})

    def delete(self, path):
        return self.ask("DELETE", path)

    def ingest(self, body, headers=()):
        """POST a body of points."""
        return self.post("/api/v1/datapoints", body, headers)

    def ingest_gzip(self, body, header=("Content-Encoding", "gzip")):
        """The same, compressed."""
        return self.ingest(gzip.compress(body.encode("utf-8", "surrogateescape")), [header])

    def query(self, query):
        """POST a query, a value or text."""
        return self.post("/api/v1/datapoints/query", query if isinstance(query, str) else json.dumps(query))

    def query_tags(self, query):
        """POST a query for tags."""
        text = query if isinstance(query, str) else json.dumps(query)
        return self.post("/api/v1/datapoints/query/tags", text)

    def lines(self, data):
        """Send bytes to the telnet door, and behind them a line that is answered. Gives what was said until each
        `version` had its answer."""
        data += b"\nversion\n"
        questions = sum(line.split()[:1] == [b"version"] for line in data.split(b"\n"))
        with socket.create_connection(("127.0.0.1", self.telnet), WAIT_SECONDS) as stream:
            stream.sendall(data)
            said = b""
            while said.count(b"\n") < questions:
                piece = stream.recv(4096)
                if not piece:
                    break
                said += piece
            return said

    def settle(self):
        """Wait until what was sent before is seen: a point that is sent now is."""
        nth = next(self.markers)
        name = "marker.%d" % nth
        self.ingest(json.dumps([{"name": name, "timestamp": nth, "value": nth, "tags": {"a": "b"}}]))
        query = {"start_absolute": nth, "end_absolute": nth, "metrics": [{"name": name}]}
        end = time.time() + SEEN_SECONDS
        while True:
            answer = self.query(query)
            if answer.status == 200 and answer.json()["queries"][0]["sample_size"] == 1:
                return
            if time.time() > end:
                raise SystemExit("%s does not show %s: %s" % (self.name, name, answer.text()[:300]))
            time.sleep(0.01)
