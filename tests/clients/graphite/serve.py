"""graphite-web in front of one storage node, as a server of its own.

    serve.py FOLDER PORT NODE [get|post]
"""
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import reference


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *told):
        pass


folder, port, node, method = sys.argv[1:]
# Newer than graphite-web knows; without it, it takes the one that it brings along.
sys.modules["msgpack"] = None
# As it ships: a node that fails is not asked for a minute.
reference.configure(folder, [node], post=method == "post", retry_delay=60)
from django.core.wsgi import get_wsgi_application  # noqa: E402

with make_server("127.0.0.1", int(port), get_wsgi_application(), Server, Quiet) as server:
    print("serves", flush=True)
    server.serve_forever()
