"""Gradients of many batches by the workers of any `concurrent.futures.Executor`.

A task is a function of weights and a batch, pickled once, the weights, pickled once a step, and the
batch. A worker is asked to call the standard library's `pickle.loads`, and unpickling does the
work: a module that the worker lacks, this package too, fails the task and does not kill the worker.
"""

from __future__ import annotations

import logging
import pickle
import threading
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import lru_cache, partial
from typing import Any

import numpy as np

from .core.graph import Node, data_of
from .core.kinds import describe
from .replaying.replay import Replay
from .transforms import value_and_grad
from .trees import leaves, rebuild, replace

Function = Callable[..., Any]
SETTINGS = ("max_workers", "mp_context", "initializer", "initargs", "max_tasks_per_child")
TRIES = 3  # of one step, before it is given up as one that kills each worker


def map_gradients(
    f: Function, batches: Iterable[tuple[Any, ...]], *, executor: Any = None
) -> Function:
    """The function of weights that returns the sum of f(weights, *batch), and its gradient.

    It is `value_and_grad` of the sum over the batches, with a task for each: make as many as there
    are workers. f may be a replay; a batch is a tuple of its further arguments. The weights are
    numbers and arrays in any structure, and are sent with each task. Sums are in the order of the
    batches, so that the result is the same for any number of workers, and without an executor.

    `executor` is a `concurrent.futures.Executor`, or a function that makes one. Where a worker
    dies, a process pool is made anew and what was lost is repeated, twice at most. TypeError for
    what cannot be sent; an error of f's comes with the worker's traceback.

    >>> def squares(w, x, y):
    ...     return ((w["slope"] * x + w["offset"] - y) ** 2).sum()
    >>> halves = [(np.array([1.0, 2.0]), np.array([3.0, 5.0])), (np.array([3.0]), np.array([7.0]))]
    >>> step = map_gradients(squares, halves)  # or executor=ProcessPoolExecutor(2)
    >>> step({"slope": 2.0, "offset": 0.0})
    (3.0, {'slope': -12.0, 'offset': -6.0})
    """
    listed = _listed(batches)
    workers = Workers(partial(_slope, f), executor)

    def value_and_gradient(weights: Any) -> tuple[float, Any]:
        numbers = replace(weights, lambda x: data_of(x) if isinstance(x, Node) else x)
        values, slopes = zip(*workers(numbers, listed), strict=True)
        parts = [leaves(slope, none=False) for slope in slopes]
        if len({tuple([np.shape(x) for x in part]) for part in parts}) > 1:
            raise ValueError("the gradients of the batches have different shapes")
        return sum(values), rebuild(slopes[0], (sum(x[1:], x[0]) for x in zip(*parts, strict=True)))

    return value_and_gradient


