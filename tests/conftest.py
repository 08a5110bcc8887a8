"""Every test run: how many examples Hypothesis draws, and the engine, which is told first."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from browsing import chromium, opened  # noqa: F401
from hypothesis import settings

import autograd

settings.register_profile("whole", deadline=None)  # a busy machine is not a fault
settings.register_profile("quick", max_examples=20, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    """A run without the slow tests draws a fifth of the examples, unless a profile is asked for."""
    if not config.getoption("--hypothesis-profile", None):
        usual = "quick" if "not slow" in config.option.markexpr else "whole"
        settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", usual))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark one case of each test that is not slow: `-m first` is a look at everything."""
    seen: set[str] = set()
    for item in items:
        name = item.nodeid.partition("[")[0]
        if name not in seen and not any(map(item.get_closest_marker, ("slow", "peers", "browser"))):
            item.add_marker("first")
        seen.add(name)


@pytest.fixture
def table() -> Iterator[None]:
    """The table of rules as it was: rows of SciPy's functions are added where one is called."""
    from autograd.arrays.scipy_functions import row_of
    from autograd.core.kinds import FUNCTIONS
    from autograd.core.rules import RULES

    known = set(RULES)
    yield
    for name in RULES.keys() - known:
        del RULES[name], FUNCTIONS[name]
    row_of.cache_clear()


def pytest_report_header() -> str:
    return f"valuegrad {autograd.__version__}, the {autograd.engine()} engine"
