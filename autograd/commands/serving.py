"""`valuegrad step` and `valuegrad serve`: an expression, step by step, in a page.

The server listens on the loopback address only, and checks the Host of each request. Input is
parsed by the parser of the command line, never by `eval`; the player runs in a sandboxed frame.
"""

from __future__ import annotations

import argparse
import io
import socket
import threading
import time
from collections.abc import Sequence
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

from .. import pages
from ..core.graph import nodes
from ..core.value import Value
from ..seeing.tracing import Trace, trace
from .expression import ExpressionError, UsageError, assignments, parse

MOST_CHARACTERS = 2_000  # of an expression, or of its values, that the page reads
MOST_VALUES = 600  # in a graph that the page plays
MOST_SHARES = 1_800  # the inputs of all nodes: each result of a softmax has every number
MOST_REQUESTS = 16  # at the same time
HOST = "127.0.0.1"
ROOTS = ("y", "f", "out", "result")  # the name of the result: the first that no variable has
EXAMPLES = (
    ("(a*b + tanh(a))**2", "a=2 b=-3", "one leaf used twice: its gradients add"),
    ("tanh(x1*w1 + x2*w2 + b)", "x1=2 x2=0 w1=-3 w2=1 b=6.88", "a neuron"),
    ("(sigmoid(w*x + b) - 1)**2", "w=0.5 x=3 b=-1", "a loss"),
    ("relu(x - 1) * relu(3 - x)", "x=2", "two gates"),
    ("logsumexp([x, y, z])", "x=1 y=2 z=3", "softmax, as a gradient"),
    ("x*y/(x + y)", "x=3 y=6", "two ways to each leaf"),
)


# ---- an expression as a trace --------------------------------------------------------------------


def stepped(text: str, given: dict[str, float]) -> Trace:
    """The trace of an expression at these numbers; intermediate values are called v1, v2, ..."""
    expression = parse(text)
    expression.require(given)
    out = expression.evaluate({name: Value(x, label=name) for name, x in given.items()})
    for node in nodes(out):
        if node.inputs:
            node.label = ""
    if out.inputs:
        out.label = next((name for name in ROOTS if name not in given), "")
    return trace(out)


# ---- pages ---------------------------------------------------------------------------------------


def front(expression: str = "", at: str = "") -> str:
    """The page for this expression, with its player or its error."""
    told, player = "", ""
    if expression.strip():
        try:
            player = _framed(_limited(expression, at).html)
        except ExpressionError as error:
            told = f'<p class="bad" role="alert">{escape(str(error))}</p>'
    links = [
        ("?" + urlencode({"expression": text, "at": values}), text, values, about)
        for text, values, about in EXAMPLES
    ]
    fields = {"EXPRESSION": escape(expression), "AT": escape(at), "MOST": str(MOST_CHARACTERS)}
    form = pages.filled("form.html", fields)
    return _page(form, told, player, [] if player else links)


def _page(form: str, told: str, player: str, links: Sequence[tuple[str, str, str, str]]) -> str:
    """The front page, with a player or with links to examples."""
    parts = {"FORM": form, "TOLD": told, "PLAYER": player, "EXAMPLES": _list(links)}
    return pages.filled("front.html", parts)


def _limited(expression: str, at: str) -> Trace:
    if max(len(expression), len(at)) > MOST_CHARACTERS:
        raise ExpressionError(f"that is too long: at most {MOST_CHARACTERS:,} characters are read")
    found = stepped(expression, assignments(at.replace(",", " ").split()))
    values = nodes(found.root)
    if len(values) > MOST_VALUES:
        raise ExpressionError(f"that is too much for a page: more than {MOST_VALUES:,} values")
    if sum(len(node.inputs) for node in values) > MOST_SHARES:
        raise ExpressionError(f"that is too much for a page: more than {MOST_SHARES:,} shares")
    return found


def _framed(page: str) -> str:
    inner = page.replace("&", "&amp;").replace('"', "&quot;")
    return f'<iframe sandbox="allow-scripts" title="Player" srcdoc="{inner}"></iframe>'


def _list(links: Sequence[tuple[str, str, str, str]]) -> str:
    items = (
        f'<li><a href="{escape(url)}"><code>{escape(text)}</code></a>'
        f' <span class="faint">at {escape(values)}: {escape(about)}</span></li>'
        for url, text, values, about in links
    )
    return f"<p>Examples:</p><ul>{''.join(items)}</ul>" if links else ""


