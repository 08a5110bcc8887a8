"""Threads: no update is lost, no variable mistaken, and no mode leaks from one to another."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import autograd
from autograd import Value, detect_anomaly, grad, hessian, no_grad, record_lines
from autograd.core import modes
from autograd.support.errors import line_of

THREADS = 8


@pytest.fixture(autouse=True)
def switching_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
    assert not modes.active


def in_threads(work: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """What `work(i)` answers on each thread, all of them started together."""
    answers: list[Any] = [None] * count
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(i: int) -> None:
        barrier.wait()
        try:
            answers[i] = work(i)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    return answers


def test_threads_that_share_leaves_lose_no_update():
    x, y = Value(2.0), Value(3.0)
    rounds = 400

    def work(i: int) -> None:
        for _ in range(rounds):
            (x * y + x).backward()

    in_threads(work)
    assert (x.grad, y.grad) == (THREADS * rounds * 4.0, THREADS * rounds * 2.0)


def test_a_thread_that_is_interrupted_between_reading_and_writing_a_gradient_loses_nothing():
    class Slow(Value):
        __slots__ = ("held",)
        held: float

        @property
        def _grad(self) -> float:
            g = self.held
            time.sleep(1e-5)  # lets another thread run
            return g

        @_grad.setter
        def _grad(self, g: float) -> None:
            self.held = g

    x = Slow(2.0)
    in_threads(lambda i: [(x * 3.0).backward() for _ in range(20)])
    assert x.grad == THREADS * 20 * 3.0


def test_threads_that_share_one_graph_lose_no_update_on_its_leaves():
    x = Value(0.5)
    root = x
    for _ in range(20):
        root = root + x * 2.0
    in_threads(lambda i: [root.backward() for _ in range(100)])
    assert x.grad == THREADS * 100 * 41.0


@pytest.mark.slow
def test_threads_with_nested_gradients_get_right_answers():
    def work(i: int) -> list[float]:
        a = 0.1 * i
        third = grad(grad(grad(lambda x: autograd.sin(a * x))))
        confused = grad(lambda x: x * grad(lambda y: a * x + y)(x))
        bent = hessian(lambda v: v[0] ** 2.0 * v[1] * a)
        return [
            value
            for _ in range(15)
            for value in (third(1.0), confused(3.0), bent([3.0, 5.0])[0][0])
        ]

    for i, answers in enumerate(in_threads(work)):
        a = 0.1 * i
        expected = [-(a**3) * math.cos(a), 1.0, 10.0 * a]
        assert answers == pytest.approx(expected * 15, rel=1e-12, abs=1e-15)


def test_no_grad_is_per_thread():
    x = Value(2.0)
    entered, recorded = threading.Barrier(2), threading.Barrier(2)

    def work(i: int) -> tuple[Any, ...]:
        if i == 0:
            with no_grad():
                entered.wait()
                recorded.wait()
                return (x * x).inputs
        entered.wait()
        made = (x * x).inputs
        recorded.wait()
        return made

    assert in_threads(work, 2) == [(), (x, x)]


def test_modes_of_many_threads_do_not_mix():
    x = Value(0.0, "x")
    shared = no_grad()  # one object, entered by all

    def work(i: int) -> int:
        seen = 0
        for _ in range(100):
            if i % 4 == 0:
                with shared, shared:
                    seen += (x * x).inputs == ()
            elif i % 4 == 1:
                with shared, autograd.core.modes.Mode(recording=True):
                    with shared:
                        pass
                    seen += (x * x).inputs == (x, x)
            elif i % 4 == 2:
                with record_lines():
                    seen += line_of(x * x).endswith("# this line")  # this line
            else:
                with detect_anomaly(), pytest.raises(FloatingPointError):
                    x.log()
                seen += (x.log().data, line_of(x * x)) == (-math.inf, "")
        return seen

    assert in_threads(work) == [100] * THREADS


def test_births_stay_unique_and_a_node_younger_than_its_inputs():
    def work(i: int) -> list[Value]:
        made = [Value(float(i))]
        for _ in range(2000):
            made.append(made[-1] + 1.0)
        return made

    everything = [node for made in in_threads(work) for node in made]
    assert len({node._born for node in everything}) == len(everything)
    assert all(x._born < node._born for node in everything for x in node.inputs if x != 1.0)


def test_graphs_that_threads_hand_to_one_another_join():
    x = Value(3.0)
    parts = in_threads(lambda i: x * float(i))
    autograd.sum(parts).backward()
    assert x.grad == sum(range(THREADS))
