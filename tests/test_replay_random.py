"""Replays of random programs against the eager engine, with every rewrite, in C and with NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_replay_loops import within_bounds

import autograd
import nn
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
    if name == "condition":
        return (x > number) * y + 0.0 * x  # a Value, also where y is a number
    if name == "elu":
        return autograd.elu(x)
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


TAME = ("neg", "relu", "identity", "add", "sub", "mul", "maximum", "where", "abs")


@pytest.mark.parametrize("in_c", [True, False])
@settings(max_examples=150, deadline=None)
@given(n=st.integers(1, 11), data=st.data(), shared=st.integers(0, 3))
def test_lanes_that_come_again_run_as_one(
    in_c: bool, n: int, data: st.DataObject, shared: int
) -> None:
    """The values and the lanes' own gradients are those of single argument sets, to the bit."""
    some = st.one_of(programs(), programs((*TAME, *LISTS)))  # NumPy's functions round otherwise
    lines = data.draw(some if in_c and native is not None else programs(TAME))
    numbers = st.lists(IEEE, min_size=4 - shared, max_size=4 - shared)
    common, own = data.draw(fours), data.draw(st.lists(numbers, min_size=n, max_size=n))

    def f(xs: Any, ys: Any) -> Any:
        return run(lines, [*xs[:shared], *ys])

    with pytest.MonkeyPatch.context() as patch:
        if not in_c:
            for room in (tape, kernels, structure):
                patch.setattr(room, "native", None)
            patch.setattr(recordings, "Machine", lambda p: machine.Machine(p, in_c=False))
        step = autograd.compile(f, argnums=(0, 1), keep=99)
        found = [step.batch(common, own, in_axes=(None, 0)) for _ in range(3)]
        single = [step.value_and_grad(common, ys) for ys in own]
    assert within_bounds(step)
    rows = np.array([by_xs for _, (by_xs, _) in single])
    for values, (by_xs, by_ys) in found:
        assert same(values, [value for value, _ in single])
        assert same(by_ys, [slopes for _, (_, slopes) in single])
        if np.abs(rows).max() < 1e3:
            assert np.allclose(by_xs, rows.sum(axis=0), rtol=1e-12, atol=1e-9)


def test_samples_run_as_one_and_a_recording_with_guards_does_not(monkeypatch: Any) -> None:
    ran: list[int] = []
    run_as_one = recordings.Recording._replay_together

    def spy(self: Any, machine: Any, given: Any, own: int) -> Any:
        ran.append(given.columns.shape[1])
        return run_as_one(self, machine, given, own)

    monkeypatch.setattr(recordings.Recording, "_replay_together", spy)
    model = nn.MLP(3, [4, 1], seed=0)
    x = np.random.default_rng(0).normal(size=(9, 3))
    step = autograd.compile(lambda row: model(row) ** 2)
    bound = step.bind(model.parameters())
    first, *others = [bound.batch(x[:n]) for n in (9, 7, 9, 9, 7)]
    assert ran == [9, 9, 7]
    for values, slopes in others[1:3]:
        assert np.array_equal(values, first[0])
        assert np.allclose(slopes, first[1], rtol=1e-13, atol=1e-14)
    assert np.array_equal(others[3][0], others[0][0])
    looks = autograd.compile(lambda row: model(row) ** 2 if row[0] > 9 else model(row))
    exact = autograd.compile(lambda row: model(row) ** 2, rewrites=False)
    for other in (looks, exact):
        for _ in range(3):
            other.batch(x, wrt=model.parameters())
    assert ran == [9, 9, 7]


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
@settings(max_examples=150, deadline=None)
@given(
    rewrites=st.sampled_from([*REWRITES, True]), lines=programs(SMOOTH),
    xs=st.lists(st.floats(-2, 2), min_size=4, max_size=4),
)  # fmt: skip
def test_rewrites_change_no_more_than_rounding(
    in_c: bool, rewrites: Any, lines: Any, xs: list[float]
) -> None:
    f = partial(run, lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recordings, "Machine", lambda p: machine.Machine(p, in_c=in_c))
        step = autograd.compile(f, rewrites=rewrites)
        value, gradient = step.value_and_grad(xs)
        lanes, each = step.batch([xs, xs, xs])
    assert within_bounds(step)
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


# ---- whole functions -----------------------------------------------------------------------------

NAMES_OF = (
    "neg", "exp", "sin", "tanh", "relu", "sqrt", "elu", "add", "sub", "mul", "mul", "div",
    "maximum", "sum", "dot", "if", "where", "data", "truth", "guarded where", "loop", "written",
    "index", "setting", "word", "keyword", "leaf", "detach", "no_grad", "condition", "choice",
    "closure", "container", "inner grad", "inner gradients", "inner replay", "inner jvp",
)  # fmt: skip
PLAIN = st.one_of(st.floats(-3, 3), st.sampled_from([0.0, 1.0, -1.0, 2.0, 0.5, 800.0]))


class Call(NamedTuple):
    """The arguments of one call, and the numbers of the leaves that the function closes over."""

    xs: list[float]
    pair: dict[str, float]
    n: int
    flag: bool
    word: str
    k: Any
    leaves: tuple[float, float]


