"""Replays of programs that repeat, or almost repeat: what becomes a loop, and that it is right."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import Value, compile, gradients, register, where
from autograd.replaying import kernels, machine, recordings, structure, tape
from autograd.replaying.kernels import native
from autograd.replaying.rolling import FEW

SIZES = st.integers(1, 6)
NUMBERS = st.one_of(st.floats(-2, 2), st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf]))
UNITS = ("tanh", "relu", "exp", "abs", "square", "where", "if", "identity")
FAULTS = ("none", "constant", "operation", "order", "shorter", "skipped", "shared", "again")


@st.composite
def networks(draw: st.DrawFn) -> dict[str, Any]:
    """A network in loops over samples and units, of which one lane may differ in something."""
    return {
        "samples": draw(SIZES),
        "sizes": draw(st.lists(SIZES, min_size=2, max_size=4)),
        "units": draw(st.lists(st.sampled_from(UNITS), min_size=4, max_size=4)),
        "fault": draw(st.sampled_from(FAULTS)),
        "odd": draw(st.integers(0, 5)),
        "sum": draw(st.sampled_from(("+", "sum", "dot"))),
        "by unit": draw(st.booleans()),
    }


def unit(name: str, x: Any) -> Any:
    if name == "square":
        return x * x
    if name == "where":
        return where(x > 0, x, x * 0.1)
    if name == "if":
        return x if x > 0 else x * 0.1
    return x if name == "identity" else getattr(autograd, name)(x)


def row(plan: dict[str, Any], w: list[Any], x: list[Any], odd: bool) -> Any:
    """A unit's sum."""
    terms = list(zip(w, x, strict=False))
    if odd and plan["fault"] == "order":
        terms.reverse()
    if odd and plan["fault"] == "shorter":
        terms = terms[: len(terms) - 1] or terms
    if plan["sum"] == "+":
        total: Any = w[-1]
        for a, b in terms:
            total = total + a * b
        return total
    if plan["sum"] == "sum":
        return autograd.sum([a * b for a, b in terms]) + w[-1]
    return autograd.dot(*zip(*terms, strict=True)) + w[-1]


def network(plan: dict[str, Any], weights: list[Any], xs: list[Any]) -> Any:
    losses = []
    for i, x in enumerate(xs):
        odd = i == plan["odd"]
        for name, layer in zip(plan["units"], weights, strict=False):
            found = []
            for j, w in enumerate(layer):
                s = row(plan, w, x, odd and j == 0)
                if odd and plan["fault"] == "constant":
                    s = s + 0.25
                found.append(unit("tanh" if odd and plan["fault"] == "operation" else name, s))
            x = found
        if odd and plan["fault"] == "skipped":
            continue
        loss = autograd.sum(x)
        if odd and plan["fault"] == "shared":
            loss = loss * weights[0][0][0]
        losses.append(loss)
    if plan["fault"] == "again" and losses:
        losses.append(losses[0] * losses[-1])
    total = sum(losses) if losses else weights[0][0][0] * 0.0
    return total + 1e-3 * sum(w * w for layer in weights for unit in layer for w in unit)


def weights_of(plan: dict[str, Any], seed: int) -> list[Any]:
    rng = np.random.default_rng(seed)
    sizes = plan["sizes"]
    return [rng.normal(size=(b, a + 1)).tolist() for a, b in pairwise(sizes)]


def eager(f: Any, *args: Any) -> tuple[float, list[float], float]:
    """The value, the gradient by all numbers, and how large what cancels in them may be."""
    flat: list[Value] = []

    def leaf(x: Any) -> Any:
        if isinstance(x, list):
            return [leaf(part) for part in x]
        flat.append(Value(x))
        return flat[-1]

    out = f(*map(leaf, args))
    sizes = [abs(node.data) for node in autograd.nodes(out)]
    return out.data, gradients(out, flat), max([1.0, *(x for x in sizes if math.isfinite(x))])


def within_bounds(step: Any) -> bool:
    """Whether all loops read numbers that are there, and write beside the constants."""
    for recording in step.recordings:
        for made in filter(None, [*recording._machines.values(), *recording._of_lanes.values()]):
            program = made.program
            last = program.slots - len(program.constants)
            for loop in program.loops:
                result, *operands = (view.along(loop.dims) for view in loop.views)
                if not (result.min() >= 0 and result.max() < last):
                    return False
                if any(x.min() < last - program.slots or x.max() >= last for x in operands):
                    return False
    return True


def flat(tree: Any) -> list[float]:
    return [x for part in tree for x in flat(part)] if isinstance(tree, (list, tuple)) else [tree]


def close(found: Any, expected: Any, size: float, exact: bool) -> bool:
    if exact:
        return np.array_equal(np.array(found), np.array(expected), equal_nan=True)
    bound = 1e-11 * min(size, 1e300)
    return np.allclose(found, expected, rtol=1e-11, atol=bound, equal_nan=True)


