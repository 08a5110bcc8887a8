"""Modes: they belong to the task and the thread, and no interrupt or fork leaves one on."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from typing import Any

import pytest

import autograd
from autograd import Value, detect_anomaly, no_grad, record_lines
from autograd.core import modes
from autograd.core.kinds import FUNCTIONS
from autograd.core.modes import Mode, extra

pytestmark = pytest.mark.slow

x = Value(2.0)


def recorded() -> bool:
    """Whether an operation done here and now is recorded."""
    return (x * x).inputs == (x, x)


@pytest.fixture(autouse=True)
def off_before_and_after() -> Iterator[None]:
    assert recorded()
    yield
    assert recorded()
    if modes.active:
        gc.collect()  # an interrupted ExitStack leaves a cycle
    assert not modes.active | modes.watching


# ---- tasks and threads ---------------------------------------------------------------------------


def test_a_mode_of_one_task_is_no_other_tasks() -> None:
    seen: dict[str, list[bool]] = {"inside": [], "outside": [], "lines": []}

    async def inside() -> None:
        for _ in range(5):
            with no_grad():
                await asyncio.sleep(0)
                seen["inside"].append(recorded())
                await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def outside() -> None:
        for _ in range(20):
            seen["outside"].append(recorded() and extra(x * x) == {})
            await asyncio.sleep(0)

    async def lines() -> None:
        with record_lines():
            for _ in range(10):
                await asyncio.sleep(0)
                seen["lines"].append("line" in extra(x * x))

    async def main() -> None:
        await asyncio.gather(inside(), outside(), lines(), inside())

    asyncio.run(main())
    assert seen == {"inside": [False] * 10, "outside": [True] * 20, "lines": [True] * 10}


def test_a_task_and_a_thread_of_to_thread_have_a_copy_of_the_modes_of_their_caller() -> None:
    async def later() -> bool:
        await asyncio.sleep(0)
        return recorded()

    async def main() -> list[bool]:
        with no_grad():
            task = asyncio.create_task(later())
            within = await asyncio.to_thread(recorded)
        return [within, await task, await asyncio.to_thread(recorded), recorded()]

    assert asyncio.run(main()) == [False, False, True, True]


def test_a_copied_context_keeps_its_modes_and_a_later_copy_has_none() -> None:
    with no_grad():
        inside = contextvars.copy_context()
    outside = contextvars.copy_context()
    assert (inside.run(recorded), outside.run(recorded), recorded()) == (False, True, True)

    def enter_anew() -> list[bool]:
        with Mode(recording=True):
            within = recorded()
        return [within, recorded()]

    assert inside.run(enter_anew) == [True, False]


def test_a_mode_that_is_left_in_another_context_is_off_in_both() -> None:
    def steps() -> Iterator[bool]:
        with no_grad():
            yield recorded()

    here, there = contextvars.copy_context(), contextvars.copy_context()
    generator = steps()
    assert here.run(next, generator) is False
    assert here.run(recorded) is False
    assert there.run(recorded)
    there.run(generator.close)  # type: ignore[attr-defined]
    assert here.run(recorded)
    assert there.run(recorded)
    generator = steps()
    contextvars.copy_context().run(next, generator)
    gc.collect()  # that context is gone
    next(generator, None)

    async def abandoned() -> Any:
        with no_grad():
            yield recorded()

    async def main() -> bool:
        async for _ in abandoned():
            break
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return recorded()

    assert asyncio.run(main())


# ---- nesting -------------------------------------------------------------------------------------


def test_modes_that_are_left_in_another_order_each_end_with_their_block() -> None:
    def steps(mode: Mode) -> Iterator[None]:
        with mode:
            yield

    first, second = steps(no_grad()), steps(record_lines())
    next(first)
    next(second)
    assert not recorded()
    next(first, None)
    assert "line" in extra(x * x)
    next(second, None)
    assert extra(x * x) == {}
    same = no_grad()
    first, second = steps(same), steps(same)
    next(first)
    next(second)
    next(first, None)
    assert not recorded()
    next(second, None)


def test_a_mode_is_entered_and_left_by_hand_or_by_a_stack_as_well() -> None:
    mode = no_grad()
    mode.__enter__()
    mode.__enter__()
    mode.__exit__(None, None, None)
    with mode, Mode(recording=True):
        assert recorded()
    assert not recorded()
    mode.__exit__(None, None, None)
    assert recorded()
    with pytest.raises(RuntimeError, match="was not entered"):
        mode.__exit__(None, None, None)
    with ExitStack() as stack:
        stack.enter_context(mode)
        stack.enter_context(mode)
        assert not recorded()
    assert hasattr(mode, "__exit__")
    Mode.__enter__(mode)
    assert not recorded()
    Mode.__exit__(mode)


def test_an_error_passes_through_a_mode_and_its_last_error_holds_no_mode() -> None:
    with pytest.raises(KeyError) as caught, no_grad(), detect_anomaly():
        raise KeyError
    assert caught.value.__traceback__ is not None
    assert recorded()


# ---- on arrays -----------------------------------------------------------------------------------


def calls() -> Iterator[tuple[str, Callable[[Any], Any]]]:
    """Everything that may take a Tensor or an array of Values, in a few forms."""
    import numpy as np

    from autograd.arrays import numpy_protocols as protocols

    functions: dict[str, Any] = {f"np.{f.__name__}": f for f in protocols.KNOWN}
    functions |= {f"np.{name}": f for name, f in vars(np).items() if isinstance(f, np.ufunc)}
    functions |= {
        f"np.{name}.{way}": getattr(f, way)
        for name, f in vars(np).items() if isinstance(f, np.ufunc)
        for way in ("reduce", "accumulate", "outer")
    }  # fmt: skip
    functions |= {
        f"autograd.{name}": getattr(autograd, name)
        for name in dir(autograd) if name in FUNCTIONS or name in ("norm", "cat")
    }  # fmt: skip
    functions |= {
        f"Tensor.{name}": lambda t, *args, name=name, **named: getattr(t, name)(*args, **named)
        for name in dir(autograd.Tensor) if not name.startswith("_") and name != "backward"
    }  # fmt: skip
    for name, f in functions.items():
        for count in (1, 2, 3):
            yield f"{name}/{count}", partial(lambda f, n, t: f(*[t] * n), f, count)
        yield f"{name}/axis", partial(f, axis=0)
        yield f"{name}/list", partial(lambda f, t: f([t, t]), f)
    yield "einsum", lambda t: autograd.einsum("ij,jk->ik", t, t)


def nodes_in(answer: Any) -> list[Any]:
    """The nodes in what a function returned."""
    if isinstance(answer, (list, tuple)):
        return [node for item in answer for node in nodes_in(item)]
    if str(getattr(answer, "dtype", "")) == "object":
        return nodes_in(answer.ravel().tolist())
    return [answer] if hasattr(answer, "_inputs") else []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("of", ["a Tensor", "an array of Values"])
def test_every_function_of_arrays_sees_the_modes(of: str) -> None:
    import numpy as np

    def make() -> Any:
        numbers = np.array([[0.3, 0.6], [0.2, 0.7]])
        return autograd.Tensor(numbers) if of == "a Tensor" else np.vectorize(Value, "O")(numbers)

    blind, seeing = [], 0
    for name, call in calls():
        with suppress(Exception):
            roots = nodes_in(call(make()))
            if not any(root._inputs for root in roots):
                continue
            seeing += 1
            with no_grad():
                made = nodes_in(call(make()))
            with record_lines():
                lined = {node for root in nodes_in(call(make())) for node in autograd.nodes(root)}
            if any(node._inputs for node in made) or any(
                node._inputs and "line" not in extra(node) for node in lined
            ):
                blind.append(name)
    assert blind == []
    assert seeing > 100


# ---- as a decorator ------------------------------------------------------------------------------


@no_grad()
def generator(given: Any = None) -> Any:
    """What a consumer sends, and what it throws, with whether it is recorded."""
    while given != "end":
        try:
            given = yield given, recorded()
        except ValueError as error:
            given = error
        except GeneratorExit:
            log.append(recorded())
            raise
    return "returned", recorded()


log: list[Any] = []


def test_a_decorated_generator_has_its_mode_in_every_step_and_never_between_them() -> None:
    assert inspect.isgeneratorfunction(generator)
    steps = generator()
    assert (next(steps), recorded()) == ((None, False), True)
    assert (steps.send(3), recorded()) == ((3, False), True)
    error = ValueError()
    assert (steps.throw(error), recorded()) == ((error, False), True)
    with pytest.raises(StopIteration) as stopped:
        steps.send("end")
    assert stopped.value.value == ("returned", False)
    with pytest.raises(KeyError):
        started().throw(KeyError)
    again = no_grad()(generator.__wrapped__)
    assert next(again(1)) == next(again(given=1)) == (1, False)
    log.clear()
    started().close()
    assert log == [False]
    assert recorded()

    def outer() -> Any:
        return (yield from generator())

    assert list(outer_steps(outer())) == [(None, False), ("a", False)]


def started() -> Any:
    steps = generator()
    next(steps)
    return steps


def outer_steps(steps: Any) -> Iterator[Any]:
    yield next(steps)
    yield steps.send("a")
    with suppress(StopIteration):
        steps.send("end")


def test_a_decorated_coroutine_has_its_mode_in_every_step_and_never_between_them() -> None:
    @no_grad()
    async def work(fails: bool) -> Any:
        await asyncio.sleep(0)
        seen = recorded()
        try:
            await asyncio.sleep(0 if fails else 10)
        except asyncio.CancelledError:
            return seen, recorded(), "cancelled"
        raise KeyError

    assert inspect.iscoroutinefunction(work)
    by_hand = work(fails=True)
    assert (by_hand.send(None), recorded()) == (None, True)
    assert (by_hand.send(None), recorded()) == (None, True)
    with pytest.raises(KeyError):
        by_hand.send(None)
    closed = work(True)
    closed.send(None)
    closed.close()

    async def main() -> Any:
        with pytest.raises(KeyError):
            await work(True)
        task = asyncio.create_task(work(False))
        for _ in range(3):
            await asyncio.sleep(0)
            assert recorded()
        task.cancel()
        return await task

    assert asyncio.run(main()) == (False, False, "cancelled")


def test_a_decorated_asynchronous_generator_has_its_mode_in_every_step() -> None:
    @no_grad()
    async def steps(given: Any = None) -> Any:
        try:
            while given != "end":
                await asyncio.sleep(0)
                try:
                    given = yield given, recorded()
                except ValueError as error:
                    given = error
        finally:
            await asyncio.sleep(0)
            log.append(recorded())

    assert inspect.isasyncgenfunction(steps)

    async def main() -> None:
        one, error = steps(), ValueError()
        assert (await anext(one), recorded()) == ((None, False), True)
        assert (await one.asend(3), recorded()) == ((3, False), True)
        assert (await one.athrow(error), recorded()) == ((error, False), True)
        with pytest.raises(StopAsyncIteration):
            await one.asend("end")
        one = steps()
        await anext(one)
        await one.aclose()
        async for _ in steps():
            break
        one = steps()
        await anext(one)
        with pytest.raises(KeyError):
            await one.athrow(KeyError())
        assert (await anext(steps(1)), await anext(steps(given=2))) == ((1, False), (2, False))
        for _ in range(5):  # those that are abandoned are closed by the loop
            await asyncio.sleep(0)
        assert recorded()

    log.clear()
    asyncio.run(main())
    gc.collect()
    assert log == [False] * 6


def test_a_decorated_function_keeps_its_name_and_its_signature() -> None:
    @no_grad()
    def f(a: int, *, b: int) -> int:
        """Documentation."""
        return a + b

    assert (f.__name__, f.__doc__, f(1, b=2)) == ("f", "Documentation.", 3)
    assert str(inspect.signature(f)).startswith("(a: 'int'")

    @contextmanager
    @no_grad()
    def manager() -> Iterator[bool]:
        yield recorded()

    with manager() as seen:
        assert (seen, recorded()) == (False, True)


# ---- interrupts ----------------------------------------------------------------------------------

mode = no_grad()


def with_block() -> None:
    with no_grad():
        x * x


def nested() -> None:
    with mode, mode, detect_anomaly():
        x * x


def left_by_an_error() -> None:
    with suppress(KeyError), mode:
        raise KeyError


@no_grad()
def decorated() -> None:
    x * x


def steps() -> None:
    with closing(generator()) as one:
        next(one)
        one.send(1)


@no_grad()
async def coroutine() -> None:
    x * x


@no_grad()
async def asynchronous() -> Any:
    yield x * x


def awaited() -> None:
    with suppress(StopIteration):
        coroutine().send(None)


def awaited_steps() -> None:
    with suppress(StopIteration):
        anext(asynchronous()).send(None)


def by_stack() -> None:
    with ExitStack() as stack:
        stack.enter_context(mode)
        stack.enter_context(record_lines())


def transformed() -> None:
    autograd.grad(lambda v: v * v)(2.0)


def arrays() -> None:
    t = autograd.Tensor([1.0, 2.0])
    with mode:
        t.sum()
    (t * t).sum().backward()


WAYS = [
    with_block, nested, left_by_an_error, decorated, steps, awaited, awaited_steps, by_stack,
    transformed, arrays,
]  # fmt: skip
ROOMS = (modes.__file__, __file__)


def unharmed(way: Callable[[], None]) -> bool:
    """Whether all is as it was before an interrupt, NumPy's settings included."""
    from autograd.arrays.quiet import is_quiet

    if way is by_stack and not recorded():
        gc.collect()  # an interrupted ExitStack leaves a cycle, with what it holds
    import numpy as np

    calm = not is_quiet.get() and np.geterr()["divide"] == "warn"
    return calm and recorded() and modes.settings() == modes.DEFAULTS


