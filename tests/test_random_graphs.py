"""Random graphs, beside a naive engine that differentiates forwards and shares no line of code."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

import autograd
from autograd import Value, gradients, no_grad, zero_grad
from autograd.core.graph import gradient_or_none, nodes

pytestmark = pytest.mark.slow

# ---- the naive engine ----------------------------------------------------------------------------


class Dual:
    """A number and its derivative by each of the variables: forward mode, in 30 lines."""

    def __init__(self, number: float, slopes: dict[int, float]) -> None:
        self.number, self.slopes = number, slopes

    def follow(self, number: float, *terms: tuple[float, Dual]) -> Dual:
        keys = {key for _, dual in terms for key in dual.slopes}
        slopes = {k: sum(c * dual.slopes.get(k, 0.0) for c, dual in terms) for k in keys}
        return Dual(number, slopes)

    def __add__(self, other: Dual) -> Dual:
        return self.follow(self.number + other.number, (1.0, self), (1.0, other))

    def __sub__(self, other: Dual) -> Dual:
        return self.follow(self.number - other.number, (1.0, self), (-1.0, other))

    def __mul__(self, other: Dual) -> Dual:
        a, b = self.number, other.number
        return self.follow(a * b, (b, self), (a, other))

    def tanh(self) -> Dual:
        t = math.tanh(self.number)
        return self.follow(t, (1 / math.cosh(min(abs(self.number), 300.0)) ** 2, self))

    def sin(self) -> Dual:
        return self.follow(math.sin(self.number), (math.cos(self.number), self))

    def square(self) -> Dual:
        return self.follow(self.number**2, (2 * self.number, self))

    def bounded_inverse(self) -> Dual:
        d = 1.0 + self.number * self.number
        return self.follow(1 / d, (-2 * self.number / d**2, self))


def total(weights: list[float], duals: Any, divisor: float = 1.0) -> Dual:
    number = math.fsum(dual.number for dual in duals) / divisor
    return duals[0].follow(number, *((w / divisor, d) for w, d in zip(weights, duals, strict=True)))


BOTH: dict[str, tuple[int, Any, Any]] = {
    "add": (2, lambda x, y: x + y, Dual.__add__),
    "sub": (2, lambda x, y: x - y, Dual.__sub__),
    "mul": (2, lambda x, y: x * y, Dual.__mul__),
    "mul of tanh": (2, lambda x, y: x.tanh() * y, lambda x, y: x.tanh() * y),
    "constant": (1, lambda x: 2.0 - x * 0.5, lambda x: Dual(2.0, {}) - x * Dual(0.5, {})),
    "tanh": (1, lambda x: x.tanh(), Dual.tanh),
    "sin": (1, autograd.sin, Dual.sin),
    "square": (1, lambda x: x**2, Dual.square),
    "inverse": (1, lambda x: 1 / (1 + x * x), Dual.bounded_inverse),
    "sum": (3, lambda *xs: autograd.sum(xs), lambda *xs: total([1.0] * 3, xs)),
    "dot": (3, lambda x, y, z: autograd.dot([x, y], [y, z]),
            lambda x, y, z: (x * y).follow(
                math.fsum([x.number * y.number, y.number * z.number]), (1.0, x * y), (1.0, y * z))),
    "mean": (2, lambda x, y: autograd.mean([x, y, 1.0]),
             lambda x, y: total([1.0] * 3, [x, y, Dual(1.0, {})], 3.0)),
    "taken": (2, lambda x, y: autograd.where(True, x, (y - y).log()), lambda x, y: x),
    "larger": (2, lambda x, y: autograd.where(x > y, x, y),
               lambda x, y: x if x.number > y.number else y),
}  # fmt: skip


numbers = st.floats(-1.5, 1.5)
close = pytest.approx


@st.composite
def programs(draw: Any) -> tuple[list[float], list[tuple[str, tuple[int, ...]]]]:
    """Leaves, and operations on anything earlier."""
    leaves = draw(st.lists(numbers, min_size=1, max_size=4))
    steps = []
    for i in range(draw(st.integers(1, 25))):
        name = draw(st.sampled_from(sorted(BOTH)))
        earlier = st.integers(0, len(leaves) + i - 1)
        steps.append((name, tuple(draw(earlier) for _ in range(BOTH[name][0]))))
    return leaves, steps


def run(kind: int, things: list[Any], steps: list[tuple[str, tuple[int, ...]]]) -> list[Any]:
    things = list(things)
    for name, places in steps:
        things.append(BOTH[name][kind](*(things[i] for i in places)))
        number = things[-1].number if isinstance(things[-1], Dual) else things[-1].data
        if abs(number) > 1e6:  # squares of squares: go on with something small
            things[-1] = things[-1].tanh()
    return things


@settings(max_examples=150, deadline=None)
@given(programs())
def test_gradients_of_random_graphs_agree_with_forward_mode(program):
    numbers, steps = program
    leaves = [Value(x) for x in numbers]
    duals = [Dual(x, {i: 1.0}) for i, x in enumerate(numbers)]
    ours = run(1, leaves, steps)
    theirs = run(2, duals, steps)
    assert [x.data for x in ours] == [x.number for x in theirs]
    expected = [theirs[-1].slopes.get(i, 0.0) for i in range(len(leaves))]
    scale = max(1.0, *(abs(g) for g in expected))
    assert gradients(ours[-1], leaves) == close(expected, rel=1e-9, abs=1e-9 * scale)
    ours[-1].backward()
    assert [x.grad for x in leaves] == gradients(ours[-1], leaves)


@settings(max_examples=60, deadline=None)
@given(programs())
@example(([0.0] * 4, [("larger", (0, 1)), ("mul", (0, 4))]))
def test_second_derivatives_of_random_graphs_agree_with_differences_of_gradients(program):
    numbers, steps = program
    steps = steps[:10]
    # Away from ties: where x * x meets 0 it is smooth, but the rule of `maximum` cannot know it.
    numbers = [x + 0.0137 * (i + 1) for i, x in enumerate(numbers)]

    def slopes(at: list[float], create_graph: bool = False) -> tuple[list[Any], list[Value]]:
        leaves = [Value(x) for x in at]
        return gradients(run(1, leaves, steps)[-1], leaves, create_graph=create_graph), leaves

    first, leaves = slopes(numbers, create_graph=True)
    second = gradients(first[0], leaves)
    h = 1e-5
    for i in range(len(numbers)):
        up, down = (
            slopes([x + s * h * (i == j) for j, x in enumerate(numbers)])[0] for s in (1, -1)
        )
        here = slopes(numbers)[0][0]
        size = max(1.0, abs(second[i]), abs(here))
        if abs(up[0] - 2 * here + down[0]) > 1e-3 * h * size:
            continue  # a kink, or too bent for a difference to say anything
        assert (up[0] - down[0]) / (2 * h) == close(second[i], abs=2e-3 * size)


# ---- a graph that grows and is meddled with ------------------------------------------------------


class Growing(RuleBasedStateMachine):
    """A graph grown step by step beside the oracle, with everything a user may do in between."""

    made = Bundle("made")

    def __init__(self) -> None:
        super().__init__()
        self.leaves: dict[int, Value] = {}  # the key is the variable's name in the oracle
        self.gathered: dict[int, float] = {}  # what .grad of each leaf should be
        self.version: dict[int, int] = {}
        self.count = 0

    def new_leaf(self, leaf: Value) -> tuple[Any, ...]:
        self.count += 1
        key = self.count
        self.leaves[key], self.gathered[key], self.version[key] = leaf, 0.0, 0
        return self.entry(leaf, Dual(leaf.data, {key: 1.0}), {key: 0})

    def entry(self, node: Value, dual: Dual, needs: dict[int, int]) -> tuple[Any, ...]:
        """A node, its dual, and the version of each leaf that it was computed from."""
        return node, dual, needs

    def stale(self, needs: dict[int, int]) -> bool:
        return any(self.version[key] != version for key, version in needs.items())

    @initialize(target=made, xs=st.lists(numbers, min_size=3, max_size=3))
    def leaves_to_start_from(self, xs: list[float]) -> Any:
        return multiple(*(self.leaf(x) for x in xs))

    def leaf(self, x: float) -> tuple[Any, ...]:
        return self.new_leaf(Value(x, label=f"leaf {self.count + 1}"))

    @rule(target=made, x=numbers)
    def another_leaf(self, x: float) -> tuple[Any, ...]:
        return self.leaf(x)

    def current(self, *entries: tuple[Any, ...]) -> bool:
        return not any(self.stale(needs) for _, _, needs in entries)

    @rule(
        target=made, names=st.lists(st.sampled_from(sorted(BOTH)), min_size=1, max_size=4),
        a=made, b=made, c=made,
    )  # fmt: skip
    def grow(self, names: list[str], a: Any, b: Any, c: Any) -> Any:
        grown = [a]
        for name in names:
            grown.append(self.operate(name, grown[-1], b, c))
        return multiple(*grown[1:])

    def operate(self, name: str, a: Any, b: Any, c: Any) -> tuple[Any, ...]:
        arity, ours, theirs = BOTH[name]
        chosen = (a, b, c)[:arity]
        if not self.current(*chosen):
            return a
        node = ours(*(x for x, _, _ in chosen))
        dual = theirs(*(d for _, d, _ in chosen))
        needs = {k: v for _, _, n in chosen for k, v in n.items()}
        if abs(dual.number) > 1e6:
            node, dual = node.tanh(), dual.tanh()
        assert node.data == dual.number
        return self.entry(node, dual, needs)

    @rule(entry=made, seed=st.sampled_from([1.0, -2.0, 0.0]), times=st.integers(1, 2))
    def backward(self, entry: Any, seed: float, times: int) -> None:
        node, dual, needs = entry
        if self.stale(needs):
            return
        for _ in range(times):
            node.backward(seed)
            for key, slope in dual.slopes.items():
                self.gathered[key] += seed * slope
        if node.inputs:
            assert node.grad == seed

    @rule(entry=made)
    def ask_for_gradients(self, entry: Any) -> None:
        node, dual, needs = entry
        if self.stale(needs):
            return
        keys = list(self.leaves)
        expected = [dual.slopes.get(key, 0.0) for key in keys]
        scale = max([1.0, *(abs(g) for g in expected)])
        wanted = [self.leaves[key] for key in keys]
        assert gradients(node, wanted) == close(expected, rel=1e-8, abs=1e-8 * scale)
        graphed = gradients(node, wanted, create_graph=True)
        assert [g.data for g in graphed] == close(expected, rel=1e-8, abs=1e-8 * scale)

    @rule(target=made, entry=made)
    def copy_deeply(self, entry: Any) -> tuple[Any, ...]:
        return self.twin(entry, copy.deepcopy)

    @rule(target=made, entry=made)
    def pickle(self, entry: Any) -> tuple[Any, ...]:
        return self.twin(entry, lambda node: pickle.loads(pickle.dumps(node)))

    def twin(self, entry: Any, way: Any) -> tuple[Any, ...]:
        node, dual, needs = entry
        if self.stale(needs):
            return entry
        if not all(leaf.label for leaf in nodes(node) if not leaf.inputs):
            return entry
        named = {leaf.label: leaf for leaf in self.leaves.values()}
        keys = {leaf.label: key for key, leaf in self.leaves.items()}
        twin = way(node)
        assert twin.data == node.data
        assert len(nodes(twin)) == len(nodes(node))
        rename: dict[int, int] = {}
        for leaf in nodes(twin):
            if not leaf.inputs:
                original = named[leaf.label]
                assert leaf is not original
                assert gradient_or_none(leaf) == gradient_or_none(original)
                old = keys[leaf.label]
                self.new_leaf(leaf)
                rename[old] = self.count
                self.gathered[self.count] = self.gathered[old]
                leaf.label = f"leaf {self.count}"
        slopes = {rename[k]: g for k, g in dual.slopes.items() if k in rename}
        return self.entry(twin, Dual(dual.number, slopes), dict.fromkeys(rename.values(), 0))

    @rule(target=made, entry=made)
    def detach(self, entry: Any) -> tuple[Any, ...]:
        node, _, _ = entry
        cut = node.detach()
        assert (cut.data, cut.inputs) == (node.data, ())
        cut.label = f"leaf {self.count + 1}"
        return self.new_leaf(cut)

    @rule(target=made, entry=made)
    def compute_without_recording(self, entry: Any) -> tuple[Any, ...]:
        with no_grad():
            made = entry[0] * 0.5
        made.label = f"leaf {self.count + 1}"
        return self.new_leaf(made)

    @rule(data=st.data(), x=numbers)
    def rebind(self, data: Any, x: float) -> None:
        if not self.leaves:
            return
        key = data.draw(st.sampled_from(sorted(self.leaves)))
        self.leaves[key].data = x
        self.version[key] += 1

    @rule(target=made, data=st.data())
    def use_a_leaf_again(self, data: Any) -> tuple[Any, ...]:
        if not self.leaves:
            return self.new_leaf(Value(0.5, label=f"leaf {self.count + 1}"))
        key = data.draw(st.sampled_from(sorted(self.leaves)))
        leaf = self.leaves[key]
        return self.entry(leaf, Dual(leaf.data, {key: 1.0}), {key: self.version[key]})

    @rule(data=st.data())
    def forget_gradients(self, data: Any) -> None:
        if self.leaves:
            keys = data.draw(st.sets(st.sampled_from(sorted(self.leaves))))
            zero_grad(self.leaves[key] for key in keys)
            self.gathered.update(dict.fromkeys(keys, 0.0))

    @rule(entry=made)
    def a_stale_graph_is_refused_and_current_ones_are_not(self, entry: Any) -> None:
        node, dual, needs = entry
        behind = {k for k, version in needs.items() if self.version[k] != version}
        reached = [k for k in behind if k in dual.slopes]
        if not node.inputs or not reached:
            return
        before = {key: gradient_or_none(leaf) for key, leaf in self.leaves.items()}
        with pytest.raises(RuntimeError, match="stale"):
            node.backward()
        assert before == {key: gradient_or_none(leaf) for key, leaf in self.leaves.items()}

    @invariant()
    def the_gradients_of_the_leaves_are_what_was_gathered(self) -> None:
        for key, leaf in self.leaves.items():
            expected = self.gathered[key]
            assert leaf.grad == close(expected, rel=1e-7, abs=1e-6 * max(1.0, abs(expected)))


Growing.TestCase.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
test_a_growing_graph_agrees_with_the_oracle_whatever_is_done_to_it = Growing.TestCase