def _listed(batches: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The batches; TypeError for one that is not a tuple, ValueError if there are none."""
    listed = list(batches)
    for i, batch in enumerate(listed):
        if not isinstance(batch, tuple):
            raise TypeError(
                f"batch {i} is {describe(batch)}: a batch is a tuple of the arguments that f takes "
                "after the weights, and (batch,) is one of a single argument"
            )
    if not listed:
        raise ValueError("there are no batches")
    return listed


def _slope(f: Function, weights: Any, *batch: Any) -> tuple[float, Any]:
    """The value and the gradient of a function, where it is unpickled."""
    both = f.value_and_grad if isinstance(f, Replay) else value_and_grad(f)
    found: tuple[float, Any] = both(weights, *batch)
    return found


class Workers:
    """An executor, or None, and the function that its workers call."""

    def __init__(self, f: Function, executor: Any) -> None:
        if executor is not None and not isinstance(executor, Executor) and not callable(executor):
            raise TypeError(
                "executor is a concurrent.futures.Executor, such as ProcessPoolExecutor(2) or "
                "Dask's client.get_executor(), or a function that makes one, not "
                f"{describe(executor)}"
            )
        self._given = executor
        self._made: Any = None  # an executor that was made here, when it was first needed
        self.send(f)

    def send(self, f: Function) -> None:
        """Take another function, or the same in another state."""
        self.f: Function = f
        self._pickled = b"" if self._given is None else _dumps(f)

    @property
    def executor(self) -> Any:
        """The executor, which is made when it is first needed."""
        if self._made is None and isinstance(self._given, Executor):
            return self._given
        self._made = self._made or self._given()
        return self._made

    def __call__(self, weights: Any, batches: Sequence[tuple[Any, ...]]) -> list[Any]:
        """f(weights, *batch) of all batches, in their order."""
        if self._given is None:
            return [self.f(weights, *batch) for batch in batches]
        sent = _dumps(weights)
        tasks = [_dumps(_Task(self._pickled, sent, batch)) for batch in batches]
        done: dict[int, Any] = {}
        for tries in range(1, TRIES + 1):
            futures: dict[int, Future[Any]] = {}
            try:
                for i, task in enumerate(tasks):
                    if i not in done:
                        futures[i] = self._submit(task)
                for i, future in futures.items():
                    done[i] = _result(future)
                return [done[i] for i in range(len(tasks))]
            except BrokenExecutor as error:
                for i, future in futures.items():
                    if future.done() and not future.cancelled() and future.exception() is None:
                        done[i] = future.result()
                self._start_again(error, tries)
            finally:
                for future in futures.values():
                    future.cancel()
        raise AssertionError("the last try returns or raises")

    def _submit(self, task: bytes) -> Future[Any]:
        try:
            return self.executor.submit(pickle.loads, task)
        except BrokenExecutor:
            raise
        except RuntimeError as error:
            error.add_note("Give an executor that is not shut down, or a function that makes one.")
            raise

    def _start_again(self, error: BrokenExecutor, tries: int) -> None:
        """Another executor in the place of a broken one."""
        from concurrent.futures import ProcessPoolExecutor  # not everywhere, as in a browser

        broken = self.executor
        if tries == TRIES:
            error.add_note(f"A worker has died {TRIES} times in one step: is there memory enough?")
            raise error
        if not isinstance(self._given, Executor):
            self._made = self._given()
        elif type(broken) is ProcessPoolExecutor:
            self._made = ProcessPoolExecutor(**{x: getattr(broken, f"_{x}") for x in SETTINGS})
        else:
            error.add_note("Give a function that makes the executor: it is called again then.")
            raise error
        logging.getLogger(__name__).warning("a worker died (%s): its tasks are repeated", error)

    def close(self) -> None:
        """Shut the executor down if it was made here."""
        if self._made is not None:
            self._made.shutdown()

    @property
    def count(self) -> int | None:
        """The number of workers, where the executor tells it."""
        return getattr(self.executor, "_max_workers", None)


def _result(future: Future[Any]) -> Any:
    try:
        return future.result()
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != __name__.partition(".")[0]:
            raise
        raise ImportError(
            f"a worker has no module {error.name}: install valuegrad, the same version as here, in "
            "the Python that the workers run"
        ) from error


def _dumps(x: Any) -> bytes:
    """A pickle; cloudpickle's, where it is installed, which has functions of notebooks too."""
    try:
        from cloudpickle import dumps
    except ImportError:
        from pickle import dumps
    try:
        return dumps(x)
    except Exception as error:
        said = describe(x.args[0] if isinstance(x, partial) else x)
        raise TypeError(
            f"{said} cannot be sent to a worker: {error}. Define functions at the top of a module, "
            "or install cloudpickle; make what cannot travel, such as open files, inside of f"
        ) from error


class _Task:
    """A task that does its work when it is unpickled."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __reduce__(self) -> Any:
        return _work, self.parts


def _work(f: bytes, weights: bytes, batch: tuple[Any, ...]) -> Any:
    """One task; an error that would not survive the way back comes as a RuntimeError."""
    try:
        return _loaded(f, threading.get_ident())(pickle.loads(weights), *batch)
    except Exception as error:
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            raise RuntimeError("".join(traceback.format_exception(error))) from None
        raise


@lru_cache(maxsize=16)
def _loaded(f: bytes, thread: int) -> Function:
    """A function, unpickled once in each thread, so that a replay keeps its recordings."""
    found: Function = pickle.loads(f)
    return found