def interrupted(way: Callable[[], None], at: int) -> bool:
    """Interrupt at that instruction of modes, and of what enters them; whether there is one."""
    passed = 0

    def trace(frame: Any, event: str, _: Any) -> Any:
        nonlocal passed
        if frame.f_code.co_filename not in ROOMS:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            passed += 1
            if passed == at:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    try:
        sys.settrace(trace)
        way()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
    return passed >= at


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited")
@pytest.mark.parametrize("way", WAYS)
def test_an_interrupt_at_any_instruction_leaves_no_mode_on(
    way: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)  # some come while one is closed

    def everywhere() -> int:
        assert not interrupted(way, 10**9)  # the first run is traced in part, in Python 3.12
        at = 1
        while interrupted(way, at):
            assert unharmed(way), at
            at += 1
        return at

    with ThreadPoolExecutor(1) as thread:  # keeps what is taken for being handled
        assert thread.submit(everywhere).result() > 20


def test_a_generator_that_is_closed_at_any_instruction_of_a_mode_leaves_its_own() -> None:
    def steps() -> Iterator[None]:
        with no_grad():
            yield

    def entered(at: int) -> bool:
        """Enter and leave a mode, and close the generator at that instruction."""
        one, passed = steps(), 0
        next(one)

        def trace(frame: Any, event: str, _: Any) -> Any:
            nonlocal passed
            if frame.f_code.co_filename not in ROOMS:
                return None
            frame.f_trace_opcodes = True
            passed += event == "opcode"
            if passed == at:
                one.close()  # type: ignore[attr-defined]
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        with_block()
        sys.settrace(before)
        one.close()  # type: ignore[attr-defined]
        return passed >= at

    assert not entered(10**9)
    at = 1
    while entered(at):
        assert recorded(), at
        at += 1
    assert at > 20


