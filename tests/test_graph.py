"""The walk: every node once, youngest first, whatever the depth, the sharing and the mishaps."""

from __future__ import annotations

import contextlib
import copy
import gc
import math
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import autograd
from autograd import Value, gradients, nodes, register, zero_grad
from autograd.core.graph import gradient_or_none, sweep
from autograd.core.rules import RULES, Rule
from autograd.support.scopes import scope, scopes

SMALL_STACK = 256 * 1024
FREE_LISTS = 20_000  # blocks that CPython keeps for its next tuples; a node has three of its own


def chain(length: int) -> tuple[Value, Value]:
    """A leaf, and the end of a chain of that many nodes whose slope is 1."""
    leaf = end = Value(1.0)
    for _ in range(length):
        end = end + 1.0
    return leaf, end


def on_a_small_stack(function: Callable[[], Any]) -> Any:
    """Call the function on a thread with 256 KiB of stack."""
    answers: list[Any] = []
    before = threading.stack_size(SMALL_STACK)
    try:
        thread = threading.Thread(target=lambda: answers.append(function()))
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert answers, "the thread raised"
    return answers[0]


@pytest.fixture
def without_gc() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


# ---- what a backward pass leaves -----------------------------------------------------------------


def test_a_leaf_reached_on_two_paths_gathers_both():
    x = Value(3.0)
    (x * 5.0 + x * 7.0).backward()
    assert x.grad == 12.0


def test_x_times_x_has_two_inputs_and_its_slope_is_two_x():
    x = Value(3.0)
    y = x * x
    assert y.inputs == (x, x)
    assert y.inputs[0] is x
    assert y.inputs[1] is x
    y.backward()
    assert x.grad == 6.0


def test_the_counterexamples_that_broke_walks_without_an_order():
    a = Value(1.0)
    b = a + a
    c = b + b  # depth first without a sort hands b's half-finished gradient on
    c.backward()
    assert (a.grad, b.grad) == (4.0, 2.0)

    x = Value(2.0)
    late = x * 3.0
    root = late * (late + x)  # x is reached first by the shorter path
    root.backward()
    assert x.grad == 2 * 2.0 * 3.0 * 4.0  # root is 12 x^2


def test_backward_twice_is_exactly_double_on_the_leaves():
    x, y = Value(0.3), Value(-1.7)
    inner = (x * y).tanh()
    root = inner * x + y / inner
    root.backward()
    once = x.grad, y.grad
    root.backward()
    assert (x.grad, y.grad) == (2 * once[0], 2 * once[1])


def test_interior_nodes_show_the_gradient_of_the_last_pass():
    x = Value(3.0)
    inner = x * x
    root = inner * inner
    for _ in range(3):
        root.backward()
        assert inner.grad == 2 * 9.0
        assert root.grad == 1.0
    assert x.grad == 3 * 4 * 27.0


def test_two_roots_add_up_on_a_shared_leaf():
    x = Value(2.0)
    first, second = x * x, x * 10.0
    first.backward()
    second.backward()
    assert x.grad == 4.0 + 10.0


def test_backward_on_a_leaf_gives_it_the_seed():
    x = Value(2.0)
    x.backward()
    x.backward(seed=0.5)
    assert x.grad == 1.5


def test_the_seed_is_where_the_gradient_starts():
    x = Value(3.0)
    (x * x).backward(seed=-0.25)
    assert x.grad == -1.5


@pytest.mark.parametrize("seed", ["1", None, 1j, [1.0], Value(1.0)])
def test_a_seed_that_is_no_number_is_refused_before_anything_is_written(seed):
    x = Value(3.0)
    with pytest.raises(TypeError, match=r"holds one real number"):
        (x * x).backward(seed=seed)
    with pytest.raises(TypeError, match=r"holds one real number"):
        gradients(x * x, [x], seed=seed) if not isinstance(seed, Value) else (x * x).backward(seed)
    assert gradient_or_none(x) is None


def test_a_graph_of_constants_only_reaches_nobody():
    with autograd.no_grad():
        y = Value(2.0) * 3.0
    y.backward()
    assert (y.inputs, y.grad) == ((), 1.0)


