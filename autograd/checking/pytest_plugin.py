"""The pytest plugin: the fixture `gradcheck`, the mark `gradcheck`, and failures that show a table.

Nothing but pytest is imported here, and the checker itself where a test first uses it: every run
of pytest in the environment loads this file.
"""

from __future__ import annotations

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

MARK = (
    "gradcheck(*args, **options): the test is a function of its arguments; the gradient of what it "
    "returns is checked at args, or at what its own parameters are given"
)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)


@pytest.fixture
def gradcheck() -> Callable[..., Any]:
    """Check a gradient: `gradcheck(f, *args, df=..., order=...)` fails the test with a table."""
    from .check import assert_gradients

    return assert_gradients


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A mark with arguments gives them to the test's parameters; several marks, several points."""
    points = [mark.args for mark in metafunc.definition.iter_markers("gradcheck") if mark.args]
    if not points:
        return
    code = metafunc.function.__code__
    names = [n for n in code.co_varnames[: code.co_argcount] if n not in ("self", "cls")]
    taken = max(map(len, points))
    if taken > len(names) or min(map(len, points)) < taken:
        raise pytest.UsageError(
            f"{metafunc.definition.nodeid}: the mark gradcheck gives {taken} arguments, and the "
            f"test takes {len(names)}"
        )
    values = [point[0] if taken == 1 else point for point in reversed(points)]
    metafunc.parametrize(",".join(names[:taken]), values, ids=[repr(p)[:40] for p in values])


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a marked test: its gradient is checked, its return value is the function's."""
    marks = list(pyfuncitem.iter_markers("gradcheck"))
    if not marks:
        return None
    __tracebackhide__ = True
    from .check import assert_gradients

    options = {name: x for mark in reversed(marks) for name, x in mark.kwargs.items()}
    given = [pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames]
    assert_gradients(pyfuncitem.obj, *given, **options)
    return True
