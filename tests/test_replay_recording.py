"""Recording for a replay: looks are guarded, differences named, rewrites shown in listings."""

from __future__ import annotations

import itertools
import math
import random
from decimal import Decimal
from typing import Any

import pytest

import autograd
from autograd import Value, compile, grad, where
from autograd.replaying.recorder import Condition
from autograd.replaying.tape import NAMES

XS = (2.0, -1.0, 0.5, 3.0, -7.0, 0.0, 2.0)


def agrees(f: Any, recordings: int, xs: tuple[Any, ...] = XS, **settings: Any) -> Any:
    """The replay of f, which has been f on all of xs, with so many recordings."""
    step = compile(f, **settings)
    for x in (*xs, *xs):
        value, slope = step.value_and_grad(x)
        assert (value, slope) == (float(f_of(f, x)), grad(f)(x)), x
    assert len(step.recordings) == recordings
    return step


def f_of(f: Any, x: float) -> float:
    out = f(Value(x))
    return out.data if isinstance(out, Value) else out


# ---- looks ---------------------------------------------------------------------------------------


def test_comparing_with_what_is_no_number_is_guarded() -> None:
    half = pytest.approx(0.5)
    agrees(lambda x: x * x if x == half else x * 3, len(set(XS)))
    agrees(lambda x: x * x if x < Decimal(1) else x * 3, len(set(XS)))
    agrees(lambda x: x * x if x == None or x == "half" else x * 3, 1)  # noqa: E711


def test_an_if_is_guarded() -> None:
    agrees(lambda x: x * x if x > 0 else x * 3, 2)
    agrees(lambda x: x * x if x else x * 3, 2)
    agrees(lambda x: x * 2 if not x < 1 and x != 3 else x.exp(), 3)
    agrees(lambda x: x * 2 if 0 <= x < 1 else x.exp(), 3)
    agrees(lambda x: max(x, 1.0) * min(x * x, x), 3)
    agrees(lambda x: x.relu() if abs(x) == 2.0 else x, 2)


def test_a_guard_asks_for_what_was_seen_and_no_more() -> None:
    step = agrees(lambda x: sorted([x, x * x, 1.0 + x])[0] * x, 3)
    assert all(not recording.guards.exact.any() for recording in step.recordings)


def test_a_number_that_is_read_is_guarded() -> None:
    def floor_of(x: Any) -> Any:
        return x * math.floor(x.data)

    agrees(floor_of, 6)
    agrees(lambda x: x * float(f"{x:.0f}"), 6)
    agrees(lambda x: x * len(str(x)), 6)
    agrees(lambda x: x * (x * 2).data, 6)
    agrees(lambda x: x * x.data, 3, (1.0, math.inf, 2.0))
    step = compile(lambda x: [x.data, x])
    for x in (0.0, -0.0, math.nan, 0.0, math.nan, -0.0):
        assert repr(step(x)) == repr([x, x])
    assert len(step.recordings) == 3


def test_a_choice_is_no_look() -> None:
    agrees(lambda x: where(x > 0, x * x, x * 3), 1)
    agrees(lambda x: where(x <= 0.5, x, 2.0) * x, 1)
    agrees(lambda x: where(x == 2.0, x * x, -x) + where(x != 2.0, x, 1.0), 1)
    agrees(lambda x: where(x >= 2, x * x, 1) * where(x > 2, x, 3.0), 1)
    agrees(lambda x: where((x > 0) & (x < 1), x, x * x), 1)
    agrees(lambda x: where((x < 0) | (x > 2.5), x, x * x), 1)
    agrees(lambda x: where((x > 0) ^ (x > 1), x, x * x), 1)
    agrees(lambda x: where(True & (x > 0) | False, x, x * x), 1)
    agrees(lambda x: where(x - 2, x, x * x), 1)
    agrees(lambda x: where(where(x > 0, x - 2, x) > 0, x, x * x), 1)
    agrees(lambda x: (x > 0) * x + (x < -1) * 2.0 + x, 1)
    agrees(lambda x: sum(x > k for k in (0.0, 1.0, 2.0)) * x, 1)