COLLECTIONS = """
    import gc
    from autograd import Value, no_grad, record_lines

    x, times = Value(2.0), 0

    def collecting(phase, _):
        global times
        times += 1
        with no_grad():
            assert (x * x).inputs == ()

    def steps():
        with record_lines():
            yield

    def abandon():
        one = steps()
        next(one)
        cycle = [one]
        cycle.append(cycle)

    gc.callbacks.append(collecting)
    gc.set_threshold(1)
    for _ in range({times}):
        abandon()
        with no_grad():
            assert (x * x).inputs == ()
    gc.callbacks.clear()
    gc.collect()
    assert (x * x).inputs == (x, x)
    print(times > {times}, gc.isenabled())
"""


def test_modes_that_are_entered_and_left_while_garbage_is_collected_do_no_harm() -> None:
    assert run(COLLECTIONS, times=300) == "True True\n"


SIGNALS = """
    import random, signal, sys
    sys.path.insert(0, {here!r})
    import test_modes as t

    def on_alarm(*_):
        global came
        came = True
        raise KeyboardInterrupt

    def until_the_signal(way):  # a function: CPython 3.13 leaves the end of a loop out of its try
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 60e-6))
        while not came:
            way()

    random.seed(1)
    signal.signal(signal.SIGALRM, on_alarm)
    harmed = []
    for i in range({times}):
        way, came = t.WAYS[i % len(t.WAYS)], False
        try:
            until_the_signal(way)
        except KeyboardInterrupt:
            pass
        if not t.unharmed(way):
            harmed.append(way.__name__)
    print(harmed)
"""


