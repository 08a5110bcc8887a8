"""Who runs in benchmarks/engines.py: functions from a workload to a Contender.

ImportError says that a peer is not installed, UnableError that it cannot run the workload.
"""

from __future__ import annotations

import functools
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from workloads import POINTS, Moons


class UnableError(Exception):
    """The peer lacks what is asked of it; the message says what."""


class Contender(NamedTuple):
    """A training step less the update, a way to read its gradients, and one to keep its graph.

    `step()` goes forward and back, frees what it recorded, and returns the loss and the gradients
    as the peer has them. `read` makes a flat list of these, outside of the time taken. `record()`
    makes one more graph, goes through it once, and returns what keeps it in memory.
    """

    step: Callable[[], tuple[float, Any]]
    read: Callable[[Any], list[float]]
    record: Callable[[], Any] | None = None


# ---- eager: the graph is recorded anew in every step ---------------------------------------------


def pure_value() -> Any:
    return _value("pure")


def compiled_value() -> Any:
    return _value("compiled")


def _value(engine: str) -> Any:
    import autograd

    if autograd.engine() != engine:
        raise UnableError(f"this is the {autograd.engine()} engine")
    return autograd.Value


def slotted_value() -> Any:
    import slotted

    return slotted.Value


def micrograd_value() -> Any:
    """With exp and log, which it lacks, added in its own manner."""
    from micrograd.engine import Value

    def exp(self: Any) -> Any:
        out = Value(math.exp(self.data), (self,), "exp")

        def _backward() -> None:
            self.grad += out.data * out.grad

        out._backward = _backward
        return out

    def log(self: Any) -> Any:
        out = Value(math.log(self.data), (self,), "log")

        def _backward() -> None:
            self.grad += out.grad / self.data

        out._backward = _backward
        return out

    Value.exp, Value.log = exp, log
    return Value


def minigrad_value() -> Any:
    from minigrad import Value

    return Value


def torch_value() -> Any:
    """0-d tensors of float64; all are differentiated, points as well."""
    import torch

    torch.set_num_threads(1)
    return lambda x: torch.tensor(x, dtype=torch.float64, requires_grad=True)


VALUES = {
    "valuegrad pure": pure_value, "valuegrad compiled": compiled_value,
    "slotted Value": slotted_value, "micrograd": micrograd_value, "minigrad": minigrad_value,
    "PyTorch 0-d": torch_value,
}  # fmt: skip


def _on_values(numbers: list[Any], loss_of: Callable[[], Any]) -> Contender:
    """On a Value with `.data`, `.grad` and `.backward()`, as micrograd's."""
    zero = 0.0 if hasattr(numbers[0], "grad") and numbers[0].grad is not None else None

    def record() -> Any:
        loss = loss_of()
        loss.backward()
        return loss

    def step() -> tuple[float, Any]:
        for p in numbers:
            p.grad = zero
        return float(record().data), numbers

    return Contender(step, lambda numbers: [float(p.grad or 0.0) for p in numbers], record)


def _plainly(value: Callable[[], Any]) -> Callable[[Any], Contender]:
    """The workload on a class of Values, as it is written."""

    def contender(work: Any) -> Contender:
        number = value()
        params, loss_of = work.parameters(number), work.step(number)
        return _on_values(work.flat(params), lambda: loss_of(params))

    return contender


def minigrad(work: Any) -> Contender:
    """With all its leaves made once: it loses a reference to None for every leaf that goes.

    It takes a plain number for a Value, and writes a gradient behind it, so there are none.
    """
    if not isinstance(work, Moons):
        raise UnableError("it has no exp and no log")
    value = minigrad_value()
    params = work.parameters(value)
    xs, signs = [[value(c) for c in x] for x in work.xs], list(map(value, work.signs))
    number = functools.cache(value)
    return _on_values(work.flat(params), lambda: work.loss(params, xs, signs, number))


