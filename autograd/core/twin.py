"""Which engine records: the compiled twin where it was built and is wanted, else Python itself.

`AUTOGRAD_PURE=1` switches it off; `AUTOGRAD_REQUIRE_COMPILED=1` makes its absence an error."""

from __future__ import annotations

import os
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def is_set(name: str) -> bool:
    """Return whether an environment variable of that name is set, and not to 0."""
    return os.environ.get(name, "") not in ("", "0")


INTERFACE = 4  # counted up when Python and C must change together
FINGERPRINT = 0x4E658CE3  # of the rules in C, written by the program that prints them
REQUIRED = is_set("AUTOGRAD_REQUIRE_COMPILED")
engine: Any = None
refused: str = ""  # why an engine that was compiled is not used
try:
    if is_set("AUTOGRAD_PURE"):
        raise ModuleNotFoundError("AUTOGRAD_PURE switches the compiled engine off")
    engine = import_module("autograd._engine")
    if engine.INTERFACE != INTERFACE or engine.FINGERPRINT != FINGERPRINT:
        engine = None
        raise ImportError("the compiled engine is that of another version: install valuegrad again")
except ImportError as error:
    refused = "" if isinstance(error, ModuleNotFoundError) else str(error)
    if REQUIRED:
        raise