def run(program: str, **names: Any) -> str:
    """What a program prints in an interpreter of its own."""
    code = textwrap.dedent(program).format(here=os.path.dirname(__file__), **names)
    command = [sys.executable, "-W", "ignore", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no signals of a timer here")
def test_signals_at_random_moments_leave_no_mode_on() -> None:
    assert run(SIGNALS, times=8000) == "[]\n"


# ---- forks ---------------------------------------------------------------------------------------

FORKS = """
    import os, sys, threading, time
    from autograd import Value, compile, no_grad

    sys.setswitchinterval(1e-6)
    a = Value(2.0)

    def go_back():
        while True:
            (a * a).backward()

    def look():
        while True:
            with no_grad():
                a * a

    def replay():
        while True:
            step = compile(lambda v: v * v)
            for _ in range(3):
                step.value_and_grad(2.0)

    for work in (go_back, go_back, look, look, replay):
        threading.Thread(target=work, daemon=True).start()
    step = compile(lambda v: v * v)
    step(1.0)
    finished = 0
    for _ in range({times}):
        child = os.fork()
        if not child:
            x = Value(3.0)
            (x * x).backward()
            right = x.grad == 6.0 and step.value_and_grad(2.0) == (4.0, 4.0)
            with no_grad():
                right = right and (x * x).inputs == ()
            os._exit(0 if right else 1)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                finished += status == 0
                break
            time.sleep(1e-4)
        else:
            os.kill(child, 9)
            break
    print(finished, flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks here")
def test_a_child_that_is_forked_while_other_threads_work_goes_back_too() -> None:
    assert run(FORKS, times=25) == "25\n"
