"""Graphviz, if it is installed: the `dot` program with a time limit, or pygraphviz.

It gets sizes and never a label of the user.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import warnings

from ..extras import COMMAND, missing
from .layout import Plan, dot_spacing

SECONDS = 20.0
MOST_LINES = 3000  # of DOT, for pygraphviz, which has no time limit
MISSING_DOT = (
    "there is no Graphviz here; `apt install graphviz`, `brew install graphviz` or "
    f"`winget install graphviz` installs it, and `{COMMAND} pygraphviz` brings its own"
)
_told: set[str] = set()


class Unavailable(RuntimeError):  # noqa: N818
    """An engine cannot do this; the message says what to do."""


def places(engine: str, plan: Plan, seconds: float | None = None) -> list[float]:
    """The place of each box and bend within its rank; Unavailable if Graphviz fails or is slow."""
    source = dot_text(plan)
    if engine == "dot":
        plain = _dot(source, SECONDS if seconds is None else seconds)
    elif seconds is None:
        plain = _pygraphviz(source)
    else:
        raise Unavailable("pygraphviz could not be stopped in time")
    rows = [line.split() for line in plain.splitlines()]
    found = {int(row[1]): float(row[3]) for row in rows if row[0] == "node"}
    return [found[i] * -72 for i in range(len(found))]  # from inches, on an axis that points up


def dot_text(plan: Plan) -> str:
    """The boxes and bends as DOT, without names, for Graphviz to place from left to right."""
    sizes = list(zip(plan.deep, plan.tall, strict=True))[: plan.lanes]
    boxes = (f"{i} [width={w / 72:.3f} height={h / 72:.3f}]" for i, (w, h) in enumerate(sizes))
    arrows = (
        f"{a} -> {b} [weight={(1, 2, 8)[(a >= plan.boxes) + (b >= plan.boxes)]}]"
        for a, b in plan.links
        if a < plan.lanes > b
    )
    head = f"digraph {{ rankdir=LR splines=false {dot_spacing(len(sizes), len(plan.links))}"
    looks = 'edge [arrowhead=none] node [shape=box fixedsize=true label=""]'
    clusters = (
        " ".join(f"subgraph cluster_{g} {{" for g in groups) + f" {i} " + "}" * len(groups)
        for i, groups in enumerate(plan.inside[: plan.lanes])
        if groups
    )
    return "\n".join([head, looks, *boxes, *arrows, *clusters, "}\n"])


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