def xad(work: Any) -> Contender:
    """One tape, set back to where the parameters end before every step."""
    import xad.math
    from xad.adj_1st import Real, Tape

    Real.exp, Real.log = (lambda x: xad.math.exp(x)), (lambda x: xad.math.log(x))
    Real.relu = lambda x: xad.math.max(x, 0.0)
    params, loss_of = work.parameters(Real), work.step(Real)
    numbers, tape = work.flat(params), Tape()
    tape.activate()
    for p in numbers:
        tape.registerInput(p)
    tape.newRecording()
    start = tape.getPosition()

    def record() -> Any:
        loss = loss_of(params)
        tape.registerOutput(loss)
        loss.setDerivative(1.0)
        tape.computeAdjoints()
        return loss

    def step() -> tuple[float, Any]:
        tape.resetTo(start)
        tape.clearDerivatives()
        return record().getValue(), numbers

    return Contender(step, lambda numbers: [p.getDerivative() for p in numbers], record)


# ---- recorded once, and run again with new numbers -----------------------------------------------


def _compiled(f: Callable[..., Any]) -> Any:
    import autograd

    if not hasattr(autograd, "compile"):
        raise UnableError("this version has no autograd.compile")
    return autograd.compile(f)


def _of_numbers(work: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """The loss as a function of all parameters in one array, and of points; and these."""
    import numpy as np

    def params(numbers: Any) -> Any:
        following = iter(numbers)
        return work.parameters(lambda _: next(following))

    numbers = np.array(work.flat(work.parameters(float)))
    if isinstance(work, Moons):
        points = np.array(work.xs), np.array(work.signs)
        return lambda numbers, *points: work.loss(params(numbers), *points), (numbers, *points)
    return lambda numbers: work.step(float)(params(numbers)), (numbers,)


def replay(work: Any) -> Contender:
    """autograd.compile: parameters and points are arguments, and may be new in every call."""
    loss_of, args = _of_numbers(work)

    def record() -> Any:
        recorded = _compiled(loss_of)
        recorded.value_and_grad(*args)
        return recorded

    recorded = record()
    return Contender(lambda: recorded.value_and_grad(*args), list, record)


def replay_numpy(work: Any) -> Contender:
    """As where no C compiler was: the loops of a replay on NumPy."""
    sys.modules["autograd._replay"] = None  # type: ignore[assignment]  # which fails its import
    return replay(work)


def batch(work: Any) -> Contender:
    """autograd.compile of the loss of one point, with a lane for each of the 100."""
    if not isinstance(work, Moons):
        raise UnableError("one document is one lane")
    loss_of, args = _of_numbers(work)

    def of_one(numbers: Any, x: Any, sign: Any) -> Any:
        return loss_of(numbers, [x], [sign])

    def record() -> Any:
        recorded = _compiled(of_one)
        recorded.batch(*args, in_axes=(None, 0, 0))
        return recorded

    recorded = record()

    def step() -> tuple[float, Any]:
        losses, grads = recorded.batch(*args, in_axes=(None, 0, 0))
        return float(losses.mean()), grads

    return Contender(step, lambda grads: [g / POINTS for g in grads], record)


def _symbols(work: Any, symbol: Callable[[], Any]) -> tuple[list[Any], list[float], Any]:
    """A symbol for each parameter and each number of a point, their numbers, and the loss."""
    params = work.parameters(lambda x: symbol())
    symbols, numbers = work.flat(params), work.flat(work.parameters(float))
    if not isinstance(work, Moons):
        return symbols, numbers, work.step(float)(params)
    xs, signs = [[symbol() for _ in x] for x in work.xs], [symbol() for _ in work.signs]
    symbols += [*(s for x in xs for s in x), *signs]
    numbers += [*(c for x in work.xs for c in x), *work.signs]
    return symbols, numbers, work.loss(params, xs, signs)


def _casadi_function(work: Any) -> tuple[Any, list[float], int]:
    """From all numbers to the loss and its gradient."""
    import casadi

    casadi.SX.relu = lambda x: casadi.fmax(x, 0.0)
    symbols, numbers, loss = _symbols(work, lambda: casadi.SX.sym("x"))
    count = len(work.flat(work.parameters(float)))
    inputs = casadi.vertcat(*symbols)
    gradient = casadi.densify(casadi.gradient(loss, inputs)[:count])
    return casadi.Function("step", [inputs], [loss, gradient]), numbers, count


def _called(function: Any, numbers: list[float], count: int) -> Callable[[], tuple[float, Any]]:
    """A CasADi function run on its own buffers, so that a call copies nothing."""
    import numpy as np

    given, loss, gradient = np.array(numbers), np.zeros(1), np.zeros(count)
    buffer, run = function.buffer()
    buffer.set_arg(0, memoryview(given))
    buffer.set_res(0, memoryview(loss))
    buffer.set_res(1, memoryview(gradient))

    def step(_: Any = (given, buffer)) -> tuple[float, Any]:  # it knows them by address only
        run()
        return float(loss[0]), gradient

    return step


def casadi(work: Any) -> Contender:
    """CasADi's own virtual machine."""

    def record() -> Any:
        return _called(*_casadi_function(work))

    return Contender(record(), list, record)


def casadi_c(work: Any) -> Contender:
    """The C that CasADi writes, through `cc -O1`: so much of it takes very long at -O2."""
    import casadi

    function, numbers, count = _casadi_function(work)
    with tempfile.TemporaryDirectory() as folder:
        here = os.getcwd()
        os.chdir(folder)  # CasADi writes only where it is
        try:
            function.generate("step.c")
        finally:
            os.chdir(here)
        source, library = Path(folder, "step.c"), Path(folder, "step.so")
        command = ["cc", "-O1", "-fPIC", "-shared", "-o", str(library), str(source), "-lm"]
        try:
            subprocess.run(command, check=True)
        except FileNotFoundError:
            raise UnableError("there is no C compiler") from None
        return Contender(_called(casadi.external("step", str(library)), numbers, count), list)


def printed_c(work: Any) -> Contender:
    """The C that `to_source` prints, through `cc -O3`."""
    import ctypes

    import numpy as np

    from autograd import to_source

    loss_of, args = _of_numbers(work)
    text = to_source(loss_of, *args, language="c")
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "step.c"), Path(folder, "step.so")
        source.write_text(text)
        command = ["cc", "-O3", "-fPIC", "-shared", "-o", str(library), str(source), "-lm"]
        try:
            subprocess.run(command, check=True)
        except FileNotFoundError:
            raise UnableError("there is no C compiler") from None
        function = ctypes.CDLL(str(library)).function_value_and_grad
    function.restype = ctypes.c_double
    given = [np.ascontiguousarray(x, float) for x in args]
    gradient = np.zeros(len(args[0]))
    pointers = [ctypes.c_void_p(x.ctypes.data) for x in (*given, gradient)]
    return Contender(lambda held=given: (function(*pointers), gradient), list)