def export(folder: str | Path) -> list[Path]:
    """Write the examples as files that need no server, with an index; return the paths."""
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    written, links = [], []
    for i, (text, values, about) in enumerate(EXAMPLES, 1):
        path = target / f"example-{i}.html"
        _limited(text, values).save(path)
        written.append(path)
        links.append((path.name, text, values, about))
    index = target / "index.html"
    pages.save(index, _page("", "", "", links), "the index")
    return [index, *written]


# ---- the server ----------------------------------------------------------------------------------

POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Arriving(io.RawIOBase):
    """The bytes that a connection sends; TimeoutError when the time is over."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self.connection = connection
        self.end: Final = time.monotonic() + seconds

    def readable(self) -> bool:
        """True, as `io` requires."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Wait for bytes, until the time of the whole request is over."""
        self.connection.settimeout(max(self.end - time.monotonic(), 1e-3))
        return self.connection.recv_into(buffer)


class Handler(BaseHTTPRequestHandler):
    """Serves GET / and nothing else."""

    timeout = 10  # seconds for a request to arrive, and for the page to be taken
    server_version = "valuegrad"
    sys_version = ""

    def setup(self) -> None:
        """Limit the time of the whole request, and not of each read."""
        super().setup()
        self.rfile.close()
        self.rfile = io.BufferedReader(Arriving(self.connection, self.timeout))

    def do_GET(self) -> None:
        """The page."""
        if not self._for_us():
            return self._answer(403, "This server serves its own address only.")
        url = urlsplit(self.path)
        if url.path != "/":
            return self._answer(404, "There is one page here: /")
        try:
            asked = parse_qs(url.query, max_num_fields=8, strict_parsing=False)
        except ValueError:
            return self._answer(400, "That query cannot be read.")
        expression, at = (asked.get(name, [""])[0] for name in ("expression", "at"))
        return self._answer(200, front(expression, at), "text/html")

    def _for_us(self) -> bool:
        """True if the Host is this server; another site's name may resolve to this address too."""
        port = self.connection.getsockname()[1]
        return self.headers.get("Host") in (f"{HOST}:{port}", f"localhost:{port}")

    def _answer(self, status: int, text: str, kind: str = "text/plain") -> None:
        body = text.encode("utf-8", errors="replace")
        self.connection.settimeout(self.timeout)
        self.send_response(status)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""


class Server(ThreadingHTTPServer):
    """A thread for each request, up to a limit; further requests get status 503."""

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        self.free: Final = threading.BoundedSemaphore(MOST_REQUESTS)
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a thread, or refuse the request if there are too many."""
        if self.free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            request.sendall(b"HTTP/1.0 503 Service Unavailable\r\n\r\n")
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the request, then free its place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.free.release()


def server(port: int = 8000) -> Server:
    """The server, bound to the loopback address; port 0 takes a free one."""
    return Server((HOST, port), Handler)


# ---- the commands --------------------------------------------------------------------------------


def add_step_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `step` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "step",
        help="step through an expression's backward pass",
        epilog='example: valuegrad step "tanh(x*w + b)" x=2 w=-1 b=1 -o backprop.html',
    )
    add = parser.add_argument
    add("expression", metavar="EXPRESSION", help='such as "x**2 + sin(pi*y)", in quotes')
    add("given", nargs="*", metavar="name=number", help="the number for each variable")
    add("-o", "--output", metavar="FILE", help="write a page that plays it, instead of the text")
    return parser


def step_command(options: argparse.Namespace) -> int:
    """Print every step, or write the player."""
    found = stepped(options.expression, assignments(options.given))
    if options.output:
        try:
            found.save(options.output)
        except (OSError, ValueError) as error:
            raise UsageError(str(error)) from error
        print(f"wrote {options.output}: open it in a browser")
        return 0
    for frame in (*found.forward, *found):
        print(frame)
    return 0


def add_serve_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `serve` among the commands of a parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "serve", help="a local page where you type an expression and step through it"
    )
    add = parser.add_argument
    add("--port", type=int, default=8000, help="on 127.0.0.1 (8000); 0 takes a free one")
    add("--export", metavar="FOLDER", help="write the examples as files that need no server")
    return parser


def serve_command(options: argparse.Namespace) -> int:
    """Serve until Ctrl-C, or write the examples."""
    if not 0 <= options.port <= 65535:
        raise UsageError(f"a port is a number from 0 to 65535, not {options.port}")
    try:
        if options.export:
            for path in export(options.export):
                print(f"wrote {path}")
            return 0
        made = server(options.port)
    except OSError as error:
        what = options.export or f"port {options.port}"
        raise UsageError(f"cannot use {what}: {error.strerror}; choose another") from error
    with made:
        print(f"http://{HOST}:{made.server_address[1]}/  (Ctrl-C stops it)", flush=True)
        try:
            made.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0
