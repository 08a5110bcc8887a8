"""Batches: lanes of every structure, each with its own numbers, whatever is nested in whatever."""

from __future__ import annotations

import gc
import pickle
import weakref
from collections import namedtuple
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograd import Value, compile, trees
from autograd.replaying.replay import by_leaves

Pair = namedtuple("Pair", "x y")

shapes = st.recursive(
    st.one_of(
        st.none(),  # stands for a number
        st.sampled_from([(0,), (1,), (2,), (2, 3), (2, 0), (1, 1, 1)]).map(lambda s: ("array", s)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: ("list", parts)),
        st.lists(inner, max_size=3).map(lambda parts: ("tuple", parts)),
        st.tuples(inner, inner).map(lambda parts: ("pair", parts)),
        st.dictionaries(st.sampled_from(["a", "b", 3]), inner).map(lambda parts: ("dict", parts)),
    ),
    max_leaves=6,
)


def filled(shape: Any, numbers: Any) -> Any:
    """A structure with the next of some numbers in each place."""
    if shape is None:
        return next(numbers)
    kind, parts = shape
    if kind == "array":
        return np.array([next(numbers) for _ in range(int(np.prod(parts)))], float).reshape(parts)
    if kind == "dict":
        return {key: filled(part, numbers) for key, part in parts.items()}
    made = [filled(part, numbers) for part in parts]
    return {"list": list, "tuple": tuple, "pair": lambda parts: Pair(*parts)}[kind](made)


def flat(tree: Any) -> list[Any]:
    """All numbers of a structure from left to right."""
    return [x for leaf in trees.leaves(tree) for x in np.ravel(leaf).tolist()]


def same(found: Any, expected: Any) -> bool:
    """Whether structures are of the same types and arrays of the same shapes, and equal."""
    if isinstance(expected, np.ndarray):
        return np.shape(found) == expected.shape and bool(np.all(found == expected))
    parts = trees.named_parts(expected)
    if parts is None:
        return bool(found == expected)
    others = trees.named_parts(found)
    return (
        type(found) is type(expected)
        and [key for key, _ in others] == [key for key, _ in parts]
        and all(same(x, y) for (_, x), (_, y) in zip(others, parts, strict=True))
    )


def stacked(trees_of_lanes: list[Any]) -> Any:
    """One structure, with an array over the lanes for each number."""
    first = trees_of_lanes[0]
    if trees.branches(first) is None:
        return np.array(trees_of_lanes)
    parts = [[x for _, x in trees.named_parts(tree)] for tree in trees_of_lanes]
    return trees.like(first, [stacked(list(lanes)) for lanes in zip(*parts, strict=True)])


@settings(max_examples=150, deadline=None)
@given(shape=shapes, shared=shapes, lanes=st.sampled_from([1, 2, 3, 9]), again=st.booleans())
def test_each_lane_has_its_own_numbers(shape: Any, shared: Any, lanes: int, again: bool) -> None:
    counter = iter(range(1, 10**6))
    args = [filled(shape, (float(next(counter)) for _ in iter(int, 1))) for _ in range(lanes)]
    common = filled(shared, (float(next(counter)) for _ in iter(int, 1)))
    w = Value(3.0)

    def f(x: Any, y: Any) -> Any:
        return sum((i + 2.0) * v * w for i, v in enumerate(flat(x) + flat(y))) + w

    step = compile(f, argnums=(0, 1))
    if again:
        step(args[0], common)
    totals = [sum((i + 2.0) * v for i, v in enumerate(flat(x) + flat(common))) for x in args]
    size = len(flat(args[0]))
    mine = filled(shape, (3.0 * (i + 2.0) for i in range(size)))
    theirs = filled(shared, (3.0 * lanes * (i + 2.0) for i in range(size, 10**6)))
    by_lane = filled(shared, (3.0 * (i + 2.0) for i in range(size, 10**6)))
    values, gradients = step.batch(args, common, in_axes=(0, None))
    assert values.tolist() == [3.0 * total + 3.0 for total in totals]
    expected = np.array([mine] * lanes) if isinstance(gradients[0], np.ndarray) else [mine] * lanes
    assert same(gradients[0], expected)
    assert same(gradients[1], theirs)
    _, apart = step.batch(args, common, in_axes=(0, None), reduce=None)
    assert same(apart[1], stacked([by_lane] * lanes))
    values, total = step.bind([w]).batch(args, common, in_axes=(0, None))
    assert values.tolist() == [3.0 * total + 3.0 for total in totals]
    assert total.tolist() == [sum(totals) + lanes]
    doubled = compile(lambda x: trees.replace(x, lambda leaf: leaf * 2.0))
    twice = [trees.replace(x, lambda leaf: leaf * 2.0) for x in args]
    assert same(doubled.batch_value(args), stacked(twice))


def test_lists_of_arrays() -> None:
    lanes = [np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])]
    step = compile(lambda x: x[0] * 10.0 + x[1])
    for _ in range(2):
        values, gradients = step.batch(lanes)
        assert values.tolist() == [12.0, 34.0, 56.0]
        assert np.array_equal(gradients, [[10.0, 1.0]] * 3)
        assert step.batch_value(lanes).tolist() == [12.0, 34.0, 56.0]