def test_a_condition_may_be_turned_round() -> None:
    agrees(lambda x: where((x > 0) ^ True, x, x * x), 1)
    with pytest.raises(TypeError, match="~ of a bool is -1 or -2"):
        compile(lambda x: where(~(x > 0), x, x * x))(1.0)


def test_a_choice_between_two_numbers_is_a_choice_still() -> None:
    step = compile(lambda x: where(x > 0, 2.0, 3.0) * x)
    assert [step(x) for x in (1.0, -1.0)] == [2.0, -3.0]
    assert len(step.recordings) == 1


def test_a_condition_acts_as_a_bool() -> None:
    seen = []

    def f(x: Any) -> Any:
        c = x > 0
        rows = ["no", "yes"]
        seen.append((bool(c), int(c), float(c), rows[c], [0, 1][c], not c, f"{c:.0f}", c == True))  # noqa: E712
        assert isinstance(c, Condition)
        seen.append(c)
        return x

    compile(f)(2.0)
    acts, condition = seen[:2]
    assert acts[:7] == (True, 1, 1.0, "yes", 1, False, "1")
    assert bool(acts[7])
    assert bool(condition)  # one that has outlived its recording
    assert (condition & True, condition & False) == (True, False)
    assert (condition | False, condition ^ True) == (True, False)


def test_nan_is_neither_less_nor_equal() -> None:
    def f(x: Any) -> Any:
        conditions = (x < 1, x <= 1, x > 1, x >= 1, x == 1, x != 1, x == x, x != x)
        return [where(c, 1.0, 0.0) for c in conditions]

    step = compile(f)
    for x in (0.5, 1.0, 2.0, math.nan, math.inf, -0.0):
        compared = (x < 1, x <= 1, x > 1, x >= 1, x == 1, x != 1, x == x, x != x)
        assert step(x) == list(map(float, compared))
    assert len(step.recordings) == 1


def test_a_number_that_no_float_holds_is_compared_as_it_is() -> None:
    huge, third = 10**400, 2**53 + 1
    agrees(lambda x: x if x < huge else -x, 7 - 1, XS)
    step = compile(lambda x: where(x < third, 1.0, 2.0) + 0 * x)
    assert [step(2.0**53), step(2.0**54)] == [1.0, 2.0]


def test_ways_are_kept_up_to_a_number_and_the_oldest_goes() -> None:
    step = compile(lambda x: x * round(x.data), keep=2)
    assert [step(x) for x in (1.0, 2.0)] == [1.0, 4.0]
    with pytest.warns(RuntimeWarning, match="has taken more than 2 different paths") as said:
        assert [step(x) for x in (3.0, 1.0, 2.0, 3.0)] == [9.0, 1.0, 4.0, 9.0]
    assert len(said) == 1
    assert said[0].filename == __file__
    assert len(step.recordings) == 2


def test_the_recording_used_last_is_tried_first() -> None:
    step = compile(lambda x: x if x > 0 else -x)
    step(1.0)
    step(-1.0)
    first, second = step.recordings
    step(1.0)
    assert step.recordings == [second, first]


# ---- what differs --------------------------------------------------------------------------------


def test_randomness_is_named_with_its_line() -> None:
    def noisy(x: Any) -> Any:
        y = x * 2
        return y * random.random()  # here

    with pytest.raises(RuntimeError) as raised:
        compile(noisy)(1.0)
    said = str(raised.value)
    assert said.startswith("noisy did not do the same when it was recorded twice: operation 2 was ")
    assert "mul of %1, 0." in said
    assert "return y * random.random()  # here" in said
    assert said.endswith("draw random numbers outside, and pass them, and counters, as arguments")


