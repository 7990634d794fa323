"""The reference: graphite-web itself, in this process, without a socket of its own.

Its settings are made here, as it ships but for a database and logs in a folder of the test, and no caches. It
reads from storage nodes (`servers`), from whisper files (`whisper`), or both.
"""
import datetime
import inspect
import os
import resource
import signal
import sys

# Some arguments make graphite-web compute without end, or fill the memory.
SECONDS_MAX = 20
MEMORY_MAX = 2 << 30

SETTINGS = """
SECRET_KEY = 'of a test'
ALLOWED_HOSTS = ['*']
TIME_ZONE = 'UTC'
DEBUG = False
CLUSTER_SERVERS = {servers!r}
STORAGE_DIR = {folder!r}
WHISPER_DIR = {whisper!r}
STANDARD_DIRS = [WHISPER_DIR]
CONF_DIR = STORAGE_DIR
LOG_DIR = STORAGE_DIR
INDEX_FILE = {folder!r} + '/index'
LOG_ROTATION = False
LOG_INFO_PERFORMANCE = False
CARBONLINK_HOSTS = []
STORAGE_FINDERS = [{finder!r}]
# The storage nodes know the tags, unless a database of its own does.
TAGDB = {tagdb!r}
USE_WORKER_POOL = False
# In most tests a question that the node refuses must not silence it for the next ones.
REMOTE_RETRY_DELAY = {retry_delay!r}
MAX_FETCH_RETRIES = 1
FIND_CACHE_DURATION = 0
FIND_TOLERANCE = 600
DEFAULT_CACHE_DURATION = 0
REMOTE_STORE_USE_POST = {post!r}
# As shipped, what a function cannot take is passed to it, and some of it works by luck.
ENFORCE_INPUT_VALIDATION = {checked!r}
DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {folder!r} + '/db'}}}}
"""


def configure(folder, servers=(), whisper=None, post=False, checked=False, tagged=False, retry_delay=0):
    """Write the settings into `folder` and make Django read them. Once in a process. `checked` where what a
    function cannot take is to be refused, `tagged` where it knows tags itself; `retry_delay` are the seconds
    for which a storage node that has failed is not asked."""
    whisper = whisper or os.path.join(folder, "whisper")
    os.makedirs(whisper, exist_ok=True)
    finder = "remote.RemoteFinder" if servers else "standard.StandardFinder"
    text = SETTINGS.format(
        folder=folder,
        servers=list(servers),
        whisper=whisper,
        post=post,
        checked=checked,
        retry_delay=retry_delay,
        tagdb="graphite.tags.localdatabase.LocalDatabaseTagDB" if tagged else "",
        finder="graphite.finders." + finder,
    )
    with open(os.path.join(folder, "reference_settings.py"), "w") as file:
        file.write(text)
    sys.path.insert(0, folder)
    os.environ["GRAPHITE_SETTINGS_MODULE"] = "reference_settings"
    os.environ["DJANGO_SETTINGS_MODULE"] = "graphite.settings"
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MAX, MEMORY_MAX))
    with_signatures()
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0, run_syncdb=True)
    # Some functions read times against the clock, not against the request's `now`: with it they agree.
    from graphite.render import attime

    attime.datetime = Clock


def with_signatures():
    """What Python had before 3.11, and `/functions` needs: how a function is written."""
    if hasattr(inspect, "getargspec"):
        return

    def written(names, rest, _, defaults):
        plain = len(names) - len(defaults or ())
        told = names[:plain] + ["%s=%r" % pair for pair in zip(names[plain:], defaults or ())]
        return "(%s)" % ", ".join(told + (["*" + rest] if rest else []))

    inspect.getargspec = lambda function: tuple(inspect.getfullargspec(function))[:4]
    inspect.formatargspec = written


class Clock(datetime.datetime):
    """What graphite-web takes for the clock of this machine."""

    at = 0

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime.fromtimestamp(cls.at, tz)


class Answer:
    """A status, a media type and bytes."""

    def __init__(self, status, kind, body):
        self.status, self.kind, self.body = status, kind, body


class Endless(Exception):
    """Graphite-web took too long."""


def interrupt(signal_number, frame):
    raise Endless()


class Reference:
    """Asks graphite-web as a browser would. `configure` comes first."""

    def __init__(self):
        from django.test import Client

        self.client = Client(raise_request_exception=False)

    def functions(self):
        """By name."""
        from graphite.functions import SeriesFunctions

        return SeriesFunctions()

    def ask(self, path, query, form=None, now=0):
        """GET `path?query`, or POST it with `form`, both as encoded text, at the second `now`."""
        Clock.at = now
        url = path + "?" + query
        signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, SECONDS_MAX)
        try:
            if form is None:
                response = self.client.get(url)
            else:
                kind = "application/x-www-form-urlencoded"
                response = self.client.generic("POST", url, form, content_type=kind)
        except Endless:
            return Answer(500, "", b"endless")
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        body = b"".join(response) if response.streaming else response.content
        return Answer(response.status_code, response.get("Content-Type", ""), body)


class Corelane:
    """Asks corelane over HTTP."""

    def __init__(self, port):
        import urllib3

        self.pool = urllib3.HTTPConnectionPool("127.0.0.1", port, retries=False, timeout=30)

    def ask(self, path, query, form=None):
        """As `Reference.ask`, at whatever second it is."""
        url = path + "?" + query
        if form is None:
            response = self.pool.request("GET", url)
        else:
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            response = self.pool.request("POST", url, body=form, headers=kind)
        return Answer(response.status, response.headers.get("Content-Type", ""), response.data)
