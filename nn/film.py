"""The film of a training: its weights at many iterations, within a budget of memory.

Regions, gradients and activations are computed when the film plays, by the model itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Final

from autograd import trees

from .choices import count
from .data import Data, taken
from .losses import Loss
from .module import Module
from .parameters import Array, Parameter, copied, cut, fill, joined, np, size

BUDGET = 16_000_000  # bytes of weights
MOST_SAMPLES, MOST_NUMBERS = 500, 4_000_000  # of the data that a film keeps


class Film:
    """The weights of a training at iterations 0, 1, 2 ..., as float32, and what plays them.

    When the budget is full every second frame is dropped, and from then on so many fewer are kept:
    frames are evenly spaced, and the first and the last are always there. A number that is too
    large for float32 is inf here. The film keeps a copy of the model, and of up to 500 samples: so
    it plays when the model has changed, or is gone. `film[k]` is the model as it was at frame k.
    """

    def __init__(
        self, model: Module, params: Sequence[Parameter], loss: Loss, data: Data,
        per_epoch: int, budget: int = BUDGET,
    ) -> None:  # fmt: skip
        self.most: Final = budget // (one := 4 * size(params))
        if self.most < 3:
            raise ValueError(
                f"watch={budget} bytes hold {self.most} frames of {size(params):,} weights, and a "
                f"film has 3 at least: give watch={3 * one} or more"
            )
        self.per_epoch: int = per_epoch
        self.samples: int = len(data[0])
        self.loss: Loss = loss
        places = spread(len(data[0]), _most_of(data[0]))
        self.data: Data = taken(data[0], places), taken(data[1], places)  # copies
        fresh = {id(p): type(p)(copied(p.data), p.label) for p in (*model.parameters(), *params)}
        try:
            self._model, self._params = deepcopy((model, list(params)), fresh)  # those are copied
        except Exception as error:
            error.add_note("a film keeps a copy of the model: leave watch out, or make it copyable")
            raise
        self.stride: int = 1
        self.iterations: list[int] = []
        self.rows: list[bytes] = []

    def add(self, iteration: int, params: Sequence[Any]) -> None:
        """Keep the numbers of the parameters after an iteration; the newest are always kept."""
        if self.iterations and self.iterations[-1] % self.stride:
            self.iterations.pop()
            self.rows.pop()
        self.iterations.append(iteration)
        self.rows.append(row_of(params))
        if len(self.rows) > self.most:
            self.stride *= 2
            kept = [k for k, i in enumerate(self.iterations) if not i % self.stride]
            kept += [] if kept[-1] == self.most else [self.most]
            self.iterations = [self.iterations[k] for k in kept]
            self.rows = [self.rows[k] for k in kept]

    @property
    def epochs(self) -> list[float]:
        """The epoch of each frame; 0.5 is after half of the first."""
        return [i / self.per_epoch for i in self.iterations]

    @property
    def nbytes(self) -> int:
        """The bytes of the weights that are kept."""
        return sum(map(len, self.rows))

    def __len__(self) -> int:
        return len(self.rows)

    def copy(self) -> tuple[Module, list[Parameter]]:
        """A copy of the model, and those of its parameters that were trained."""
        return deepcopy((self._model, self._params))

    def __getitem__(self, k: int) -> Module:
        """A copy of the model with the weights of frame k."""
        model, params = self.copy()
        load(params, self.rows[k])
        return model

    def __repr__(self) -> str:
        last = self.iterations[-1] if self.iterations else 0
        return f"<Film of {len(self)} frames, iterations 0 to {last}, {self.nbytes:,} bytes>"


def load(params: Sequence[Parameter], row: bytes) -> None:
    """Give the parameters the numbers of a frame."""
    fill(params, cut(params, numbers_in(row)))


def budget_of(watch: object) -> int:
    """The bytes that `fit(watch=...)` allows for a film; 0 for none."""
    if watch is None or watch is False:
        return 0
    return BUDGET if watch is True else count("watch, a number of bytes,", watch)


def row_of(params: Sequence[Any]) -> bytes:
    """The numbers of parameters, one after the other, as float32."""
    with np.errstate(over="ignore"):
        return joined([p.data for p in params], np.float32).tobytes()


def numbers_in(row: bytes) -> Array:
    """The numbers of a frame."""
    return np.frombuffer(row, np.float32)


def _most_of(xs: Any) -> int:
    """So many samples that their numbers are few."""
    one = getattr(xs[0], "size", None) or len(trees.leaves(xs[0]))
    return min(MOST_SAMPLES, max(1, MOST_NUMBERS // max(1, one)))


def spread(n: int, most: int) -> list[int]:
    """Up to that many of n places, evenly, with the first and the last."""
    k = min(n, most)
    return [i * (n - 1) // max(1, k - 1) for i in range(k)]
