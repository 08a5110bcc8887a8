"""Pickles and copies: one node in, one node out, whatever the order and however deep."""

from __future__ import annotations

import copy
import io
import itertools
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest
from counting import calls

import autograd
from autograd import Value, gradients, nodes
from autograd.core import modes
from autograd.core.graph import Node, _unpickle, gradient_or_none

pytestmark = pytest.mark.slow


class Named(Value):
    """A user's subclass."""

    __slots__ = ()


def by_python(things: Any) -> Any:
    """Through the pickler that Python's own pickle module has."""
    file = io.BytesIO()
    pickle._Pickler(file).dump(things)
    return pickle.loads(file.getvalue())


def by_cloudpickle(things: Any) -> Any:
    return pickle.loads(pytest.importorskip("cloudpickle").dumps(things))


def by_joblib(things: Any) -> Any:
    joblib, file = pytest.importorskip("joblib"), io.BytesIO()
    joblib.dump(things, file)
    file.seek(0)
    return joblib.load(file)


def of_protocol(protocol: int) -> Callable[[Any], Any]:
    return lambda things: pickle.loads(pickle.dumps(things, protocol))


WAYS: dict[str, Callable[[Any], Any]] = {
    **{f"protocol {n}": of_protocol(n) for n in range(pickle.HIGHEST_PROTOCOL + 1)},
    "Python's pickler": by_python, "cloudpickle": by_cloudpickle, "joblib": by_joblib,
    "deepcopy": copy.deepcopy,
}  # fmt: skip


def scalars() -> list[Any]:
    x, y = Named(2.0, "x"), Value(3.0)
    h = x * y
    k = h.tanh()
    loss = (k + x) * h
    loss.label = "loss"
    loss.backward()
    return [x, y, h, k, loss]


def arrays() -> list[Any]:
    x = autograd.Tensor([[0.5, 1.5], [2.5, 3.5]], label="x")
    h = x * x
    k = h.sum(axis=0)
    loss = (k * x).sum()
    loss.backward()
    return [x, h, k, loss]


def shown(node: Any) -> tuple[Any, ...]:
    numbers = str(node._data), str(gradient_or_none(node))
    return type(node), node.op, node.label, numbers, [getattr(x, "op", x) for x in node.inputs]


@pytest.mark.parametrize("make", [scalars, arrays])
@pytest.mark.parametrize("way", WAYS)
def test_what_is_shared_stays_shared_in_every_order(way: str, make: Callable[[], Any]) -> None:
    there = make()
    for order in itertools.permutations(range(len(there))):
        here = [there[i] for i in order]
        made = WAYS[way]([here, {"again": here[-1], "inputs": here[0].inputs}])
        copies, others = made
        assert others["again"] is copies[-1]
        assert all(a is b for a, b in zip(others["inputs"], copies[0].inputs, strict=True))
        everything = {node for one in copies for node in nodes(one)}
        assert len(everything) == len({node for one in here for node in nodes(one)})
        assert set(copies) <= everything
        assert not everything & set(there)
        assert [shown(a) for a in copies] == [shown(b) for b in here]
        loss, twin = there[-1], copies[order.index(len(there) - 1)]
        slopes = gradients(twin, copies), gradients(loss, here)
        assert repr(slopes[0]) == repr(slopes[1])


def chain(length: int) -> list[Value]:
    made = [Value(2.0)]
    for _ in range(length):
        made.append(made[-1] * 1.5 if len(made) % 2 else made[-1] + made[0])
    return made


def test_a_list_of_all_nodes_of_a_chain_takes_no_more_than_its_last_node() -> None:
    made = chain(1500)
    alone = len(pickle.dumps(made[-1]))
    assert alone < 100_000
    for order in (made, made[::-1], made[::7] + made):
        assert len(pickle.dumps(order)) < alone + 20_000
        twins = pickle.loads(pickle.dumps(order))
        assert all(a._inputs[0] is b for b, a in itertools.pairwise(twins[-len(made) :])) or order
        assert len({node for one in twins[:1] + twins[-1:] for node in nodes(one)}) == len(made)


def test_calls_and_stack_do_not_grow_with_depth() -> None:
    made, answers = chain(10_000), []

    def work() -> None:
        for things in (made[-1], made, made[::-1]):
            for way in (of_protocol(2), of_protocol(5), copy.deepcopy):
                made_now = []
                answers.append(
                    calls(lambda way=way, things=things, to=made_now: to.append(way(things)))
                )
                [twins] = made_now
                last = twins if things is made[-1] else max(twins, key=lambda node: node._born)
                assert len(nodes(last)) == len(made)

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert len(answers) == 9
    assert max(answers) < 1_000_000


