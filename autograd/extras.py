"""The error for an optional package that is missing: one wording, from a checkout and from PyPI.

It names the packages themselves, for an extra such as `valuegrad[train]` can be installed only from
where valuegrad itself came from.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

COMMAND = "python -m pip install"
REINSTALL = (
    f"valuegrad again (`{COMMAND} .` in its folder, or `{COMMAND} valuegrad` if it came from PyPI)"
)
APART = (  # from PyPI's `autograd`, which has the import name of this package
    "keep them in separate virtual environments, or run "
    f"`python -m pip uninstall autograd valuegrad` and install {REINSTALL}"
)


def in_a_cell() -> bool:
    """Return whether this runs in a cell of a notebook."""
    shell = sys.modules.get("IPython")
    return "ipykernel" in sys.modules and shell is not None and shell.get_ipython() is not None


def missing(user: str, package: str, instead: str = "") -> ImportError:
    """The error of `user`, which needs this package, with what installs it.

    >>> print(missing("nn.plot_losses", "matplotlib"))
    nn.plot_losses needs matplotlib: python -m pip install matplotlib
    """
    cell = f", or %pip install {package} in a cell" if in_a_cell() else ""
    told = f"{user} needs {package}: {COMMAND} {package}{cell}"
    return ImportError(told + (f"; {instead}" if instead else ""))


def imported(name: str, user: str) -> ModuleType:
    """A module of an optional package; the error of `missing` if that is not installed."""
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        raise missing(user, name.partition(".")[0]) from None
