"""Replays of every row of the table: the eager numbers, in C and with NumPy."""

from __future__ import annotations

import math
from typing import Any

import pytest
from truth import TRUTH, points_of

import autograd
from autograd import Value, gradients
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE
from autograd.replaying import machine, recordings
from autograd.replaying.columns import Foreign, pullback_of
from autograd.replaying.kernels import native

every_row = pytest.mark.parametrize("name", TABLE)
exact = pytest.mark.skipif(native is None, reason="NumPy's functions round otherwise")


def inputs(name: str, point: tuple[float, ...]) -> tuple[int, ...]:
    """The positions of the inputs that have a slope."""
    return tuple(range(len(point))) if RULES[name].variadic else TRUTH[name].wrt


def replay_of(name: str, point: tuple[float, ...], **settings: Any) -> Any:
    """The row as a function of its inputs that have slopes; the others are constants."""
    wrt = inputs(name, point)

    def f(xs: list[Any]) -> Any:
        values = iter(xs)
        return RULES[name].compute(*[next(values) if i in wrt else x for i, x in enumerate(point)])

    return autograd.compile(f, **settings)


def eager(name: str, point: tuple[float, ...]) -> tuple[float, list[float]]:
    xs = [Value(x) if i in inputs(name, point) else x for i, x in enumerate(point)]
    out = RULES[name].compute(*xs)
    return out.data, gradients(out, [x for x in xs if isinstance(x, Value)])


def same(found: float, expected: float) -> bool:
    return found == expected or (found != found and expected != expected)


def close(found: float, expected: float, rel: float) -> bool:
    return same(found, expected) or math.isclose(found, expected, rel_tol=rel, abs_tol=1e-300)


def groups(name: str) -> list[list[tuple[float, ...]]]:
    """Points that differ only where there is a slope, so that one recording serves them."""
    found: dict[Any, list[tuple[float, ...]]] = {}
    for p in points_of(name):
        key = (len(p), *(x for i, x in enumerate(p) if i not in inputs(name, p)))
        found.setdefault(key, []).append(p)
    return list(found.values())


@pytest.mark.slow
@every_row
def test_a_replay_gives_the_eager_numbers_to_the_last_bit(name: str) -> None:
    bits = 0.0 if native is not None else 2e-12
    for points in groups(name):
        step = replay_of(name, points[0], rewrites=False)
        for point in points:
            value, slopes = eager(name, point)
            moving = [point[i] for i in inputs(name, point)]
            found, gradient = step.value_and_grad(moving)
            assert close(found, value, bits), point
            assert all(map(lambda a, b: close(a, b, bits), gradient, slopes)), (
                point,
                gradient,
                slopes,
            )
        assert len(step.recordings) == 1


@pytest.mark.slow
@every_row
@pytest.mark.parametrize("engine", ["C", "NumPy"])
def test_lanes_give_the_numbers_of_one_argument_set(
    name: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if engine == "NumPy":
        monkeypatch.setattr(recordings, "Machine", lambda p: machine.Machine(p, in_c=False))
    ulps = 0.0 if engine == "C" and native is not None else 2e-12
    for points in groups(name):
        moving = [[p[i] for i in inputs(name, p)] for p in points]
        step = replay_of(name, points[0], rewrites=False)
        values, gradient = step.batch(moving)
        for k, x in enumerate(moving):
            value, slopes = eager(name, points[k])
            assert close(values[k], value, ulps), x
            assert all(map(lambda a, b: close(a, b, ulps), gradient[k], slopes)), (x, gradient[k])


@every_row
def test_every_column_of_the_table_goes_into_c(name: str) -> None:
    for arity in [RULES[name].fact.arity] if not RULES[name].variadic else [2, 4, 6]:
        steps = pullback_of(RULES[name], arity, True).steps
        assert not any(isinstance(step.code, Foreign) for step in steps)


def test_the_table_in_c_is_the_table() -> None:
    if native is not None:
        assert tuple(TABLE) == native.NAMES
    assert set(TABLE) <= set(FUNCTIONS)
