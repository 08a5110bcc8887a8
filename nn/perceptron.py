"""Perceptron: Rosenblatt's unit (1958), and the rule by which it learns from its mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from reprlib import repr as short
from typing import Any, NamedTuple, Self

from autograd import no_grad

from .choices import count, number
from .data import checked, table
from .layers import Neuron


class Correction(NamedTuple):
    """A sample that was on the wrong side, and the weights and the bias after its correction."""

    x: list[float]
    weight: list[float]
    bias: float


class Perceptron(Neuron):
    """A neuron that returns 1 if weight · x + bias > 0, else 0; or else -1, once fitted to that.

    Its slope is 0, so gradients teach it nothing. If a line separates the classes, the rule finds
    one after finitely many mistakes (Novikoff 1962); if none does, as for XOR, the mistakes never
    end.

    >>> AND = Perceptron(2).fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1])
    >>> AND.predict([[1, 0], [1, 1]])
    [0, 1]
    """

    def __init__(self, n_inputs: int, low: int = 0) -> None:
        super().__init__(n_inputs, "step", init="zeros")
        if low not in (0, -1):
            raise ValueError(f"the class of a unit that does not fire is 0 or -1, not {short(low)}")
        self.low = low
        self.errors_: list[int] = []
        self.corrections_: list[Correction] = []

    @property
    def settings(self) -> dict[str, Any]:
        return {"low": self.low} if self.low else {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update({"low": 0, "corrections_": [], **state})  # earlier ones had neither

    def _assemble(self) -> None:
        if not isinstance(self.weight, list):
            raise TypeError("a Perceptron learns by a rule of its own, which is for Values")
        super()._assemble()

    def fit(
        self, X: Sequence[Sequence[float]], y: Sequence[float], lr: float = 1.0, epochs: int = 100,
        record: bool = False,
    ) -> Self:  # fmt: skip
        """Go through the data until an epoch has no mistake, or `epochs` times.

        The classes are 0 and 1, or -1 and 1. Each mistake moves the weights by lr * x if the unit
        should have fired, else by -lr * x, and the bias by lr or -lr. `errors_` has the number of
        mistakes of each epoch, and with `record` `corrections_` has what each changed, for
        `nn.plot_perceptron`. ValueError for another class, X and y of different lengths, another
        number of features, a nan or an infinity.
        """
        lr, epochs = number("the learning rate", lr), count("epochs", epochs)
        rows, classes = checked(X, y)
        low = -1 if -1 in classes else 0 if 0 in classes else self.low
        if wrong := [c for c in classes if c not in (low, 1)]:
            raise ValueError(
                f"the classes of a Perceptron are 0 and 1, or -1 and 1, not {short(wrong[0])}"
                + (" beside -1" if low else "")
            )
        self.low, self.errors_, self.corrections_ = low, [], []
        while len(self.errors_) < epochs and 0 not in self.errors_:
            self.errors_.append(0)
            for x, target in zip(rows, classes, strict=True):
                if (mistake := (target == 1) - self._fired(x)) != 0:
                    self.errors_[-1] += 1
                    for w, feature in zip(self.weight, x, strict=True):
                        w.data += lr * mistake * feature
                    self.bias.data += lr * mistake
                    if record:
                        weight = [w.data for w in self.weight]
                        self.corrections_.append(Correction(x, weight, self.bias.data))
        return self

    def predict(self, X: Sequence[Sequence[float]]) -> list[int]:
        """The class of each sample; TypeError or ValueError as for `fit`."""
        return [1 if self._fired(x) else self.low for x in table("X", X)]

    def _fired(self, x: list[float]) -> int:
        with no_grad():
            return int(self(x).data)