def test_the_gradient_of_a_node_no_pass_has_reached_is_zero_yet_told_apart():
    x = Value(2.0)
    assert x.grad == 0.0
    assert gradient_or_none(x) is None
    (x * 0.0).backward()
    assert x.grad == 0.0
    assert gradient_or_none(x) == 0.0


def test_zero_grad_forgets_and_may_meet_nodes_no_pass_has_reached():
    x, y = Value(2.0), Value(3.0)
    root = x * x
    root.backward()
    zero_grad([x, y, root])
    assert [gradient_or_none(node) for node in (x, y, root)] == [None] * 3
    root.backward()
    assert x.grad == 4.0


# ---- the order and the number of steps -----------------------------------------------------------


def test_every_node_is_visited_once_and_after_all_that_use_it():
    x = Value(0.5)
    a = x * x
    b = a.sin()
    c = a + b
    d = c * a
    steps = list(sweep(d))
    assert [node for node, _, _ in steps] == [d, c, b, a, x]
    assert [node.op for node, _, _ in steps] == ["mul", "add", "sin", "mul", ""]


def test_a_frame_holds_the_finished_gradient_and_the_share_of_each_input():
    x, y = Value(3.0), Value(5.0)
    frames = list(sweep(x * y + 2.0, 10.0))
    assert [(g, tuple(shares)) for _, g, shares in frames] == [
        (10.0, (10.0, None)),  # the plain 2.0 has no share
        (10.0, (50.0, 30.0)),
        (30.0, ()),
        (50.0, ()),
    ]


def test_a_diamond_doubled_60_times_takes_61_steps():
    x = end = Value(1.0)
    for _ in range(60):
        end = end + end
    assert sum(1 for _ in sweep(end)) == 61
    end.backward()
    assert x.grad == 2.0**60
    assert len(nodes(end)) == 61


def test_a_diamond_of_chains_is_swept_once_per_node_with_create_graph_too():
    x = end = Value(1.0)
    for _ in range(20):
        end = end * 1.0 + end * 1.0
    assert sum(1 for _ in sweep(end, Value(1.0), create_graph=True)) == 61
    (slope,) = gradients(end, [x], create_graph=True)
    assert slope.data == 2.0**20


def test_nodes_come_youngest_first_each_once():
    x, y = Value(1.0), Value(2.0)
    a = x * y
    root = a + a * x
    found = nodes(root)
    assert found[0] is root
    assert found[-1] is x
    assert [node.op for node in found] == ["add", "mul", "mul", "", ""]
    assert len(set(found)) == 5
    assert nodes(x) == [x]


def test_nodes_of_what_is_no_node_says_so():
    with pytest.raises(TypeError, match=r"a graph hangs on a node, not on 3\.0 \(float\)"):
        nodes(3.0)


def test_stopping_the_walk_half_way_changes_nothing():
    x = Value(2.0)
    walk = sweep((x * x) * x)
    next(walk)
    walk.close()
    assert gradient_or_none(x) is None


# ---- the seams of the walk -----------------------------------------------------------------------


def test_other_rules_can_be_walked_with():
    wrong = dict(RULES)
    wrong["mul"] = Rule("mul", RULES["mul"].compute, lambda *_: 100.0, lambda *_: 1.0)
    x = Value(3.0)
    found = {node: g for node, g, _ in sweep(x * 5.0, rules=wrong)}
    assert found[x] == 100.0


def test_shares_can_be_gathered_otherwise():
    x = Value(3.0)
    found = {node: g for node, g, _ in sweep(x * 5.0 + x * 7.0, gather=lambda held, share: share)}
    assert found[x] == 5.0  # the learner's `=` for `+=`: the older product came last


def test_another_order_visits_in_that_order():
    a, b = Value(2.0), Value(3.0)
    root = a * b
    kept = [node for node, _, _ in sweep(root, order=lambda node: node is b)]
    assert kept == [root, a, b]


# ---- gradients -----------------------------------------------------------------------------------


