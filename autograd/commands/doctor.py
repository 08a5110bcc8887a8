"""`valuegrad doctor`: the versions installed, and a clash with another package of this name."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import autograd
from autograd.extras import APART, COMMAND

OPTIONAL = {  # by the name that pip knows, the module: pictures, estimators, notebooks
    "matplotlib": "matplotlib", "scikit-learn": "sklearn", "scipy": "scipy", "tqdm": "tqdm",
    "jupyterlab": "jupyterlab", "vl-convert-python": "vl_convert",
    "array-api-compat": "array_api_compat",
}  # fmt: skip
CURE = f"PyPI's 'autograd' (HIPS) installs a package of this name too: {APART}"


def add_doctor_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Declare `doctor` among the commands of a parser."""
    about = "Versions of engine, Python, NumPy and Graphviz; a clash of names."
    parser: argparse.ArgumentParser = subparsers.add_parser("doctor", description=about)
    return parser


def doctor_command(_: argparse.Namespace) -> int:
    """Print what is installed; return 1 where another package has the name of this one."""
    for name, found in findings().items():
        print(f"{name:<18}{found}")
    return 1 if clash() else 0


def findings() -> dict[str, str]:
    """A line for each program and package that valuegrad uses, by name."""
    used, *hidden = copies() or [""]
    return {
        "valuegrad": version(),
        "engine": _engine() if ours() else "hidden by another package, see below",
        "Python": f"{sys.version.split()[0]}, {sys.executable}",
        "NumPy": _installed("numpy"),
        **{name: _installed(module, name) for name, module in OPTIONAL.items()},
        "Graphviz dot": _dot(),
        "graphviz": _installed("graphviz"),
        "pygraphviz": _installed("pygraphviz"),
        "package name": clash() or "no other distribution owns autograd",
    } | ({"copies": f"{used} hides {' and '.join(hidden)}"} if hidden else {})


def _engine() -> str:
    """The engine that runs, and why not the compiled one if that is there."""
    from autograd.core.twin import refused

    return f"{autograd.engine()}{f' ({refused})' if refused else ''}"


def copies() -> list[str]:
    """The folders that hold this package, the imported one first, with versions."""
    found = {}
    for folder in [Path(__file__).parents[2], *map(Path, sys.path)]:
        init = folder.resolve() / "autograd" / "__init__.py"
        if init.with_name("core").is_dir() and init.is_file():
            version = re.search(r'^__version__ = "(.*)"', init.read_text("utf-8"), re.MULTILINE)
            found[init.parent] = f"{version[1] if version else 'of no version'} in {init.parent}"
    return list(found.values())


def _installed(module: str, name: str = "") -> str:
    """The version of a package, or why its import fails; `name` is what pip calls it."""
    try:
        return str(importlib.import_module(module).__version__)
    except ImportError:
        return f"not installed ({COMMAND} {name or module})"
    except Exception as error:  # whatever a broken installation raises
        return f"broken: {type(error).__name__}: {error}"


def _dot() -> str:
    if (path := shutil.which("dot")) is None:
        return "not installed; pictures have the built-in layout (https://graphviz.org/download)"
    try:
        done = subprocess.run([path, "-V"], capture_output=True, text=True, timeout=20)
        return f"{path}, {done.stderr.strip().removeprefix('dot - graphviz version ')}"
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{path}, broken: {error}"


def version() -> str:
    try:
        return importlib.metadata.version("valuegrad")
    except importlib.metadata.PackageNotFoundError:
        return str(autograd.__version__) if ours() else "unknown"


def ours() -> bool:
    """True if `import autograd` finds this package, and not one that overwrote its files."""
    return hasattr(autograd, "engine")


def clash() -> str:
    """A message if another distribution owns the package `autograd` too, else ""."""
    owners = importlib.metadata.packages_distributions().get("autograd", [])
    theirs = Path(__file__).parents[1] / "tracer.py"  # of HIPS, unpacked among our own files
    return f"CLASH: {CURE}" if {*owners} - {"valuegrad"} or theirs.exists() else ""