NUMBERS = st.tuples(
    st.lists(PLAIN, min_size=2, max_size=2),
    st.fixed_dictionaries({"u": PLAIN, "v": PLAIN}),
    st.tuples(PLAIN, PLAIN),
)
CALLS = st.builds(
    Call,
    st.just([]),
    st.just({}),
    st.integers(0, 3),
    st.booleans(),
    st.sampled_from("ab"),
    st.sampled_from([0.0, -0.0, 1, True, (0.0,), (-0.0,), None]),
    st.just((0.0, 0.0)),
)


class Written:
    """A function of many kinds of arguments, which a program writes."""

    def __init__(self, lines: tuple[Line, ...], nested: tuple[Line, ...]) -> None:
        self.lines, self.nested = lines, nested
        self.leaves = Value(1.0, "v"), Value(2.0, "w")

    def __call__(self, xs: Any, pair: Any, n: Any, flag: Any, word: Any, k: Any = None) -> Any:
        found = [*xs, pair["u"], pair["v"]]
        for name, takes, number in self.lines:
            found.append(self.line(name, [found[i] for i in takes], number, n, flag, word, k))
        total = autograd.sum([autograd.tanh(y + 0.0 * xs[0]) for y in found[4:]])
        return total if isinstance(total, Value) else Value(total)

    def part(self, x: Any, y: Any) -> Any:
        """What the nested program computes: a function to differentiate within the function."""
        return run(self.nested, [x, y, 0.5, x]) + 0.0 * x

    def line(self, name: str, xs: Any, number: float, n: Any, flag: Any, word: Any, k: Any) -> Any:
        x, y, z, _ = xs
        if name == "loop":
            for i in range(n + 1):
                x = x * 0.5 + i if i % 2 else x - y
            return x
        if name == "index":
            return xs[n] * (n + 1) + n // 2
        if name == "written":
            return x * {"1": 2.0, "2": 3.0}.get(f"{n}", 0.5)
        if name == "setting":
            return x + y if flag is True else x * z
        if name == "word":
            return x * {"a": 2.0, "b": 3.0}[word]
        if name == "keyword":
            return x * len(repr(k)) if k is not True else y
        if name == "leaf":
            v, w = self.leaves
            return x * v if w > number else w - y
        if name == "container":
            return max([x, y], key=lambda pair: pair * 1.0) + {"p": (x, [y])}["p"][1][0]
        return self.without_a_path(name, x, y, z, number)

    def without_a_path(self, name: str, x: Any, y: Any, z: Any, number: float) -> Any:
        if name == "detach":
            return y * autograd.relu(x).detach() if isinstance(x, Value) else y
        if name == "no_grad":
            with autograd.no_grad():
                hidden = x * y
            return hidden * z
        if name == "condition":
            return (x > number) * y + (x <= z) * 2.0
        if name == "choice":
            return autograd.where(x < number, autograd.exp(x) * y, x * x)
        if name == "closure":
            return (lambda a: a * z)(x + y)
        x = x + 0.0
        if name == "inner grad":
            return autograd.grad(self.part)(x, y)
        if name == "inner jvp":
            return autograd.jvp(lambda a: self.part(a, y))(x, z)
        if name == "inner gradients":
            u = Value(0.0) + x
            out = self.part(u, y)
            return gradients(out, [u], create_graph=True)[0] if isinstance(out, Value) else x
        if name == "inner replay":
            return autograd.compile(lambda a: a * z + x).value_and_grad(number)[1] * y
        return line(name, [x, y, z, x], number)

    def eager(self, call: Call) -> tuple[float, list[float], list[float]]:
        inputs = [Value(x) for x in (*call.xs, *call.pair.values())]
        pair = dict(zip(call.pair, inputs[2:], strict=True))
        out = self(inputs[:2], pair, call.n, call.flag, call.word, k=call.k)
        found = gradients(out, [*inputs, *self.leaves])
        return out.data, found[:4], found[4:]


@pytest.mark.skipif(native is None, reason="NumPy's functions round otherwise")
@settings(max_examples=150, deadline=None)
@given(
    programs(NAMES_OF), programs(("mul", "sin", "add", "where", "if", "data", "exp", "condition")),
    st.lists(CALLS, min_size=1, max_size=2), st.lists(NUMBERS, min_size=2, max_size=4),
)  # fmt: skip
def test_whole_functions_are_the_eager_engines_in_every_call(
    lines: Any, nested: Any, some: list[Call], numbers: list[Any]
) -> None:
    calls = [
        call._replace(xs=xs, pair=pair, leaves=leaves)
        for xs, pair, leaves in numbers
        for call in some
    ]
    f = Written(lines, nested)
    step = autograd.compile(f, argnums=(0, 1), rewrites=False, keep=99)
    for call in [*calls, *calls]:
        for leaf, x in zip(f.leaves, call.leaves, strict=True):
            leaf.data = x
        value, slopes, by_leaves = f.eager(call)
        args = call.xs, call.pair, call.n, call.flag, call.word
        found, (by_xs, by_pair) = step.value_and_grad(*args, k=call.k)
        _, others = step.value_and_grad(*args, k=call.k, wrt=list(f.leaves))
        gradient = [*by_xs, *by_pair.values(), *others]
        assert same(step(*args, k=call.k), value)
        assert same(found, value)
        assert same(gradient, [*slopes, *by_leaves])


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