def test_gradients_writes_nothing_and_takes_any_node_in_any_order():
    x = Value(2.0)
    inner = x * x
    root = inner * 3.0
    assert gradients(root, [x, inner, root, x]) == [12.0, 3.0, 1.0, 12.0]
    assert [gradient_or_none(node) for node in (x, inner, root)] == [None] * 3


def test_the_gradient_for_an_input_that_does_not_matter_is_zero():
    x, y = Value(2.0), Value(3.0)
    assert gradients(x * x, [y, x]) == [0.0, 4.0]
    zero, four = gradients(x * x, [y, x], create_graph=True)
    assert (zero.data, four.data) == (0.0, 4.0)
    assert isinstance(zero, Value)


def test_gradients_with_create_graph_are_nodes_to_the_fifth_order():
    x = Value(1.5)
    derivative = x**6.0
    for order in range(1, 6):
        (derivative,) = gradients(derivative, [x], create_graph=True)
        expected = math.perm(6, order) * 1.5 ** (6 - order)
        assert derivative.data == pytest.approx(expected, rel=1e-14)


def test_the_slope_of_a_straight_line_is_a_node_too():
    x = Value(2.0)
    (slope,) = gradients(x * 3.0, [x], create_graph=True)
    assert isinstance(slope, Value)
    assert gradients(slope, [x]) == [0.0]


def test_the_second_derivative_goes_through_both_factors():
    x, y = Value(0.7), Value(-1.3)
    dx, dy = gradients(x * x * y.exp(), [x, y], create_graph=True)
    assert gradients(dx, [x, y]) == pytest.approx([2 * math.exp(-1.3), 1.4 * math.exp(-1.3)])
    assert gradients(dy, [x, y]) == pytest.approx([1.4 * math.exp(-1.3), 0.49 * math.exp(-1.3)])


def test_a_backward_pass_can_start_from_a_gradient():
    x = Value(3.0)
    (slope,) = gradients(x**3.0, [x], create_graph=True)
    (slope * slope).backward()  # (3 x^2)^2 = 9 x^4
    assert x.grad == pytest.approx(36.0 * 27.0, rel=1e-15)


@pytest.mark.parametrize(
    ("output", "inputs", "said"),
    [
        (3.0, [Value(1.0)], r"takes a node and a list of nodes, not 3\.0 \(float\)"),
        (Value(1.0), [3.0], r"takes a node and a list of nodes, not 3\.0 \(float\)"),
        (Value(1.0), Value(1.0), r"takes a list of inputs: gradients\(y, \[x\]\)"),
        (None, [Value(1.0)], r"not None \(NoneType\)"),
    ],
)
def test_gradients_of_what_is_no_node_says_so(output, inputs, said):
    with pytest.raises(TypeError, match=said):
        gradients(output, inputs)


# ---- the branch not taken ------------------------------------------------------------------------


@pytest.mark.parametrize("create_graph", [False, True])
def test_the_gradient_of_where_follows_the_branch_taken_only(create_graph):
    x = Value(0.0)
    root = autograd.where(x > 0, x.sqrt(), 0.0 * x)  # the slope of sqrt at 0 is inf
    (slope,) = gradients(root, [x], create_graph=create_graph)
    assert float(getattr(slope, "data", slope)) == 0.0

    x = Value(-1.0)
    root = autograd.where(x > 0, x.sqrt(), x * 2.0)  # sqrt(-1) is nan
    (slope,) = gradients(root, [x], create_graph=create_graph)
    assert float(getattr(slope, "data", slope)) == 2.0


def test_a_node_whose_shares_were_all_withheld_is_not_visited():
    x = Value(-1.0)
    root_of_x = x.sqrt()
    root = autograd.where(False, root_of_x, x * 2.0)
    visited = [node for node, _, _ in sweep(root)]
    assert not any(node is root_of_x for node in visited)
    assert len(visited) == 3


def test_where_may_have_a_node_for_its_condition():
    x = Value(3.0)
    for condition, taken in ((Value(1.0), 5.0), (Value(0.0), 7.0)):
        root = autograd.where(condition, x * 5.0, x * 7.0)
        assert gradients(root, [x, condition]) == [taken, 0.0]


