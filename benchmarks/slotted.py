"""The least Value that trains a network at a fair speed: the yardstick of benchmarks/engines.py.

Slots instead of a dict, and local slopes kept as numbers at the time of the operation instead of
closures: the manner of Karpathy's microgpt, written anew.
"""

from __future__ import annotations

import math
from typing import Any


class Value:
    """A number, the Values it was made from, and its slope with respect to each."""

    __slots__ = ("data", "grad", "inputs", "slopes")

    def __init__(
        self, data: float, inputs: tuple[Value, ...] = (), slopes: tuple[float, ...] = ()
    ) -> None:
        self.data, self.inputs, self.slopes = data, inputs, slopes
        self.grad = 0.0

    def __add__(self, other: Any) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, (self, other), (1.0, 1.0))

    def __mul__(self, other: Any) -> Value:
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, (self, other), (other.data, self.data))

    def __pow__(self, n: float) -> Value:
        return Value(self.data**n, (self,), (n * self.data ** (n - 1),))

    def exp(self) -> Value:
        out = math.exp(self.data)
        return Value(out, (self,), (out,))

    def log(self) -> Value:
        return Value(math.log(self.data), (self,), (1.0 / self.data,))

    def relu(self) -> Value:
        return Value(max(0.0, self.data), (self,), (float(self.data > 0.0),))

    def __neg__(self) -> Value:
        return self * -1.0

    def __sub__(self, other: Any) -> Value:
        return self + -other

    def __rsub__(self, other: Any) -> Value:
        return other + -self

    def __truediv__(self, other: Any) -> Value:
        return self * other**-1.0

    def __rtruediv__(self, other: Any) -> Value:
        return other * self**-1.0

    __radd__, __rmul__ = __add__, __mul__

    def backward(self) -> None:
        """Add d self / d node to the `.grad` of every node. It recurses as deep as the graph is."""
        order: list[Value] = []
        seen: set[Value] = set()

        def visit(node: Value) -> None:
            if node not in seen:
                seen.add(node)
                for x in node.inputs:
                    visit(x)
                order.append(node)

        visit(self)
        self.grad = 1.0
        for node in reversed(order):
            for x, slope in zip(node.inputs, node.slopes):  # noqa: B905  # equal, and hot
                x.grad += slope * node.grad
