"""Python code that runs in the middle of the engine's work: in a garbage collection, in a
destructor, in the comparison of a key. It may use the engine, and change what the engine looks at.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextvars import copy_context
from pathlib import Path
from typing import Any

import pytest

import autograd
import nn
from autograd import Tensor, Value, grad, gradients, register
from autograd.core.graph import Node, nodes
from autograd.core.kinds import FUNCTIONS
from autograd.core.modes import Mode
from autograd.core.rules import RULES
from autograd.support.scopes import scope, scopes

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
COMPILED = autograd.engine() == "compiled"


# ---- garbage collection --------------------------------------------------------------------------


@pytest.fixture
def meanwhile() -> Iterator[Callable[[Callable[[], Any]], None]]:
    """Have garbage collected at every turn, and a function called each time."""
    before = gc.get_threshold()
    uses: list[Callable[[], Any]] = []
    spare: list[Any] = []

    def collecting(phase: str, _: Any) -> None:
        if phase == "start" or not uses:
            return
        gc.disable()
        try:
            copy_context().run(alone, uses[0])
        finally:
            spare.extend([] for _ in range(100))  # the next list is new memory, and so counted
            gc.enable()

    @Mode(recorder=None)  # what runs here is no part of a replay
    def alone(use: Callable[[], Any]) -> None:
        """In a context of its own: CPython 3.11 collects amid its changes of context variables."""
        use()

    def start(use: Callable[[], Any]) -> None:
        uses[:] = [use]
        gc.freeze()  # there is much that need not be looked through
        gc.set_threshold(1)

    gc.callbacks.append(collecting)
    yield start
    gc.set_threshold(*before)
    gc.unfreeze()
    gc.callbacks.remove(collecting)


def test_a_gradient_is_right_whatever_runs_while_garbage_is_collected(meanwhile):
    x, y = Value(2.0), Value(3.0)
    shared, other = x * x * y + y, (x + y) ** 2.0
    f = autograd.compile(lambda d, xs: d["a"] * xs[0] + xs[1] ** 2.0)
    f({"a": 2.0}, [3.0, 4.0])
    seen = []

    def use() -> None:
        seen.append(gradients(shared, [x, y]) == [12.0, 5.0])
        seen.append(gradients(other, [x, y]) == [10.0, 10.0])
        (x * 0.0 + autograd.sum([x, y, shared * 0.0])).backward()

    meanwhile(use)
    for _ in range(5):
        assert gradients(shared, [x, y]) == [12.0, 5.0]
        assert gradients(other, [x, y]) == [10.0, 10.0]
        assert gradients(autograd.sum([x, y, x * 2.0]), [x, y]) == [3.0, 1.0]
        assert shared.inputs[1] is y
        assert [round(z.data, 3) for z in autograd.softmax([x, y])] == [0.269, 0.731]
        last = Value(5.0) * x * 2.0
        last.backward()
        assert last.inputs[0].grad == 2.0
        assert autograd.grad(lambda v: v[0] * v[1])([2.0, 3.0]) == [3.0, 2.0]
        assert autograd.hessian(lambda v: v * v * v)(2.0) == 12.0
        assert f.value_and_grad({"a": 2.0}, [3.0, 4.0]) == (22.0, {"a": 3.0})
        assert autograd.compile(lambda v: v * x + y)(4.0) == 11.0
    assert len(seen) > 100
    assert all(seen)


def test_a_list_may_change_while_garbage_is_collected(meanwhile):
    xs = [Value(1.0), Value(2.0)]

    def use() -> None:
        xs[:] = [Value(1.0), Value(2.0)]

    meanwhile(use)
    for _ in range(50):
        shares = autograd.softmax(xs)
        assert [y.inputs[0].data for y in shares] == [1.0, 2.0]
        assert autograd.sum(xs).data == 3.0
        assert autograd.dot(xs, xs).data == 5.0


def test_a_destructor_may_use_the_engine(meanwhile):
    x = Value(2.0)
    root = x * x * 3.0
    seen = []

    class Last(Value):
        def __del__(self) -> None:
            seen.append(gradients(root, [x]) + gradients(self * x, [x]))

    for _ in range(50):
        y: Any = Last(4.0)
        y = y * x + autograd.sum([y, x, 1.0])
        assert gradients(y, [x]) == [5.0]
        y._inputs = ()  # which frees all of them
        assert y.inputs == ()
    assert seen == [[12.0, 4.0]] * 50


def test_a_class_attribute_is_not_called_in_the_middle_of_a_walk():
    x, y = Value(2.0), Value(3.0)
    root = x * y * y
    calls = []

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            if name == "_rule":
                calls.append(gradients(root, [x, y]))
            return super().__getattribute__(name)

    class Mine(Value, metaclass=Meta):
        pass

    z = Mine(1.0)
    assert gradients(root * z + z * 2.0, [x, y, z]) == [9.0, 12.0, 20.0]
    assert all(found == [9.0, 12.0] for found in calls)


def test_the_suite_passes_while_garbage_is_collected_at_every_turn():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "collecting",
         "tests/test_graph.py", "-k", "gradients"],
        capture_output=True, text=True, cwd=ROOT, timeout=200,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "tests")))},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]


# ---- arguments that change or never end ----------------------------------------------------------


class Key(str):
    """A key that does something whenever it is compared or hashed."""

    act: Callable[[], Any] = staticmethod(lambda: None)

    def __eq__(self, other: object) -> bool:
        type(self).act()
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        type(self).act()
        return str.__hash__(self)


CHANGES: dict[str, Callable[[dict[Any, Any], list[Any]], Any]] = {
    "clears the dict": lambda d, xs: d.clear(),
    "empties the dict": lambda d, xs: [d.popitem() for _ in range(len(d))],
    "lets the dict grow": lambda d, xs: d.update({f"n{i}": [1.0] * 50 for i in range(99)}),
    "puts others in": lambda d, xs: [d.update({k: [1.0, [2.0]]}) for k in list(map(str, d))],
    "clears the list": lambda d, xs: xs.clear(),
    "lets the list grow": lambda d, xs: xs.extend([[1.0]] * 999),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_key_may_change_what_it_is_in_while_it_is_compared(change):
    def arguments() -> tuple[dict[Any, Any], list[Any]]:
        d: dict[Any, Any] = {Key(name): [float(i), [2.0]] for i, name in enumerate("abcdef")}
        return d, [d, [3.0, [4.0]], 5.0]

    f = autograd.compile(lambda xs: xs[0]["f"][0] * xs[1][0] + xs[2])
    _, xs = arguments()
    assert f(xs) == 20.0
    for call in (f, f.value_and_grad, lambda xs: f.batch([xs, xs])):
        for nth in range(1, 15):
            d, xs = arguments()
            count = [0]

            def act(d: Any = d, xs: Any = xs, count: Any = count, nth: int = nth) -> None:
                count[0] += 1
                if count[0] == nth:
                    CHANGES[change](d, xs)

            Key.act = staticmethod(act)
            try:
                call(xs)
            except (RuntimeError, KeyError, IndexError, TypeError, ValueError, RecursionError):
                pass
            finally:
                Key.act = staticmethod(lambda: None)
    _, xs = arguments()
    assert f(xs) == 20.0


def nested(depth: int, wrap: Callable[[Any], Any]) -> Any:
    x: Any = 1.0
    for _ in range(depth):
        x = wrap(x)
    return x


WRAPS: dict[str, Callable[[Any], Any]] = {
    "list": lambda x: [x], "tuple": lambda x: (x,), "dict": lambda x: {"k": x},
    "list of two": lambda x: [2.0, x],
}  # fmt: skip


def looped(kind: str) -> Any:
    x: Any = {"k": 1.0} if kind == "dict" else [1.0]
    if kind == "dict":
        x["k"] = x
    elif kind == "tuple":
        x[0] = (x,)
    else:
        x.append(x)
    return x


@pytest.fixture
def hardly_any_limit() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(10**6)
    yield
    sys.setrecursionlimit(before)


@pytest.mark.parametrize("kind", WRAPS)
def test_arguments_of_a_replay_are_nested_as_deep_as_it_says_and_no_deeper(kind, hardly_any_limit):
    def innermost(x: Any) -> Any:
        while isinstance(x, (list, tuple, dict)):
            x = x["k"] if isinstance(x, dict) else x[-1]
        return x * 3.0

    f = autograd.compile(innermost)
    for deep in (nested(150_000, WRAPS[kind]), nested(101, WRAPS[kind]), looped(kind)):
        for call in (f, f.value_and_grad, f.bind, lambda x: f.batch([x])):
            with pytest.raises(RecursionError, match="nested deeper than 100 levels"):
                call(deep)
        g = autograd.compile(lambda x, deep=deep: [x, deep])
        with pytest.raises(RecursionError, match="nested deeper than 100 levels"):
            g(1.0)
    sound = nested(99, WRAPS[kind])
    assert f(sound) == 3.0
    assert f(sound) == 3.0
    assert innermost(f.value_and_grad(sound)[1]) == 9.0


ENTRIES: dict[str, Any] = {
    "grad": lambda deep: grad(lambda x: 1.0)(deep),
    "value_and_grad": lambda deep: autograd.value_and_grad(lambda x: 1.0)(deep),
    "jacobian": lambda deep: autograd.jacobian(lambda x: 1.0)(deep),
    "hessian": lambda deep: autograd.hessian(lambda x: 1.0)(deep),
    "jvp of an argument": lambda deep: autograd.jvp(lambda x: 1.0)(deep, deep),
    "jvp along": lambda deep: autograd.jvp(lambda x: x * x)(1.0, deep),
    "vjp": lambda deep: autograd.vjp(lambda x: 1.0)(deep, 1.0),
    "vjp along": lambda deep: autograd.vjp(lambda x: x * x)(1.0, deep),
    "hvp": lambda deep: autograd.hvp(lambda x: 1.0)(deep, deep),
    "a result": lambda deep: autograd.jacobian(lambda x: deep)(1.0),
    "beside a result": lambda deep: grad(lambda x: (x * x, deep), has_aux=True)(1.0),
    "gradcheck": lambda deep: autograd.gradcheck(lambda x: 1.0, deep),
    "df of gradcheck": lambda deep: autograd.gradcheck(lambda x: x * x, 1.0, df=lambda x: deep),
    "a sum": lambda deep: autograd.sum(deep),
    "a maximum": lambda deep: autograd.max(deep),
    "softmax": lambda deep: autograd.softmax(deep),
    "a norm": lambda deep: autograd.norm(deep),
    "a product of matrices": lambda deep: autograd.dot(deep, deep),
    "a constant": lambda deep: Value(2.0) * deep,
    "Value": lambda deep: Value(deep),
    "Tensor": lambda deep: Tensor(deep),
    "a constant of a Tensor": lambda deep: Tensor([2.0]) * deep,
    "gradients": lambda deep: autograd.gradients(deep, [Value(1.0)]),
    "gradients of": lambda deep: autograd.gradients(Value(1.0), deep),
    "draw": lambda deep: autograd.draw(deep),
    "lint": lambda deep: autograd.lint(deep),
    "check_graph": lambda deep: autograd.check_graph(deep),
    "a network": lambda deep: nn.MLP(2, [1])(deep),
    "fit": lambda deep: nn.fit(nn.MLP(1, [1]), deep, [1.0]),
    "a loss": lambda deep: nn.mse(deep, deep),
    "an optimiser": lambda deep: nn.SGD(deep),
    "the parameters of a module": lambda deep: _holding(deep).parameters(),
    "the state of a module": lambda deep: _holding(deep).state_dict(),
}


def _holding(deep: Any) -> Any:
    module = nn.Module()
    module.deep = deep
    return module


@pytest.mark.parametrize("entry", ENTRIES)
@pytest.mark.parametrize("kind", ["list", "dict"])
def test_no_depth_of_nesting_ends_the_process(entry, kind, hardly_any_limit):
    with pytest.raises((RecursionError, TypeError, ValueError, AttributeError)):
        ENTRIES[entry](nested(50_000, WRAPS[kind]))
    try:
        ENTRIES[entry](looped(kind))
    except (RecursionError, TypeError, ValueError, AttributeError):
        pass
    else:  # a module passes over what it has seen
        assert "module" in entry


# ---- cycles --------------------------------------------------------------------------------------


class Noted(Value):
    graph: Any


class Slim(Value):
    __slots__ = ("__weakref__", "graph")
    graph: Any


class NotedTensor(Tensor):
    graph: Any


def leaf_of(v: Any) -> Value:
    found: Value = v.values()[0] if isinstance(v, Tensor) else v
    return found


CYCLES: dict[str, Callable[[Any], Any]] = {
    "one operation": lambda v: v * 2.0,
    "the other operand": lambda v: 2.0 - v,
    "two operations": lambda v: (v * 2.0).exp(),
    "a chain": lambda v: sum((v for _ in range(99)), start=v * 0.0),
    "a sum": lambda v: autograd.sum([1.0, v, Value(2.0)]) + 1.0,
    "a softmax": lambda v: autograd.softmax([1.0, v * 1.0, 2.0]),
    "a choice": lambda v: autograd.where(True, v, 0.0) * 1.0,
    "a dot product": lambda v: autograd.dot([v, 1.0], [2.0, v]),
    "a list": lambda v: [{"y": [v * 2.0]}],
    "a function": lambda v: (lambda y: lambda: y)(v.tanh() * Value(2.0)),
    "a walk": lambda v: (lambda y: (y.backward(), y))(v * v),
    "nodes as gradients": lambda v: gradients(v * v * v, [v], create_graph=True),
    "an integer": lambda v: v * 2 + 1,
    "itself": lambda v: v,
}


@pytest.mark.parametrize("kind", [Noted, Slim, NotedTensor])
@pytest.mark.parametrize("cycle", CYCLES)
def test_a_cycle_through_an_attribute_of_a_subclass_is_collected(cycle, kind):
    def life() -> Any:
        v = kind([0.5] if kind is NotedTensor else 0.5)
        v.graph = CYCLES[cycle](leaf_of(v))
        return weakref.ref(v)

    gone = life()
    gc.collect()
    assert gone() is None


def test_what_hangs_on_a_cycle_is_kept_as_long_as_it_is_needed():
    v = Noted(2.0)
    root = (v * 3.0 + Value(1.0)) * v
    v.graph = root
    gone = weakref.ref(v)
    del v
    gc.collect()
    assert gone() is not None
    root.backward()
    assert (gone().grad, root.data) == (13.0, 14.0)  # type: ignore[union-attr]
    del root
    gc.collect()
    assert gone() is None


def test_a_cycle_through_an_operation_that_was_registered_is_collected():
    def life() -> Any:
        v = Noted(2.0)
        triple = register("cyclic_triple", lambda x: 3.0 * x, lambda g, out, x: 3.0 * g)
        v.graph = triple(v) * 2.0 + triple(
            triple(v),
        )
        return weakref.ref(v)

    try:
        gone = life()
        gc.collect()
        assert gone() is None
    finally:
        del RULES["cyclic_triple"], FUNCTIONS["cyclic_triple"]


class Name(str):
    of: Any


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_a_label_is_a_plain_string_and_refers_to_nothing(kind):
    def life() -> tuple[Any, Node]:
        name = Name("w")
        x = kind(2.0, label=name)
        y = x * 2.0
        y.label = name
        name.of = y
        scoped = scope(name, lambda: x * 1.0)
        assert (type(x.label), x.label, type(y.label)) == (str, "w", str)
        assert (name.__class__, type(scopes(scoped)[0][0])) == (Name, str)
        return weakref.ref(name), x

    gone, x = life()
    gc.collect()
    assert gone() is None
    assert x.label == "w"


def test_a_plain_value_is_small_and_no_business_of_the_collector_whatever_else_there_is():
    v = Noted(1.0)
    tracked = v * 2.0
    plain = Value(1.0) * 2.0
    assert gc.is_tracked(v)
    assert gc.is_tracked(tracked)
    assert gc.is_tracked(tracked + 1.0)
    assert gc.is_tracked(autograd.sum([plain, tracked, 1.0]))
    if COMPILED:
        made = [plain, Value(1), plain + 2, autograd.sum([plain, 1.0, 2]), plain.detach(), -plain]
        assert [gc.is_tracked(x) for x in made] == [False] * len(made)
        assert sys.getsizeof(plain) == Value.__basicsize__ == 72


@pytest.mark.skipif(not COMPILED, reason="the pure engine has one layout for all")
def test_a_node_does_not_change_between_classes_with_and_without_a_collectors_header():
    class Mine(Value):
        __slots__ = ()

    for x, kind in ((Value(1.0), Mine), (Mine(1.0), Value), (Mine(1.0) * 2.0, Mine)):
        with pytest.raises(TypeError, match="__class__ assignment"):
            x.__class__ = kind
        assert x * 2.0 == 2.0 * x.data


def test_threads_may_collect_and_compute_at_once():
    def work() -> None:
        for _ in range(300):
            v = Noted(2.0)
            v.graph = v * v + autograd.sum([v, 1.0, v * 2.0])
            assert gradients(v.graph, [v]) == [7.0]
            assert len(nodes(v.graph)) == 5
            del v

    before, switching = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*before)
        sys.setswitchinterval(switching)
    gc.collect()
    assert not [x for x in gc.get_objects() if type(x) is Noted]