def test_where_keeps_the_other_branch_out_of_the_second_derivative_too():
    x = Value(0.0)
    root = autograd.where(x > 0, x.sqrt(), x * x * x)
    (first,) = gradients(root, [x], create_graph=True)
    (second,) = gradients(first, [x], create_graph=True)
    assert gradients(second, [x]) == [6.0]


# ---- a stale graph -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda y, p: y.backward(),
        lambda y, p: gradients(y, [p]),
        lambda y, p: gradients(y, [p], create_graph=True),
        lambda y, p: list(sweep(y)),
        lambda y, p: (y * 2.0).backward(),
        lambda y, p: copy.copy(y),
        lambda y, p: copy.deepcopy(y),
        lambda y, p: copy.deepcopy(y * 2.0),
        lambda y, p: pickle.dumps(y * 2.0),
        lambda y, p: y.partials,
    ],
)
def test_a_graph_whose_leaf_was_rebound_is_refused_by_name(use):
    p = Value(2.0, label="weight")
    y = p * p
    p.data = 5.0
    with pytest.raises(RuntimeError, match=r"stale: .data of its leaf 'weight' .*is 5\.0 now"):
        use(y, p)
    assert gradient_or_none(p) is None


def test_a_stale_graph_can_still_be_read_and_a_new_one_is_fine():
    p = Value(2.0, label="weight")
    y = p * 3.0
    p.data -= 1.0
    assert (y.data, y.op, y.inputs[0] is p, y.grad) == (6.0, "mul", True, 0.0)
    (p * 3.0).backward()
    assert p.grad == 3.0


def test_training_in_place_is_what_rebinding_is_for():
    p = Value(5.0)
    for _ in range(50):
        zero_grad([p])
        ((p - 3.0) ** 2.0).backward()
        p.data -= 0.25 * p.grad
    assert p.data == pytest.approx(3.0, abs=1e-12)


def test_a_leaf_without_a_label_is_stale_too():
    p = Value(2.0)
    y = 3.0 * p
    p.data = 1.0
    with pytest.raises(RuntimeError, match=r"its leaf was rebound \(it is 1\.0 now\)"):
        y.backward()


# ---- errors and interrupts on the way ------------------------------------------------------------


class _Fuse:
    """Raises at the k-th column call."""

    def __init__(self, error: type[BaseException]) -> None:
        self.error, self.left = error, 0

    def column(self, g: Any, out: Any, x: Any) -> Any:
        self.left -= 1
        if self.left == 0:
            raise self.error
        return g * 2.0


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, MemoryError])
def test_an_error_at_any_step_of_the_walk_leaves_every_gradient_as_it_was(error):
    fuse = _Fuse(error)
    twice = register("twice_or_bang", lambda x: 2.0 * x, fuse.column)
    a, b = Value(1.0), Value(2.0)
    steps = 6
    end = a
    for _ in range(steps):
        end = twice(end) + b
    end.backward()
    before = [node._grad for node in nodes(end)]
    for k in range(1, steps + 1):
        fuse.left = k
        with pytest.raises(error):
            end.backward(seed=17.0)
        assert [node._grad for node in nodes(end)] == before
        assert not autograd.core.modes.active
    fuse.left = 0
    end.backward()
    assert a.grad == 2 * 2.0**steps


def test_a_column_that_divides_by_zero_or_overflows_in_python_gets_ieee_arithmetic():
    reciprocal = register("py_reciprocal", lambda x: x, lambda g, out, x: g / x)
    power = register("py_power", lambda x: x, lambda g, out, x: g * x**2)
    for operation, number, slope in ((reciprocal, 0.0, math.inf), (power, 1e200, math.inf)):
        x = Value(number)
        assert gradients(operation(x), [x]) == [slope]
        assert not autograd.core.modes.active


# ---- depth, without recursion, freed by reference counting ---------------------------------------