def test_counters_and_other_ways_are_named() -> None:
    counter = itertools.count()

    def longer(x: Any) -> Any:
        for _ in range(next(counter)):
            x = x.exp()
        return x

    with pytest.raises(RuntimeError, match="longer did not do the same"):
        compile(longer)(0.1)
    kinds = itertools.cycle(["sin", "cos"])
    with pytest.raises(RuntimeError, match="operation 1 was sin of %0 first, and then cos of %0"):
        compile(lambda x: getattr(x, next(kinds))())(1.0)
    leaves = itertools.cycle([Value(1.0, "a"), Value(1.0, "b")])
    with pytest.raises(RuntimeError, match="the leaf a, %0 first, and then mul of the leaf b, %0"):
        compile(lambda x: next(leaves) * x)(1.0)
    which = itertools.cycle([0, 1])
    with pytest.raises(RuntimeError, match="did not do the same"):
        compile(lambda x: [x, x * 2][next(which)])(1.0)
    shapes = itertools.cycle([lambda x: [x], lambda x: x])
    with pytest.raises(RuntimeError, match="did not do the same"):
        compile(lambda x: next(shapes)(x))(1.0)
    looks = itertools.cycle([True, False])
    with pytest.raises(RuntimeError, match="did not do the same"):
        compile(lambda x: x * (next(looks) and x > 0) + x)(1.0)


def test_the_same_random_numbers_each_time_are_no_difference() -> None:
    def f(x: Any) -> Any:
        rng = random.Random(3)
        return autograd.sum([x * rng.random() for _ in range(5)])

    assert compile(f)(1.0) == pytest.approx(f_of(f, 1.0), rel=1e-15)


class Named(Value):
    """A Value with a hash of its own, which becomes a float when it is asked to."""

    def __hash__(self) -> int:
        return hash(self.label)

    def __float__(self) -> float:
        return self.data


def test_nodes_with_a_hash_of_their_own_are_told_apart() -> None:
    weights = [Named(2.0, "u"), Named(2.0, "v"), Named(5.0, "w")]

    def f(x: Any) -> Any:
        return weights[0] * x + weights[1] * (x + weights[2])

    step, alone = compile(f), compile(lambda: weights[2])
    for third in (5.0, 7.0):
        weights[2].data = third
        assert step(3.0) == 12.0 + 2.0 * third
        assert step.value_and_grad(3.0, wrt=weights)[1] == [3.0, 3.0 + third, 2.0]
        assert alone.value_and_grad(wrt=weights) == (third, [0.0, 0.0, 1.0])


def test_rows_of_the_user_and_numbers_from_outside_are_the_same_twice() -> None:
    doubled = autograd.register("doubled_here", lambda x: 2 * x, lambda g, out, x: g * 2)
    tripled = autograd.register("tripled_here", lambda x: 3 * x, lambda g, out, x: g * 3)
    outside = Value(4.0) * 2.0
    with pytest.warns(RuntimeWarning, match="no form in C"):
        agrees(lambda x: doubled(x) + tripled(tripled(doubled(x))) * outside, 1)


def test_a_leaf_that_is_made_on_the_way_is_a_constant() -> None:
    step = compile(lambda x: x * Value(3.0) + Value(1.0))
    assert [step(x) for x in (1.0, 2.0)] == [4.0, 7.0]


def test_a_leaf_that_is_assigned_on_the_way_is_refused() -> None:
    w = Value(1.0, "w")

    def before(x: Any) -> Any:
        w.data = 2.0
        return w * x

    def after(x: Any) -> Any:
        y = w * x
        w.data = 2.0
        return y

    for f in (before, after):
        with pytest.raises(RuntimeError, match=r"assigns .data of|stale"):
            compile(f)(1.0)


# ---- rewriting -----------------------------------------------------------------------------------


def operations(f: Any, rewrites: Any, at: Any = 0.5) -> list[str]:
    """The operations of a recording, in alphabetical order."""
    step = compile(f, rewrites=rewrites)
    step(at)
    tape = step.recordings[0].tape
    return sorted(NAMES[code] for code in tape.code)


def test_what_depends_on_nothing_is_computed_once() -> None:
    def f(x: Any) -> Any:
        return x * (Value(2.0) * 3.0 + Value(1.0).exp())

    assert operations(f, False) == ["add", "exp", "mul", "mul"]
    assert operations(f, "constants") == ["mul"]
    assert compile(f, rewrites="constants")(2.0) == f_of(f, 2.0)


def test_additions_are_one_sum() -> None:
    def f(x: Any) -> Any:
        return x + x.exp() + x.sin() + 1.0

    assert operations(f, False) == ["add", "add", "add", "exp", "sin"]
    assert operations(f, "sums") == ["exp", "sin", "total"]
    shared = lambda x: (x + x.exp() + 1.0) * (x + 2.0)
    assert operations(shared, "sums") == ["add", "exp", "mul", "total"]