def numba_tape(work: Any) -> Contender:
    """The graph as arrays of codes and places, and two loops over them that Numba compiles."""
    import numpy as np
    from tape import Tape, player

    def record() -> Callable[[], tuple[float, Any]]:
        tape = Tape()
        inputs, numbers, loss = _symbols(work, tape.number)
        play = player(tape, inputs, loss, len(work.flat(work.parameters(float))))
        given = np.array(numbers)
        play(given)
        return lambda: play(given)

    return Contender(record(), list, record)


# ---- on arrays -----------------------------------------------------------------------------------


def _on_arrays(name: str) -> Callable[[Any], Contender]:
    def contender(work: Any) -> Contender:
        import array_steps

        if name == "numba" and not isinstance(work, Moons):
            raise UnableError("written for the two moons only")
        return Contender(getattr(array_steps, name)(work), array_steps.flat)

    return contender


EAGER = {name: _plainly(value) for name, value in VALUES.items()}
EAGER |= {"minigrad": minigrad, "XAD": xad}
RECORDED = {
    "valuegrad replay": replay, "valuegrad replay NumPy": replay_numpy, "valuegrad batch": batch,
    "valuegrad, its C": printed_c,
    "CasADi": casadi, "CasADi, its C": casadi_c, "Numba tape": numba_tape,
}  # fmt: skip
ON_ARRAYS = {
    "jax.jit": _on_arrays("jax"), "NumPy by hand": _on_arrays("numpy"),
    "Numba by hand": _on_arrays("numba"), "valuegrad Tensor": _on_arrays("tensor"),
}  # fmt: skip