class Nested:
    """An object that pickles something else, while it is pickled."""

    def __init__(self, inner: Any, kept: list[Any]) -> None:
        self.inner, self.kept = inner, kept

    def __reduce__(self) -> Any:
        data = pickle.dumps(self.inner)
        self.kept.append(pickle.loads(data))
        return pickle.loads, (data,)


def test_a_pickle_inside_a_pickle_and_one_beside_it_do_not_disturb_it() -> None:
    kept: list[Any] = []
    made = chain(200)
    things = [made[0], Nested(made[50], kept), made[50], Nested([made[150], made[60]], kept)]
    things += [made[150], made[60], Nested(made[-1], kept), made[-1]]
    twins = pickle.loads(pickle.dumps(things))
    last = nodes(twins[-1])
    assert len(last) == 201
    assert all(any(node is twins[i] for node in last) for i in (0, 2, 4, 5))
    assert [len(nodes(x)) for x in (kept[0], kept[1][0], kept[2])] == [51, 151, 201]
    assert any(node is kept[1][1] for node in nodes(kept[1][0]))


def test_a_pickler_that_is_kept_does_not_disturb_the_next() -> None:
    made, file = chain(3000), io.BytesIO()
    kept = pickle.Pickler(file)
    kept.dump(made[2000])
    kept.dump(made[:1000])
    failed = pickle.Pickler(io.BytesIO())
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        failed.dump([made[2500], lambda: None])
    for i in (2000, 1999, 2500, 3000, 1):
        assert len(nodes(pickle.loads(pickle.dumps(made[i])))) == i + 1
        assert len(pickle.dumps(made[i])) < 100 * (i + 10)
    file.seek(0)
    reader = pickle.Unpickler(file)
    first, second = reader.load(), reader.load()
    assert any(node is second[999] for node in nodes(first))


def test_a_pickle_has_what_nodes_hold_now_and_not_what_an_earlier_one_found() -> None:
    x = Value(2.0)
    y = x * x
    z = y * y
    kept = pickle.Pickler(io.BytesIO())
    kept.dump([y, z])
    y.label, z.grad = "y", 5.0
    twin_y, twin_z = pickle.loads(pickle.dumps([y, z]))
    assert (twin_y.label, twin_z.grad) == ("y", 5.0)
    x.data = 3.0
    assert pickle.loads(pickle.dumps(x)).data == 3.0
    with pytest.raises(RuntimeError, match="stale"):
        pickle.dumps(z)


def test_threads_that_pickle_one_graph_at_once_each_have_all_of_it() -> None:
    made, answers = chain(500), []

    def work() -> None:
        for _ in range(5):
            answers.append([len(nodes(x)) for x in pickle.loads(pickle.dumps(made[::100]))])

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[1, 101, 201, 301, 401, 501]] * 20


class Before:
    """A graph as it was pickled in version 0.1."""

    def __init__(self, root: Any) -> None:
        order = nodes(root)[::-1]
        leaves = [node for node in order if not node._inputs]
        rest = [node for node in order if node._inputs]
        place = {node: i for i, node in enumerate(leaves + rest)}
        rows = [
            (
                type(node), node._rule, node._data,
                tuple(place[x] if isinstance(x, Node) else x for x in node._inputs),
                (gradient_or_none(node), getattr(node, "_extra", None)),
            )
            for node in rest
        ]  # fmt: skip
        self.parts = leaves, rows

    def __reduce__(self) -> Any:
        return _unpickle, self.parts


@pytest.mark.parametrize("make", [scalars, arrays])
def test_a_pickle_of_before_is_read_still(make: Callable[[], Any]) -> None:
    x, *_, loss = make()
    twin_x, twin = pickle.loads(pickle.dumps([x, Before(loss)]))
    assert [shown(a) for a in nodes(twin)] == [shown(b) for b in nodes(loss)]
    assert repr(gradients(twin, [twin_x])) == repr(gradients(loss, [x]))


def test_a_recorder_hears_of_every_number_that_a_copy_holds() -> None:
    class Recorder:
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def read(self, node: Any) -> None:
            self.heard.append(node)

    made = chain(20)
    for way in (copy.deepcopy, copy.copy, pickle.dumps):
        recorder = Recorder()
        with modes.Mode(recorder=recorder):
            way(made[-1])
        assert len(recorder.heard) == len(made)
        assert set(recorder.heard) == set(made)