def test_products_go_into_their_sum() -> None:
    def f(x: Any) -> Any:
        return x * 2.0 + x.exp() * 3.0 + 1.0

    assert operations(f, False) == ["add", "add", "exp", "mul", "mul"]
    assert operations(f, ("sums", "dots")) == ["exp", "inner"]
    assert operations(f, "dots") == ["add", "exp", "inner"]
    kept = lambda x: [x * 2.0 + 1.0, x * 2.0]
    assert operations(kept, "dots") == ["inner", "mul"]


def test_sums_that_round_once_may_add_from_left_to_right() -> None:
    def f(x: Any) -> Any:
        return autograd.sum([x, x * 2, x * 3]) + autograd.dot([x, 2.0], [3.0, x])

    assert operations(f, False) == ["add", "dot", "mul", "mul", "sum"]
    assert operations(f, "plain") == ["add", "inner", "mul", "mul", "total"]
    tiny = lambda x: autograd.sum([x, 1.0, -x])
    assert compile(tiny, rewrites=False)(1e17) == 1.0
    assert compile(tiny, rewrites="plain")(1e17) == 0.0


def test_a_truth_that_hangs_on_a_last_digit_is_recorded_exactly() -> None:
    def f(x: Any) -> Any:
        return x * 2 if autograd.sum([x, 1.0, -x]) > 0 else x * 3

    assert compile(f)(1e17) == 2e17


# ---- listings ------------------------------------------------------------------------------------


def test_a_listing_shows_what_runs() -> None:
    w = Value(3.0, "w")

    def model(x: Any, y: Any) -> Any:
        return (w * x + y[0]).tanh() if x > 0 else x

    step = compile(model)
    assert step.listing() == "model has not been recorded yet: call it"
    assert repr(step) == "<replay of model: 0 recordings>"
    step.value_and_grad(2.0, [1.0])
    assert repr(step) == "<replay of model: 1 recordings>"
    assert (
        step.listing()
        == """\
model:
  x0 = argument 0, *
  x1 = argument 1, [*]
  w = leaf
  less1 = less(0.0, x0)
  sum1 = w * x0
  sum1 += x1[0]
  tanh1 = tanh(sum1)
  guard: less1 is not 0
  return * of tanh1
gradient by argument 0:
  dtanh1 = identity(1.0)
  sech2_1 = sech2(sum1)
  dsum1 = dtanh1 * sech2_1
  dx0 = dsum1 * w
  return dx0"""
    )


def test_a_listing_shows_loops() -> None:
    def mlp(w: Any, b: Any, xs: Any) -> Any:
        units = list(zip(w, b, strict=True))
        hidden = [[(autograd.dot(row, x) + bias).relu() for row, bias in units] for x in xs]
        return autograd.sum([h for row in hidden for h in row])

    step = compile(mlp)
    w, b, xs = ([[0.1 * (i + j) for j in range(3)] for i in range(4)], [0.5] * 4, [[1.0] * 3] * 5)
    step(w, b, xs)
    lines = step.listing(gradient=False).splitlines()
    assert lines[4:] == [
        "  sum1[i, j] = sum(k < 3) x0[j, k] * x2[i, k]  for i < 5, j < 4",
        "  add1[i, j] = add(sum1[i, j], x1[j])  for i < 5, j < 4",
        "  relu1[i, j] = relu(add1[i, j])  for i < 5, j < 4",
        "  sum2 = sum(k < 20) relu1.flat[k]",
        "  return * of sum2",
    ]


def test_a_listing_cuts_runs_short() -> None:
    step = compile(lambda xs: autograd.sum([x.exp() for x in xs]) * xs[0].data)
    step([0.1 * i for i in range(100)])
    text = step.listing()
    assert "x0 = argument 0, [* 100 times]" in text
    assert "exp1[i] = exp(x0[i])  for i < 100" in text
    assert "sum1 = sum(k < 100) exp1[k]" in text
    assert "guard: x0[0] is 0.0" in text
    assert "return dx0[0], dx0[1], dx0[2], dx0[3], ..., dx0[99]" in text
    assert len(text.splitlines()) < 40