@pytest.mark.slow
def test_a_chain_of_a_million_nodes_is_built_swept_and_freed(without_gc):
    before = sys.getallocatedblocks()
    leaf, end = chain(1_000_000)
    assert sys.getallocatedblocks() - before > 999_000
    end.backward()
    assert (leaf.grad, end.data) == (1.0, 1_000_001.0)
    del leaf, end
    assert sys.getallocatedblocks() - before < FREE_LISTS


@pytest.mark.slow
@pytest.mark.parametrize("run", [lambda f: f(), on_a_small_stack], ids=["main", "256 KiB"])
def test_a_deep_chain_is_swept_copied_pickled_and_freed_on_any_stack(run, without_gc):
    def life() -> tuple[float, ...]:
        leaf, end = chain(100_000)
        end.backward()
        twin = copy.deepcopy(end)
        twin.backward()
        again = pickle.loads(pickle.dumps(end))
        again.backward()
        (slope,) = gradients(end, [leaf], create_graph=True)
        twin_leaf, again_leaf = nodes(twin)[-1], nodes(again)[-1]
        return leaf.grad, twin_leaf.grad, again_leaf.grad, slope.data, float(len(nodes(again)))

    run(lambda: None)
    before = sys.getallocatedblocks()
    assert run(life) == (1.0, 2.0, 2.0, 1.0, 100_001.0)
    assert sys.getallocatedblocks() - before < FREE_LISTS


@pytest.mark.slow
def test_a_deep_graph_with_sharing_is_freed_by_reference_counting_alone(without_gc):
    before = sys.getallocatedblocks()
    x = Value(1.0)
    a = b = x
    for _ in range(20_000):
        a, b = a + b * 0.5, b + x
    root = a * b
    root.backward()
    derivative = gradients(root, [x], create_graph=True)
    assert sys.getallocatedblocks() - before > 100_000
    del a, b, root, derivative
    assert sys.getallocatedblocks() - before < FREE_LISTS
    del x


@pytest.mark.slow
def test_no_node_can_be_part_of_a_cycle_so_none_waits_for_the_garbage_collector(without_gc):
    x = Value(0.5)
    gc.collect()
    for _ in range(100):
        ((x * x).tanh() + autograd.softmax([x, 1.0])[0]).backward()
        autograd.grad(autograd.grad(lambda y: y**3.0))(2.0)
    found = [node for node in gc.get_objects() if isinstance(node, Value) and node is not x]
    ours = {id(node) for node in found}
    gc.collect()
    after = {id(node) for node in gc.get_objects() if isinstance(node, Value) and node is not x}
    assert ours == after


# ---- scopes --------------------------------------------------------------------------------------


def test_a_scope_covers_what_is_recorded_in_it_and_scopes_nest():
    x = Value(2.0)

    def inner(x: Value) -> Value:
        return x * x

    def outer(x: Value) -> Value:
        return scope("inner", inner, x + 1.0) * 2.0

    before = x * 1.0
    root = scope("outer", outer, before) + before
    found = {name: (first, last) for name, first, last in scopes(root)}
    assert set(found) == {"inner", "outer"}
    assert found["outer"][0] < found["inner"][0] < found["inner"][1] < found["outer"][1]
    covered = [n.op for n in nodes(root) if found["outer"][0] <= n._born <= found["outer"][1]]
    assert covered == ["mul", "mul", "add"]


def test_a_scope_may_return_a_list_and_is_told_once():
    x = Value(2.0)
    first, second = scope("pair", lambda x: [x * 2.0, x * 3.0], x)
    assert [name for name, _, _ in scopes(first + second)] == ["pair"]


def test_the_lock_of_the_commit_is_free_again_after_an_error():
    class Unwilling(Value):
        __slots__ = ()

        @property
        def _grad(self) -> float:
            raise ArithmeticError

    x = Unwilling(1.0)
    with pytest.raises(ArithmeticError):
        (x * 2.0).backward()
    lock = autograd.core.modes.lock

    def free() -> bool:
        with contextlib.ExitStack() as after:
            acquired = lock.acquire(blocking=False)
            if acquired:
                after.callback(lock.release)
            return acquired

    assert on_a_small_stack(free)
