"""Gradients by many processes: the numbers of one, and what happens where a worker fails."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
import traceback
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, map_gradients, value_and_grad
from autograd.executors import Workers

# Python 3.12 warns of the way in which it makes processes, and has another from 3.14 on.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


class Inline(Executor):
    """Does each task at once, and counts them."""

    tasks = 0

    def submit(self, fn: Any, *args: Any, **named: Any) -> Any:  # type: ignore[override]
        self.tasks += 1
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **named))
        except BaseException as error:
            future.set_exception(error)
        return future


@pytest.fixture(scope="module")
def pool() -> Any:
    with ProcessPoolExecutor(2) as executor:
        yield executor


# ---- what workers call: found by name ------------------------------------------------------------


class Line(NamedTuple):
    slope: Any
    offset: Any


def squares(w: Any, x: Any, y: Any) -> Any:
    """Of a line's residuals; w holds two numbers in some structure."""
    slope, offset = autograd.trees.leaves(w) if not hasattr(w, "shape") else (w[0], w[1])
    return ((slope * x + offset - y) ** 2).sum()


def die_unless(path: str, w: Any, x: Any, y: Any) -> Any:
    """`squares`, but the first worker that comes here dies."""
    if not Path(path).exists():
        Path(path).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return squares(w, x, y)


def die_in_the_third(folder: str, w: Any, i: int, x: Any, y: Any) -> Any:
    """`squares`, which notes its calls; the first one of batch 2 kills its worker."""
    calls = Path(folder, str(i))
    calls.write_text(calls.read_text() + "called " if calls.exists() else "called ")
    if i == 2 and calls.read_text() == "called ":
        time.sleep(0.2)  # the results of others are on their way
        os.kill(os.getpid(), signal.SIGKILL)
    return squares(w, x, y)


