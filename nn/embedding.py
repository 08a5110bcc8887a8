"""Embedding: a row of numbers for each word, looked up by the word's number."""

from __future__ import annotations

from random import Random
from typing import Any

from .choices import count
from .init import Initializer, initializer
from .layers import refuse_values
from .module import Module
from .parameters import DType, Tensor, as_array, as_tensor, np, plain


class Embedding(Module):
    """`weight` has a row of `width` numbers for each of `n` words, normally distributed at first.

    Called on an array of whole numbers 0 to n - 1, of any shape, it gives their rows along a new
    last axis, and the gradient goes to the rows that were looked up. It is on the tensor backend
    only. ValueError for another number.
    """

    def __init__(
        self, n: int, width: int, *, init: str | Initializer | None = "normal",
        seed: int | Random | None = None, dtype: DType = None,
    ) -> None:  # fmt: skip
        n, width = count("the number of words", n), count("the width of a row", width)
        rng = seed if isinstance(seed, Random) else Random(seed)
        self.weight: Tensor = as_tensor(np.array(initializer(init, None)(width, n, rng)), dtype)

    def __call__(self, words: Any) -> Tensor:
        given = as_array(plain(words))
        if given.dtype.kind == "f" and (given == np.floor(given)).all():
            given = given.astype(int)
        n = len(self.weight)
        looks = hasattr(given, "min") and given.size  # not where only the form is known
        if given.dtype.kind not in "iu" or (looks and not 0 <= given.min() <= given.max() < n):
            raise ValueError(
                f"the words of this Embedding are the whole numbers 0 to {n - 1}, and not {words}"
            )
        return self.weight[given]

    def _assemble(self) -> None:
        refuse_values(self)

    @property
    def widths(self) -> list[int]:
        """The number of words, and of numbers for each."""
        return list(self.weight.shape)

    @property
    def settings(self) -> dict[str, Any]:
        """Keyword arguments that, with the widths, build it again."""
        return {"dtype": str(self.weight.dtype)}

    def describe(self) -> str:
        return f"Embedding({' → '.join(map(str, self.widths))}, {self.weight.dtype} tensors)"
