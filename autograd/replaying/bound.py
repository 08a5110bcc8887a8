"""A replay and its parameters in one array, as an optimiser wants them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .tape import numbers_in

if TYPE_CHECKING:
    from .recordings import Wanted
    from .replay import Replay

Array = Any  # of NumPy


class Bound:
    """A replay that takes the numbers of some leaves from `numbers`, and not from the leaves.

    `numbers` is an array of floats that may be written to; `write` puts them into the leaves, and
    `read` takes them from there. Gradients are arrays in the same order.
    """

    def __init__(self, replay: Replay, wanted: Wanted) -> None:
        self._replay, self._wanted = replay, wanted
        self.leaves = list(wanted.leaves or ())
        self.numbers = numbers_in(self.leaves)
        self._place = {leaf: i for i, leaf in enumerate(self.leaves)}
        self._known: tuple[Any, Array, Array] = (None, np.zeros(0), np.zeros(0))

    def read(self) -> None:
        """Take the numbers that the leaves hold."""
        self.numbers[:] = numbers_in(self.leaves)

    def write(self) -> None:
        """Put the numbers into the leaves."""
        for leaf, x in zip(self.leaves, self.numbers.tolist(), strict=True):
            leaf.data = x

    def value_and_grad(self, *args: Any, **named: Any) -> tuple[float, Array]:
        """f(*args), and its gradient by the leaves as an array."""
        _, results, gradients = self._replay.run(args, named, self._wanted, self._held)
        return results.item(), gradients

    def batch(self, *args: Any, in_axes: Any = 0, **named: Any) -> tuple[Array, Array]:
        """f of many argument sets, and the sum of its gradients by the leaves, as arrays."""
        lanes = self._replay.lanes(args, in_axes)
        values, total = np.empty(lanes.count), np.zeros(len(self.leaves))
        none = np.zeros(len(total), bool)
        for _, done, results, _, added in self._replay.run_lanes(
            lanes, named, self._wanted, none, self._held
        ):
            values[done] = results[0]
            total += added
        return values, total

    def _held(self, leaves: list[Any]) -> Array:
        """The numbers of a recording's leaves: ours, and what the others hold."""
        known, place, others = self._known
        if known is not leaves:
            place = np.array([self._place.get(leaf, -1) for leaf in leaves], int)
            others = np.flatnonzero(place < 0)
            self._known = leaves, place, others
        if not len(others):
            return self.numbers[place]
        numbers = np.append(self.numbers, 0.0)[place]
        numbers[others] = numbers_in([leaves[i] for i in others])
        return numbers
