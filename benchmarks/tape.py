"""A tape for Numba: operations recorded as codes and places, and two loops that run them.

The yardstick of what a recorded graph costs when its interpreter is a few lines.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

ADD, SUB, MUL, DIV, POW, EXP, LOG, RELU = range(8)


class Number:
    """A place on a tape."""

    __slots__ = ("place", "tape")

    def __init__(self, tape: Tape, place: int) -> None:
        self.tape, self.place = tape, place

    def __add__(self, other: Any) -> Number:
        return self.tape.record(ADD, self, other)

    def __mul__(self, other: Any) -> Number:
        return self.tape.record(MUL, self, other)

    def __sub__(self, other: Any) -> Number:
        return self.tape.record(SUB, self, other)

    def __rsub__(self, other: Any) -> Number:
        return self.tape.record(SUB, other, self)

    def __truediv__(self, other: Any) -> Number:
        return self.tape.record(DIV, self, other)

    def __pow__(self, n: float) -> Number:
        return self.tape.record(POW, self, n)

    def __neg__(self) -> Number:
        return self.tape.record(MUL, self, -1.0)

    def exp(self) -> Number:
        return self.tape.record(EXP, self, 0.0)

    def log(self) -> Number:
        return self.tape.record(LOG, self, 0.0)

    def relu(self) -> Number:
        return self.tape.record(RELU, self, 0.0)

    __radd__, __rmul__ = __add__, __mul__


class Tape:
    """Numbers by place: inputs, constants and results, and the rows that make the results."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int]] = []
        self.values: list[float] = []
        self.constants: dict[float, Number] = {}

    def number(self, x: float = math.nan) -> Number:
        self.values.append(x)
        return Number(self, len(self.values) - 1)

    def constant(self, x: Any) -> Number:
        if isinstance(x, Number):
            return x
        if x not in self.constants:
            self.constants[x] = self.number(x)
        return self.constants[x]

    def record(self, code: int, x: Any, y: Any) -> Number:
        x, y = self.constant(x), self.constant(y)
        out = self.number()
        self.rows.append((code, out.place, x.place, y.place))
        return out


@numba.njit
def _forward(rows: Any, v: Any) -> None:
    for i in range(len(rows)):
        code, out, x, y = rows[i]
        if code == ADD:
            v[out] = v[x] + v[y]
        elif code == MUL:
            v[out] = v[x] * v[y]
        elif code == SUB:
            v[out] = v[x] - v[y]
        elif code == DIV:
            v[out] = v[x] / v[y]
        elif code == POW:
            v[out] = v[x] ** v[y]
        elif code == EXP:
            v[out] = math.exp(v[x])
        elif code == LOG:
            v[out] = math.log(v[x])
        else:
            v[out] = max(v[x], 0.0)


@numba.njit
def _backward(rows: Any, v: Any, g: Any) -> None:
    for i in range(len(rows) - 1, -1, -1):
        code, out, x, y = rows[i]
        if code == ADD:
            g[x] += g[out]
            g[y] += g[out]
        elif code == MUL:
            g[x] += g[out] * v[y]
            g[y] += g[out] * v[x]
        elif code == SUB:
            g[x] += g[out]
            g[y] -= g[out]
        elif code == DIV:
            g[x] += g[out] / v[y]
            g[y] -= g[out] * v[out] / v[y]
        elif code == POW:
            g[x] += g[out] * v[y] * v[x] ** (v[y] - 1.0)
        elif code == EXP:
            g[x] += g[out] * v[out]
        elif code == LOG:
            g[x] += g[out] / v[x]
        elif v[x] > 0.0:
            g[x] += g[out]


def player(tape: Tape, inputs: list[Number], output: Number, wanted: int) -> Callable[..., Any]:
    """From numbers for the inputs to the output, and its slopes for the first `wanted` of them."""
    rows, v = np.array(tape.rows, dtype=np.int32), np.array(tape.values)
    g = np.zeros(len(v))
    places = np.array([x.place for x in inputs])

    def play(numbers: Any) -> tuple[float, Any]:
        v[places] = numbers
        _forward(rows, v)
        g[:] = 0.0
        g[output.place] = 1.0
        _backward(rows, v, g)
        return float(v[output.place]), g[places[:wanted]]

    return play
