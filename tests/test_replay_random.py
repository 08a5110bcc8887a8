"""Replays of random programs against the eager engine, with every rewrite, in C and with NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, gradients, nodes
from autograd.core.rules import RULES
from autograd.replaying import (
    kernels,
    machine,
    program,
    recordings,
    rewriting,
    rolling,
    structure,
    tape,
)
from autograd.replaying.kernels import native
from autograd.replaying.recorder import listen
from autograd.replaying.rewriting import REWRITES

pytestmark = pytest.mark.slow

UNARY = ("neg", "exp", "log", "sqrt", "sin", "tanh", "relu", "sigmoid", "abs", "step", "identity")
BINARY = ("add", "add", "add", "sub", "mul", "mul", "mul", "div", "pow", "maximum", "hypot")
LISTS = ("sum", "mean", "dot", "logsumexp", "softmax")
LOOKS = ("if", "where", "data", "truth", "guarded where")
IEEE = st.one_of(
    st.floats(-3, 3), st.sampled_from([0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 1e-320, 1e200, math.inf])
)
Line = tuple[str, tuple[int, ...], float]


@st.composite
def programs(draw: st.DrawFn, names: tuple[str, ...] = (*UNARY, *BINARY, *LISTS, *LOOKS)) -> Any:
    """Lines of a program: an operation, which numbers it takes, and a constant; the last is it."""
    lines: list[Line] = []
    for i in range(draw(st.integers(1, 14))):
        name = draw(st.sampled_from(names))
        # Mostly young numbers, so that the program hangs together.
        takes = st.integers(0, i + 3).map(
            lambda k, top=i + 3: top - (k * k) // (top or 1) % (top + 1)
        )
        lines.append((name, tuple(draw(st.tuples(*[takes] * 4))), draw(IEEE)))
    return tuple(lines)


def run(lines: tuple[Line, ...], xs: Any) -> Any:
    """What a program computes from four numbers."""
    found = list(xs)
    for name, takes, number in lines:
        found.append(line(name, [found[k] for k in takes], number))
    return found[-1] + 0.0 * xs[0] if isinstance(found[-1], float) else found[-1]


def line(name: str, xs: list[Any], number: float) -> Any:
    x, y, z, w = xs
    if name in UNARY:
        return RULES[name].compute(x)
    if name in BINARY:
        return RULES[name].compute(x, y if number < 1 or number > 2 else number)
    if name in LISTS:
        return RULES[name].compute(*(xs if number < 0 or name == "dot" else xs[:2]))
    if name == "if":
        return y + z if x > number else y * z
    if name == "where":
        return autograd.where((x < y) & (z <= number) | (w != z), y * z, z - w)
    if name == "guarded where":
        return autograd.where(x > 0, y.log() if isinstance(y, Value) else y, z)
    if name == "truth":
        return y if x else z
    return y * float(f"{x.data:.1f}") if isinstance(x, Value) else y


fours = st.lists(IEEE, min_size=4, max_size=4)


def eager(f: Callable[[Any], Any], xs: list[float]) -> tuple[float, list[float]]:
    leaves = [Value(x) for x in xs]
    out = f(leaves)
    return out.data, gradients(out, leaves)


def same(found: Any, expected: Any) -> bool:
    return np.array_equal(np.array(found), np.array(expected), equal_nan=True)


@pytest.mark.skipif(native is None, reason="NumPy's functions round otherwise")
@settings(max_examples=400, deadline=None)
@given(programs(), st.lists(fours, min_size=1, max_size=3), st.booleans())
def test_a_replay_is_the_eager_engine_to_the_last_bit(
    lines: Any, sets: list[list[float]], fused: bool
) -> None:
    f = partial(run, lines)
    step = autograd.compile(f, rewrites=("constants", "sums", "dots") if fused else (), keep=99)
    for xs in [*sets, sets[0]]:
        value, slopes = eager(f, xs)
        found, gradient = step.value_and_grad(xs)
        assert same(found, value)
        assert fused or same(gradient, slopes), (gradient, slopes)
        assert same(step(xs), value)


ARITHMETIC = ("neg", "relu", "abs", "sqrt", "step", "add", "add", "sub", "mul", "mul", "div",
              "maximum", "if", "where", "truth", "guarded where")  # fmt: skip


@pytest.mark.parametrize("in_c", [True, False])
@settings(max_examples=150, deadline=None)
@given(
    lines=programs(ARITHMETIC), sets=st.lists(fours, min_size=1, max_size=3), fused=st.booleans()
)
def test_arithmetic_is_the_eager_engines_wherever_it_runs(
    in_c: bool, lines: Any, sets: list[list[float]], fused: bool
) -> None:
    f = partial(run, lines)
    with pytest.MonkeyPatch.context() as patch:
        if not in_c:
            for room in (tape, kernels, structure):
                patch.setattr(room, "native", None)
            patch.setattr(recordings, "Machine", lambda p: machine.Machine(p, in_c=False))
        step = autograd.compile(f, rewrites=("constants", "sums", "dots") if fused else (), keep=99)
        found = [step.value_and_grad(xs) for xs in sets]
        values, gradient_of = step.batch(sets)
    for (value, slopes), xs in zip(found, sets, strict=True):
        assert same(value, eager(f, xs)[0])
        assert fused or same(slopes, eager(f, xs)[1])
    assert same(values, [value for value, _ in found])
    assert same(gradient_of, [slopes for _, slopes in found])


@pytest.mark.skipif(native is None, reason="NumPy's functions round otherwise")
@settings(max_examples=200, deadline=None)
@given(programs(), st.lists(fours, min_size=1, max_size=11))
def test_lanes_are_single_argument_sets(lines: Any, sets: list[list[float]]) -> None:
    f = partial(run, lines)
    step = autograd.compile(f, rewrites=False, keep=99)
    values, gradient = step.batch(sets)
    expected = [eager(f, xs) for xs in sets]
    assert same(values, [value for value, _ in expected])
    assert same(gradient, [slopes for _, slopes in expected])
    again = autograd.compile(f, rewrites=False, keep=99)
    assert same(again.batch_value(np.array(sets)), values)


@settings(max_examples=150, deadline=None)
@given(programs(), st.lists(fours, min_size=1, max_size=4))
def test_a_gradient_that_is_replayed_is_the_gradient(lines: Any, sets: list[list[float]]) -> None:
    f = autograd.grad(partial(run, lines))
    step = autograd.compile(f, rewrites=False, keep=99)
    for xs in [*sets, sets[0]]:
        found, expected = np.array(step(xs)), np.array(f(xs))
        size = np.abs(expected[np.isfinite(expected)]).max(initial=1.0)
        assert np.allclose(found, expected, rtol=1e-11, atol=1e-13 * size, equal_nan=True)


# ---- to rounding ---------------------------------------------------------------------------------

SMOOTH = ("add", "add", "mul", "mul", "sub", "tanh", "sin", "sum", "dot", "sigmoid", "if", "where")


def reaches(out: Value) -> dict[Value, float]:
    """For each node, the sum over all paths to the result of |the product of their slopes|."""
    found = dict.fromkeys(nodes(out), 0.0)
    found[out] = 1.0
    for node in nodes(out):
        for x, slope in zip(node.inputs, node.partials, strict=True):
            if isinstance(x, Value):
                found[x] += found[node] * abs(slope or 0.0)
    return found


@pytest.mark.parametrize("in_c", [True, False])
@pytest.mark.parametrize("rewrites", [*REWRITES, True])
@settings(max_examples=60, deadline=None)
@given(lines=programs(SMOOTH), xs=st.lists(st.floats(-2, 2), min_size=4, max_size=4))
def test_rewrites_change_no_more_than_rounding(
    rewrites: Any, in_c: bool, lines: Any, xs: list[float]
) -> None:
    f = partial(run, lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings, "Machine", lambda p: machine.Machine(p, in_c=in_c))
        step = autograd.compile(f, rewrites=rewrites)
        value, gradient = step.value_and_grad(xs)
        lanes, each = step.batch([xs, xs, xs])
    leaves = [Value(x) for x in xs]
    out = f(leaves)
    reach = reaches(out)
    size = sum(abs(node.data) * reach[node] for node in reach)
    slack = 2.0**-46 * (1 + size) * (1 + sum(reach.values()))
    if not math.isfinite(slack):
        return
    assert abs(value - out.data) <= 2.0**-46 * (1 + size)
    assert abs(lanes - out.data).max() <= 2.0**-46 * (1 + size)
    for g, row, expected in zip(gradient, np.transpose(each), gradients(out, leaves), strict=True):
        assert abs(g - expected) <= slack
        assert abs(row - expected).max() <= slack


# ---- in C as in Python ---------------------------------------------------------------------------


def made(lines: Any, xs: list[float], rewrites: Any) -> list[Any]:
    """Everything that recording makes, up to the programs."""
    leaves = [Value(x) for x in xs]
    heard = listen(partial(run, lines), (leaves,), {})
    guards = [guard.node for guard in heard.guards]
    graph = tape.RecordedGraph([heard.result, *guards, 2.5], leaves[:2], heard.start, heard.pasts)
    flat = tape.flatten(graph)
    ids = np.array(flat.ids, np.int32)
    rewritten, ids = rewriting.rewrite(flat.tape, flat.data, ids, frozenset(rewrites), 1)
    found = [flat.data, flat.ids, *rewritten, ids]
    if ids[0] >= 0:
        wanted = np.array([0, 1, rewritten.sources - 1, -1], np.int32)
        found += program.arrange(rolling.rolled(rewritten), ids[:1], ids[1:], wanted)
    return [x.tolist() if isinstance(x, np.ndarray) else x for x in found]


@pytest.mark.skipif(native is None, reason="there is no C")
@settings(max_examples=300, deadline=None)
@given(programs(), fours, st.sets(st.sampled_from(REWRITES)))
def test_all_is_made_in_c_as_in_python(lines: Any, xs: list[float], rewrites: Any) -> None:
    in_c = made(lines, xs, rewrites)
    with pytest.MonkeyPatch.context() as patch:
        for room in (tape, kernels):
            patch.setattr(room, "native", None)
        in_python = made(lines, xs, rewrites)
    assert repr(in_c) == repr(in_python)
