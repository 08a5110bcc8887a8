"""Graphviz, if it is installed: the `dot` program with a time limit, or pygraphviz."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import warnings

from ..extras import COMMAND, missing

SECONDS = 20.0
MOST_LINES = 3000  # of DOT, for pygraphviz, which has no time limit
MISSING_DOT = (
    "there is no Graphviz here; `apt install graphviz`, `brew install graphviz` or "
    f"`winget install graphviz` installs it, and `{COMMAND} pygraphviz` brings its own"
)
_told: set[str] = set()


class Unavailable(RuntimeError):  # noqa: N818
    """An engine cannot do this; the message says what to do."""


def run(engine: str, source: str, seconds: float | None = None) -> str:
    """What Graphviz places, as "plain" text; Unavailable if that fails or takes longer."""
    if engine == "dot":
        return _dot(source, SECONDS if seconds is None else seconds)
    if seconds is not None:
        raise Unavailable("pygraphviz could not be stopped in time")
    return _pygraphviz(source)


def _dot(source: str, seconds: float) -> str:
    try:
        from graphviz.backend.dot_command import command  # finds a `dot` that the user has chosen

        # Not graphviz's own `pipe`: it cannot be stopped.
        done = subprocess.run(
            command("dot", "plain"), input=source.encode(), capture_output=True, timeout=seconds
        )
    except (ImportError, OSError):  # no package; no program, or no programs at all (Pyodide)
        raise Unavailable(MISSING_DOT) from None
    except subprocess.TimeoutExpired:
        raise Unavailable(
            f"dot was stopped after {seconds:g} s: this graph is too big for it; lower max_nodes, "
            'or take engine="builtin"'
        ) from None
    if done.returncode or not done.stdout:
        complaint = done.stderr.decode(errors="replace").strip() or f"status {done.returncode}"
        raise Unavailable(f"dot failed: {complaint[:500]}")
    return done.stdout.decode()


def _pygraphviz(source: str) -> str:
    try:
        pygraphviz = importlib.import_module("pygraphviz")
    except ImportError:
        raise Unavailable(str(missing('engine="pygraphviz"', "pygraphviz"))) from None
    if source.count("\n") > MOST_LINES:
        raise Unavailable("this graph is too big for pygraphviz, which could not be stopped")
    try:
        placed: bytes = pygraphviz.AGraph(string=source).draw(format="plain", prog="dot")
    except (OSError, RuntimeError, ValueError) as error:
        raise Unavailable(f"pygraphviz failed: {str(error)[:500]}") from error
    return placed.decode()


def notice_missing_dot() -> str:
    """The notice that Graphviz is missing, or ""; for programs that print their own."""
    found = shutil.which("dot") or importlib.util.find_spec("pygraphviz")
    return "" if found else _notice(MISSING_DOT)


def warn_once(reason: str) -> None:
    """Warn, once per process, that the built-in layout was used, and why."""
    if reason not in _told:
        _told.add(reason)
        warnings.warn(_notice(reason), stacklevel=2)


def _notice(reason: str) -> str:
    return f"the built-in layout drew this picture: {reason}"
