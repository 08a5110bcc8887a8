"""Perceptron: Rosenblatt's unit (1958), and the rule by which it learns from its mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from autograd import no_grad

from .choices import count, number
from .data import checked
from .layers import Neuron


class Perceptron(Neuron):
    """A neuron that returns 1 if weight · x + bias > 0, else 0.

    Its slope is 0, so gradients teach it nothing. If a line separates the classes, the rule finds
    one after finitely many mistakes (Novikoff 1962); if none does, as for XOR, the mistakes never
    end.

    >>> AND = Perceptron(2).fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1])
    >>> AND.predict([[1, 0], [1, 1]])
    [0, 1]
    """

    def __init__(self, n_inputs: int) -> None:
        super().__init__(n_inputs, "step", init="zeros")
        self.errors_: list[int] = []

    @property
    def settings(self) -> dict[str, Any]:
        return {}

    def _assemble(self) -> None:
        if not isinstance(self.weight, list):
            raise TypeError("a Perceptron learns by a rule of its own, which is for Values")

    def fit(
        self, X: Sequence[Sequence[float]], y: Sequence[float], lr: float = 1.0, epochs: int = 100
    ) -> Self:
        """Go through the data until an epoch has no mistake, or `epochs` times.

        Each mistake moves the weights by lr * (y - prediction) * x, and the bias likewise.
        `errors_` has the number of mistakes of each epoch. ValueError for a class other than 0
        and 1, X and y of different lengths, another number of features, a nan or an infinity.
        """
        lr, epochs = number("the learning rate", lr), count("epochs", epochs)
        rows, classes = checked(X, y)
        if wrong := [c for c in classes if c not in (0, 1)]:
            raise ValueError(f"the classes of a Perceptron are 0 and 1, not {wrong[0]!r}")
        self.errors_ = []
        while len(self.errors_) < epochs and 0 not in self.errors_:
            self.errors_.append(0)
            for x, target in zip(rows, classes, strict=True):
                (fired,) = self.predict([x])
                if (mistake := target - fired) != 0:
                    self.errors_[-1] += 1
                    for w, feature in zip(self.weight, x, strict=True):
                        w.data += lr * mistake * feature
                    self.bias.data += lr * mistake
        return self

    def predict(self, X: Sequence[Sequence[float]]) -> list[int]:
        """1 or 0 for each sample."""
        with no_grad():
            return [int(self(x).data) for x in X]