def test_arrays_of_objects_as_lanes() -> None:
    rows = np.empty(2, object)
    rows[:] = [[1.0, 2.0]], [[3.0, 4.0]]
    values, gradients = compile(lambda x: x[0][0] * 10.0 + x[0][1]).batch(rows)
    assert (values.tolist(), gradients) == ([12.0, 34.0], [[[10.0, 1.0]]] * 2)
    rows[:] = [np.array([1.0, 2.0]), np.array([3.0, 4.0])]
    values, gradients = compile(lambda x: x[0] * 10.0 + x[1]).batch(rows)
    assert (values.tolist(), gradients.tolist()) == ([12.0, 34.0], [[10.0, 1.0]] * 2)


# ---- what gradients are asked for ----------------------------------------------------------------


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)])
def test_no_leaves_all_leaves_and_no_arguments_are_three_different_requests(order: Any) -> None:
    w = Value(5.0)
    step = compile(lambda x: w * x, argnums=())
    for i in order:
        if i == 0:
            assert step.value_and_grad(2.0, wrt=[]) == (10.0, [])
            assert step.value_and_grad(2.0, wrt={"w": w}) == (10.0, {"w": 2.0})
        elif i == 1:
            before = w.grad
            assert step.backward(2.0) == 10.0
            assert w.grad - before == 2.0
        else:
            assert step.value_and_grad(2.0) == (10.0, ())
            assert compile(lambda x: w * x).value_and_grad(2.0) == (10.0, 5.0)


@pytest.mark.parametrize("pickled", [False, True])
def test_no_more_programs_are_kept_than_recordings(pickled: bool) -> None:
    ws = [Value(float(i)) for i in range(10)]
    step = compile(lambda x: sum(i * w * x for i, w in enumerate(ws)), keep=3)
    step(1.0)
    if pickled:
        step = pickle.loads(pickle.dumps(step))
        ws = step.recordings[0].leaves
    (recording,) = step.recordings
    made = []
    for i in [*range(10), 9, 8, 7, 9, 0, 9, *range(10)]:
        assert step.value_and_grad(2.0, wrt=[ws[i]])[1] == [2.0 * i]
        assert step.bind(ws[i:]).value_and_grad(2.0)[1].tolist() == [2.0 * k for k in range(i, 10)]
        assert step(1.0) == 285.0
        made.append(weakref.ref(recording.machine(by_leaves(ws[i : i + 1]))))
    gc.collect()
    kept = {machine for machine in map(call, made) if machine is not None}
    assert 0 < len(kept) <= 8


def call(function: Any) -> Any:
    return function()


def test_what_is_wanted_may_change_in_the_same_list() -> None:
    a, b = Value(2.0), Value(3.0)
    step = compile(lambda x: a * b * x + b)
    inner = [a]
    wrt: list[Any] = [inner]
    assert step.value_and_grad(1.0, wrt=wrt)[1] == [[3.0]]
    inner[0] = b
    assert step.value_and_grad(1.0, wrt=wrt)[1] == [[3.0]]
    inner.append(a)
    assert step.value_and_grad(1.0, wrt=wrt)[1] == [[3.0, 3.0]]
    flat_ones = [a, b]
    assert step.value_and_grad(1.0, wrt=flat_ones)[1] == [3.0, 3.0]
    a.data = 5.0
    assert step.value_and_grad(1.0, wrt=flat_ones)[1] == [3.0, 6.0]
    flat_ones.reverse()
    assert step.value_and_grad(1.0, wrt=flat_ones)[1] == [6.0, 3.0]
    assert step.value_and_grad(1.0, wrt=(b, a))[1] == (6.0, 3.0)


def test_numbers_that_are_bound_may_be_more_or_fewer_than_those_used() -> None:
    a, b, c = Value(2.0), Value(3.0), Value(4.0)
    step = compile(lambda x: a * b * x)
    for leaves in ([a, b], [b, a], [a], [b], [a, b, c], [c, b, a], [c]):
        bound = step.bind(leaves)
        bound.numbers += 10.0
        now = dict(zip(map(id, bound.leaves), bound.numbers.tolist(), strict=True))
        x, y = now.get(id(a), a.data), now.get(id(b), b.data)
        by = {id(a): y * 2.0, id(b): x * 2.0, id(c): 0.0}
        value, gradient = bound.value_and_grad(2.0)
        assert (value, gradient.tolist()) == (x * y * 2.0, [by[id(leaf)] for leaf in leaves])
        values, gradient = bound.batch([2.0, 0.0])
        assert values.tolist() == [x * y * 2.0, 0.0]
        assert gradient.tolist() == [by[id(leaf)] for leaf in leaves]
        assert (a.data, b.data, c.data) == (2.0, 3.0, 4.0)


@pytest.mark.parametrize("looks", [False, True])
def test_gradients_that_are_not_finite_are_added_up_without_a_warning(looks: bool) -> None:
    step = compile(lambda w, x: w * x * 1e200 if not looks or x > 0 else x * w * 1e200)
    leaf = Value(1.0)
    bound = compile(lambda x: leaf * x * 1e200 if not looks or x > 0 else x * leaf * 1e200)
    xs = np.array([1e200, -1e200])
    for _ in range(3):
        assert np.isnan(step.batch(1.0, xs, in_axes=(None, 0))[1])
        assert np.isnan(bound.bind([leaf]).batch(xs)[1][0])