@pytest.mark.slow
@pytest.mark.parametrize("rewrites", [True, False])
@settings(deadline=None, max_examples=130)
@given(plan=networks(), in_c=st.booleans(), data=st.data())
def test_a_network_in_loops_is_the_eager_one(
    rewrites: bool, plan: Any, in_c: bool, data: st.DataObject
) -> None:
    def f(weights: Any, xs: Any) -> Any:
        return network(plan, weights, xs)

    sets = data.draw(st.lists(st.tuples(st.integers(0, 99), NUMBERS), min_size=1, max_size=3))
    exact = not rewrites and in_c and native is not None
    with pytest.MonkeyPatch.context() as patch:
        if not in_c:
            for room in (tape, kernels, structure):
                patch.setattr(room, "native", None)
            patch.setattr(recordings, "Machine", lambda p: machine.Machine(p, in_c=False))
        step = compile(f, argnums=(0, 1), rewrites=rewrites, keep=99)
        for seed, number in sets:
            weights = weights_of(plan, seed)
            xs = np.random.default_rng(seed).normal(size=(plan["samples"], plan["sizes"][0]))
            xs[0, 0] = number
            xs = xs.tolist()
            expected, slopes, size = eager(f, weights, xs)
            value, gradient = step.value_and_grad(weights, xs)
            assert close(value, expected, size, exact or not rewrites)
            large = max([size, *(abs(x) for x in slopes if math.isfinite(x))])
            assert close(flat(gradient), slopes, size * large, exact)
        assert within_bounds(step)
        values, _ = step.batch(weights, [xs] * 9, in_axes=(None, 0))
        assert close(values, [value] * 9, size, True)


# ---- what becomes a loop -------------------------------------------------------------------------


def loops(f: Any, *args: Any, **keywords: Any) -> list[tuple[int, ...]]:
    step = compile(f, **keywords)
    step.value_and_grad(*args)
    (recording,) = step.recordings
    return [loop.dims for loop in recording.machine().program.loops]


def samples(n: int, m: int = 3) -> list[list[float]]:
    return [[0.1 * i + j for j in range(m)] for i in range(n)]


def test_samples_and_units_are_dimensions() -> None:
    def f(w: Any, xs: Any) -> Any:
        hidden = [[autograd.dot(unit, x).tanh() for unit in w] for x in xs]
        return autograd.sum([h for row in hidden for h in row])

    assert loops(f, samples(4), samples(7)) == [(7, 4, 3), (7, 4), (28,)]


def test_a_lane_that_differs_stays_apart() -> None:
    def f(xs: Any) -> Any:
        return autograd.sum([(x.tanh() if i == 5 else x.sin()) for i, x in enumerate(xs)])

    found = loops(f, [0.1 * i for i in range(9)])
    assert set(found[:2]) == {(), (8,)}
    assert sum(n for (n,) in found[2:]) == 9  # the terms


def test_lanes_of_different_length_are_added_up_apart() -> None:
    def f(xs: Any) -> Any:
        return autograd.sum([autograd.sum([x * x for x in xs[: i + 1]]).tanh() for i in range(6)])

    xs = [0.1 * i for i in range(6)]
    value, gradient = compile(f).value_and_grad(xs)
    expected, slopes, _ = eager(f, xs)
    assert value == expected
    assert gradient == pytest.approx(slopes, rel=1e-14)


@pytest.mark.parametrize("n", [0, 1, 2, FEW])
def test_a_batch_of_any_size(n: int) -> None:
    def f(w: Any, xs: Any) -> Any:
        return sum(((w[0] * x[0] + w[1]).tanh() for x in xs), w[0] * 1.0)

    value, gradient = compile(f).value_and_grad([2.0, 0.5], samples(n, 1))
    expected, slopes, _ = eager(lambda w: f(w, samples(n, 1)), [2.0, 0.5])
    assert value == expected
    assert gradient == pytest.approx(slopes, rel=1e-14)


def test_every_lane_keeps_its_own_truth() -> None:
    step = compile(lambda xs: sum(x * 2 if x > 0 else x * x for x in xs))
    sets = [[1.0] * 6, [1.0] * 5 + [-3.0], [-1.0] * 6, [1.0] * 6]
    for xs in sets:
        assert step.value_and_grad(xs) == (
            sum(x * 2 if x > 0 else x * x for x in xs),
            [2.0 if x > 0 else 2 * x for x in xs],
        )
    assert len(step.recordings) == 3


def test_nan_and_infinity_stay_in_their_lane() -> None:
    xs = [0.5, math.nan, 1.0, math.inf, -math.inf, 2.0]
    step = compile(lambda xs: autograd.sum([autograd.tanh(x) for x in xs][::2]))
    value, gradient = step.value_and_grad(xs)
    assert value == math.tanh(0.5) + math.tanh(1.0) - 1.0
    assert gradient[1::2] == [0.0] * 3
    assert gradient[4] == 0.0


def test_a_row_of_the_users_own_runs_in_lanes() -> None:
    cubed = register("replay_cubed", lambda x: x**3, lambda g, out, x: 3 * g * x * x)
    xs = [0.1 * i for i in range(8)]
    step = compile(lambda w, xs: autograd.sum([cubed(w * x) for x in xs]))
    with pytest.warns(RuntimeWarning, match="replay_cubed has no form in C"):
        value, slope = step.value_and_grad(2.0, xs)
    assert value == pytest.approx(sum((2 * x) ** 3 for x in xs))
    assert slope == pytest.approx(sum(3 * (2 * x) ** 2 * x for x in xs))
    assert (8,) in [loop.dims for loop in step.recordings[0].machine().program.loops]


@pytest.mark.slow
def test_a_million_nodes_become_few_loops() -> None:
    n = 1000 if native is None else 200_000

    def f(w: Any, xs: Any) -> Any:
        return autograd.sum([(w * x + 1.0).relu() for x in xs])

    xs = np.linspace(-2.0, 2.0, n)
    step = compile(f)
    value, slope = step.value_and_grad(2.0, xs)
    assert value == pytest.approx(np.maximum(2 * xs + 1, 0).sum(), rel=1e-12)
    assert slope == pytest.approx(xs[2 * xs + 1 > 0].sum(), rel=1e-9)
    assert len(step.recordings[0].machine().program.loops) < 6