def die(w: Any, x: Any, y: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def fail(w: Any, x: Any, y: Any) -> Any:
    raise KeyError("mine")


class StubbornError(Exception):
    """It is pickled, but not unpickled."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(f"{one} and {two}")


def fail_stubbornly(w: Any, x: Any, y: Any) -> Any:
    raise StubbornError("this", "that")


def hide() -> None:
    """Make this Python one without the package."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "autograd"]:
        sys.modules[name] = None  # type: ignore[assignment]


X = np.linspace(-1.0, 1.0, 23)
Y = np.sin(3.0 * X)
BATCHES = [(X[i : i + 5], Y[i : i + 5]) for i in range(0, 23, 5)]
WEIGHTS = {
    "a list": [0.5, -0.25],
    "a NamedTuple": Line(0.5, -0.25),
    "a dict with None": {"b": 0.5, "c": None, "a": -0.25},
    "an array": np.array([0.5, -0.25]),
    "an array of float32": np.array([0.5, -0.25], np.float32),
    "a Tensor": Tensor(np.array([0.5, -0.25])),
    "Values": [Value(0.5), Value(-0.25)],
}


# ---- the numbers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_result_is_that_of_the_sum_whoever_computes_it(kind: str, pool: Any) -> None:
    weights = WEIGHTS[kind]
    plain = [w.data for w in weights] if kind == "Values" else getattr(weights, "data", weights)
    plain = weights if isinstance(weights, np.ndarray) else plain
    f = partial(squares) if kind != "a dict with None" else of_dict

    def added(w: Any) -> Any:
        return sum(f(w, *batch) for batch in BATCHES)

    expected = value_and_grad(added)(plain)
    with ThreadPoolExecutor(3) as threads, ProcessPoolExecutor(1) as one:
        found = [
            map_gradients(f, BATCHES, executor=executor)(weights)
            for executor in (None, one, pool, threads, Inline())
        ]
    for value, slope in found:
        assert value == pytest.approx(expected[0], rel=1e-6 if "32" in kind else 1e-14)
        assert type(slope) is type(expected[1])
        for a, b in zip(*map(autograd.trees.leaves, (slope, expected[1])), strict=True):
            assert getattr(a, "dtype", type(a)) == getattr(b, "dtype", type(b))
            assert a is b is None or a == pytest.approx(b, rel=1e-6 if "32" in kind else 1e-13)
        assert value == found[0][0]  # to the bit: the sums have one order
        assert np.array_equal(
            *[
                np.ravel([x for x in autograd.trees.leaves(s) if x is not None])
                for s in (slope, found[0][1])
            ]
        )


def of_dict(w: Any, x: Any, y: Any) -> Any:
    assert w["c"] is None
    return squares([w["b"], w["a"]], x, y)


def test_it_is_a_function_that_scipy_minimises(pool: Any) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    found = optimize.minimize(map_gradients(squares, BATCHES, executor=pool), np.zeros(2), jac=True)
    assert found.x == pytest.approx(np.polyfit(X, Y, 1), abs=1e-6)


def test_a_replay_is_recorded_once_by_a_worker() -> None:
    replay = autograd.compile(squares)
    executor = Inline()
    step = map_gradients(replay, BATCHES, executor=executor)
    expected = map_gradients(squares, BATCHES)
    for w in ([0.5, 1.0], [0.1, 0.2], [3.0, -1.0]):
        value, slope = step(w)
        assert value == pytest.approx(expected(w)[0], rel=1e-12)
        assert slope == pytest.approx(expected(w)[1], rel=1e-12)
    assert executor.tasks == 3 * len(BATCHES)


class Counted:
    made = 0

    def __setstate__(self, state: Any) -> None:
        Counted.made += 1

    def __getstate__(self) -> Any:
        return (1,)

    def __call__(self, w: Any, x: Any, y: Any) -> Any:
        return squares(w, x, y)


def test_a_function_is_unpickled_once_in_a_worker_and_weights_come_without_their_graph() -> None:
    Counted.made = 0
    step = map_gradients(Counted(), BATCHES, executor=Inline())
    w = Value(0.25) * 2
    for _ in range(3):
        value, _ = step([w, Tensor(np.array(-0.25)).values()])
    assert Counted.made == 1
    assert value == pytest.approx(map_gradients(squares, BATCHES)([0.5, -0.25])[0])


def test_the_threads_of_a_pool_have_a_function_each() -> None:
    Counted.made = 0
    with ThreadPoolExecutor(4) as threads:
        map_gradients(Counted(), BATCHES * 5, executor=threads)([0.5, -0.25])
    assert 1 <= Counted.made <= 4


def test_functions_without_a_name_travel_by_cloudpickle(pool: Any) -> None:
    pytest.importorskip("cloudpickle")
    power = 2
    step = map_gradients(lambda w, x: w**power * x, [(1.0,), (2.0,)], executor=pool)
    assert step(3.0) == (27.0, 18.0)


# ---- where a worker fails ------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["an executor", "a function that makes one"])
def test_a_worker_that_is_killed_costs_a_retry(
    given: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    f = partial(die_unless, str(tmp_path / "died"))
    make = partial(ProcessPoolExecutor, 2)
    step = map_gradients(f, BATCHES, executor=make() if given == "an executor" else make)
    expected = map_gradients(squares, BATCHES)([0.5, -0.25])
    with caplog.at_level(logging.WARNING):
        assert step([0.5, -0.25]) == expected
        assert step([0.5, -0.25]) == expected
    assert [record.message.startswith("a worker died") for record in caplog.records] == [True]


def test_only_what_was_lost_is_repeated(tmp_path: Path) -> None:
    batches = [(i, *BATCHES[i]) for i in range(3)]
    step = map_gradients(
        partial(die_in_the_third, str(tmp_path)), batches, executor=partial(ProcessPoolExecutor, 1)
    )
    assert step([0.5, -0.25]) == map_gradients(squares, BATCHES[:3])([0.5, -0.25])
    assert [(tmp_path / str(i)).read_text().split() for i in range(3)] == [
        ["called"], ["called"], ["called"] * 2
    ]  # fmt: skip


def test_a_function_that_kills_each_worker_is_given_up() -> None:
    with pytest.raises(BrokenExecutor) as caught:
        map_gradients(die, BATCHES[:1], executor=partial(ProcessPoolExecutor, 1))([0.5, -0.25])
    assert caught.value.__notes__ == [
        "A worker has died 3 times in one step: is there memory enough?"
    ]


def test_another_executor_that_is_broken_is_made_again_by_a_function() -> None:
    class Broken(Inline):
        def submit(self, fn: Any, *args: Any, **named: Any) -> Any:
            raise BrokenExecutor("it broke")

    with pytest.raises(BrokenExecutor, match="it broke") as caught:
        map_gradients(squares, BATCHES, executor=Broken())([0.5, -0.25])
    assert caught.value.__notes__ == [
        "Give a function that makes the executor: it is called again then."
    ]
    made = iter([Broken(), Inline()])
    step = map_gradients(squares, BATCHES, executor=lambda: next(made))
    assert step([0.5, -0.25]) == map_gradients(squares, BATCHES)([0.5, -0.25])


def test_an_error_comes_with_the_workers_traceback(pool: Any) -> None:
    with pytest.raises(KeyError, match="mine") as caught:
        map_gradients(fail, BATCHES, executor=pool)([0.5, -0.25])
    assert 'raise KeyError("mine")' in "".join(traceback.format_exception(caught.value))
    assert map_gradients(squares, BATCHES, executor=pool)([0.5, -0.25])  # and the pool is whole


def test_an_error_that_would_break_the_pool_comes_as_text(pool: Any) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)fail_stubbornly.*StubbornError: this and that"):
        map_gradients(fail_stubbornly, BATCHES, executor=pool)([0.5, -0.25])
    assert map_gradients(squares, BATCHES, executor=pool)([0.5, -0.25])


def test_an_executor_that_is_shut_down_is_named() -> None:
    executor = ProcessPoolExecutor(1)
    executor.shutdown()
    with pytest.raises(RuntimeError, match="after shutdown") as caught:
        map_gradients(squares, BATCHES, executor=executor)([0.5, -0.25])
    assert caught.value.__notes__ == [
        "Give an executor that is not shut down, or a function that makes one."
    ]


def test_workers_without_the_package_are_named() -> None:
    with (
        ProcessPoolExecutor(1, initializer=hide) as executor,
        pytest.raises(ImportError, match=r"a worker has no module autograd.*install valuegrad"),
    ):
        map_gradients(squares, BATCHES, executor=executor)([0.5, -0.25])


def test_what_cannot_be_sent_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = threading.Lock()

    def f(w: Any, x: Any) -> Any:
        with lock:
            return w * x

    with pytest.raises(TypeError, match=r"cannot be sent to a worker: .*lock.*inside of f"):
        map_gradients(f, [(1.0,)], executor=Inline())
    with pytest.raises(TypeError, match=r"cannot be sent to a worker: .*lock"):
        map_gradients(squares, [(lock,)], executor=Inline())([0.5, -0.25])
    assert map_gradients(f, [(2.0,)])(3.0) == (6.0, 2.0)  # nothing is sent
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(TypeError, match="or install cloudpickle"):
        map_gradients(lambda w, x: w * x, [(1.0,)], executor=Inline())


@pytest.mark.parametrize(
    ("batches", "executor", "error", "said"),
    [
        ([X], None, TypeError, r"batch 0 is .*: a batch is a tuple .* \(batch,\) is one"),
        ([], None, ValueError, "there are no batches"),
        (BATCHES, 2, TypeError, "executor is a concurrent.futures.Executor, such as"),
    ],
)
def test_what_is_no_batch_or_no_executor_is_named(
    batches: Any, executor: Any, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        map_gradients(squares, batches, executor=executor)


def test_gradients_that_differ_in_shape_are_not_added() -> None:
    by_x = autograd.compile(lambda w, x: (w * x).sum(), argnums=1)
    with pytest.raises(ValueError, match="gradients of the batches have different shapes"):
        map_gradients(by_x, [(np.ones(2),), (np.ones(3),)])(2.0)
    with pytest.raises(TypeError, match="one number as its result"):
        map_gradients(lambda w, x: [w, x], [(1.0,)])(2.0)


# ---- other executors -----------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore"
)  # of asyncio's and of sockets, while a cluster starts and ends
def test_a_cluster_of_dask_computes_and_trains() -> None:
    distributed = pytest.importorskip("distributed")
    told = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(**told) as cluster, cluster.get_client() as client:
        executor = client.get_executor()
        step = map_gradients(squares, BATCHES, executor=executor)
        assert step([0.5, -0.25]) == map_gradients(squares, BATCHES)([0.5, -0.25])
        same(trained("value", executor=executor), trained("value"))
        with pytest.raises(KeyError, match="mine"):
            map_gradients(fail, BATCHES, executor=executor)([0.5, -0.25])


@pytest.mark.slow
def test_the_pool_of_joblib_computes_and_is_made_again(tmp_path: Path) -> None:
    pytest.importorskip("joblib")
    from joblib.externals.loky import get_reusable_executor

    f = partial(die_unless, str(tmp_path / "died"))
    step = map_gradients(f, BATCHES, executor=partial(get_reusable_executor, 2))
    assert step([0.5, -0.25]) == map_gradients(squares, BATCHES)([0.5, -0.25])
    get_reusable_executor(2).shutdown()


# ---- nn.fit --------------------------------------------------------------------------------------

POINTS, CLASSES = nn.data.two_moons(30, seed=1)
TARGETS = {"cross_entropy": CLASSES, "hinge": [2.0 * c - 1.0 for c in CLASSES]}


def trained(backend: str, loss: str = "bce_with_logits", model: Any = None, **told: Any) -> Any:
    outputs = 2 if loss == "cross_entropy" else 1
    model = model or nn.MLP(2, [4, outputs], seed=0, backend=backend)
    told = {"epochs": 3, "batch_size": 13, "seed": 2, "progress": False, **told}
    return model, nn.fit(model, POINTS, TARGETS.get(loss, CLASSES), loss, "adam", **told)


def same(found: Any, expected: Any) -> None:
    assert found[1].history == {k: pytest.approx(v) for k, v in expected[1].history.items()}
    for p, q in zip(found[0].parameters(), expected[0].parameters(), strict=True):
        assert p.data == pytest.approx(q.data, rel=1e-9, abs=1e-12)
        assert p.grad == pytest.approx(q.grad, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("loss", ["bce_with_logits", "sse", "cross_entropy", "hinge"])
@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_a_training_is_the_same_in_any_number_of_parts(backend: str, loss: str) -> None:
    expected = trained(backend, loss)
    for parts in (1, 2, 5, 50):
        same(trained(backend, loss, executor=Inline(), parts=parts), expected)
    same(trained(backend, loss, executor=Inline(), parts=2, compile=False), expected)


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_a_training_by_processes_is_the_same(backend: str, pool: Any) -> None:
    told = {"clip": 0.5, "validation": 0.2, "metrics": "accuracy", "patience": 2, "schedule": None}
    same(trained(backend, executor=pool, **told), trained(backend, **told))


def test_a_step_sends_a_task_for_each_part() -> None:
    executor = Inline()
    trained("tensor", executor=executor, parts=3, batch_size=None, epochs=4)
    assert executor.tasks == 12
    with ProcessPoolExecutor(3) as pool:
        assert Workers(squares, pool).count == 3


def test_an_optimiser_of_some_parameters_moves_these() -> None:
    def half(**told: Any) -> Any:
        model = nn.MLP(2, [4, 1], seed=0)
        mover = nn.optim.SGD(model.layers[-1].parameters(), lr=0.1)
        nn.fit(model, POINTS, CLASSES, "mse", mover, epochs=3, progress=False, seed=1, **told)
        return [p.data for p in model.parameters()]

    assert half(executor=Inline(), parts=2) == pytest.approx(half(), rel=1e-10)


def test_a_callback_that_changes_the_model_is_followed() -> None:
    def change(model: Any, history: Any) -> None:
        model.layers[0].weight[0][0].data = 0.5

    told = {"callbacks": [change], "epochs": 3}
    same(trained("value", executor=Inline(), parts=2, **told), trained("value", **told))


def test_what_the_optimiser_does_not_move_is_followed_too() -> None:
    def run(**told: Any) -> Any:
        model = nn.MLP(2, [4, 1], seed=0)

        def change(model: Any, history: Any) -> None:
            model.layers[0].weight[0][0].data += 0.5

        mover = nn.optim.SGD(model.layers[-1].parameters(), lr=0.1)
        told = {"epochs": 3, "progress": False, "callbacks": [change], **told}
        return nn.fit(model, POINTS, CLASSES, "mse", mover, seed=1, **told).loss

    assert run(executor=Inline(), parts=2) == pytest.approx(run(), rel=1e-12)


def test_an_executor_that_is_made_for_a_training_ends_with_it(pool: Any) -> None:
    made = []

    def make() -> Any:
        made.append(ThreadPoolExecutor(2))
        return made[-1]

    same(trained("value", executor=make), trained("value"))
    (executor,) = made
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(print)
    trained("value", executor=pool)
    assert pool.submit(abs, -1).result() == 1  # one that was given does not


class Deadly(nn.Module):
    """An MLP whose first worker dies in the second epoch."""

    def __init__(self, path: str, here: int) -> None:
        self.inner, self.path, self.here, self.calls = nn.MLP(2, [3, 1], seed=0), path, here, 0

    def __call__(self, x: Any) -> Any:
        self.calls += 1
        if os.getpid() != self.here and self.calls > 25 and not Path(self.path).exists():
            Path(self.path).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.inner(x)


@pytest.mark.parametrize("given", ["an executor", "a function that makes one"])
def test_a_worker_that_is_killed_does_not_cost_the_training(given: str, tmp_path: Path) -> None:
    path = tmp_path / "died"
    make = partial(ProcessPoolExecutor, 2)
    executor = make() if given == "an executor" else make
    found = trained("value", model=Deadly(str(path), os.getpid()), executor=executor)
    assert path.exists()
    same(found, trained("value", model=Deadly(str(path), os.getpid())))


def test_ctrl_c_keeps_the_last_whole_iteration() -> None:
    class Interrupted(Inline):
        def submit(self, fn: Any, *args: Any, **named: Any) -> Any:
            if self.tasks == 9:  # the second part of the fifth step
                raise KeyboardInterrupt
            return super().submit(fn, *args, **named)

    model, history = trained("value", executor=Interrupted(), parts=2, batch_size=15)
    assert history.stopped == "interrupted"
    assert history.iterations == 4
    four = trained("value", parts=2, batch_size=15, epochs=2)
    assert [p.data for p in model.parameters()] == pytest.approx(
        [p.data for p in four[0].parameters()]
    )


def test_a_loss_that_is_not_finite_is_explained_here() -> None:
    with pytest.raises(FloatingPointError, match="epoch 1, batch 2: "):
        trained("value", "sse", lr=1e308, executor=Inline(), parts=2)


def test_an_error_of_the_model_comes_from_the_worker(pool: Any) -> None:
    class Failing(nn.Module):
        def __init__(self) -> None:
            self.inner, self.calls = nn.MLP(2, [1], seed=0), 0

        def __call__(self, x: Any) -> Any:
            self.calls += 1
            if self.calls > 5 and threading.current_thread() is threading.main_thread():
                raise KeyError("mine")
            return self.inner(x)

    pytest.importorskip("cloudpickle")
    model = Failing()
    model.calls = -100  # not yet while the data are looked through
    with pytest.raises(KeyError, match="mine"):
        trained("value", model=model, executor=pool, epochs=50)


@pytest.mark.parametrize(
    ("told", "error", "said"),
    [
        ({"loss": lambda z, y: (z[0] - y[0]) ** 2}, ValueError, "a loss of nn's own"),
        ({"loss": "zero_one"}, ValueError, "a loss of nn's own other than zero_one"),
        ({"executor": 2}, TypeError, "executor is a concurrent.futures.Executor"),
        ({"parts": 0}, ValueError, "parts is 0, and must be at least 1"),
    ],
)
def test_what_cannot_be_spread_is_refused_before_anything_is_learnt(
    told: Any, error: type[Exception], said: str
) -> None:
    model = nn.MLP(2, [1], seed=0)
    before = [p.data for p in model.parameters()]
    with pytest.raises(error, match=said):
        trained("value", model=model, **{"executor": Inline(), **told})
    assert [p.data for p in model.parameters()] == before
