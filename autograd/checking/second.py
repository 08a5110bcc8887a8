"""Second derivatives written by hand: a Hessian, and its product with a vector, as subjects."""

from __future__ import annotations

import random

from ..core.kinds import describe
from .arguments import flat, number
from .elsewhere import carried, in_another_library
from .frameworks import is_elsewhere, lower
from .subjects import Given, Subject

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Function = Callable[..., Any]

PRODUCTS = 2  # random vectors that a Hessian-vector product is tried with


def second_derivatives(
    first: Subject, df: Function | None, hess: Function | None, hvp: Function | None,
    args: tuple[Any, ...], seed: int,
) -> Iterator[Subject]:  # fmt: skip
    """Yield a subject for `hess`, and one for each vector that `hvp` is tried with.

    They are derivatives of the gradient that df returns, or else of the one found by f's library.
    """
    if (hess or hvp) and len(first.outputs) != 1:
        raise ValueError(
            f"{first.name} returns {len(first.outputs)} numbers, and a Hessian is that of one"
        )

    def gradient(*at: Any) -> Any:
        if df is not None:
            return df(*at)
        (row,) = first.gradient([number(x) for x in flat(lower(at), none=False)])
        found = first.arguments.filled(row)
        return found if len(found) > 1 else found[0]

    def columns(*at: Any) -> Any:
        assert hess is not None
        blocks, count = hess(*at), len(args)
        if count == 1:
            return blocks
        sizes = [len(row) if isinstance(row, (list, tuple)) else 0 for row in (blocks, *blocks)]
        if sizes != [count] * (count + 1):
            raise ValueError(
                f"hess returns a tuple for each of {count} arguments, of as many blocks, and not "
                f"{describe(blocks)}"
            )
        return tuple(zip(*blocks, strict=True))

    gradient.__name__, gradient.__wrapped__ = "grad", first.f  # type: ignore[attr-defined]
    if hess is not None:
        subject = in_another_library(gradient, columns, args) or Given(gradient, columns, args)
        subject.limits = first.limits
        yield subject
    rng = random.Random(seed)
    for k in range(PRODUCTS if hvp is not None else 0):
        yield _product(first, gradient, hvp, args, first.weights(rng), f"v{k + 1}")


def _product(
    first: Subject, gradient: Function, hvp: Any, args: tuple[Any, ...], v: list[float], name: str
) -> Subject:
    """The gradient along a line in the direction of v, and the claim for its slope at the point."""
    numbers, filled = first.arguments.numbers, first.arguments.filled
    vector = filled(v) if len(args) > 1 else filled(v)[0]
    ends = first.limits or [(-float("inf"), float("inf"))] * len(numbers)
    if is_elsewhere(args):
        fine = first.arguments.roundoff < first.coarseness
        gradient = carried(gradient, args, fine)
        hvp = carried(hvp, (*args, args if len(args) > 1 else args[0]), False)

    def along(t: float) -> Any:
        at = [x + (t - 1.0) * step for x, step in zip(numbers, v, strict=True)]
        if not all(low <= x <= high for x, (low, high) in zip(at, ends, strict=True)):
            raise ValueError("outside the bounds")
        return gradient(*filled(at))

    along.__name__ = "grad"
    subject = Given(along, lambda _: hvp(*filled(numbers), vector), (1.0,))
    subject.arguments.names = [name]
    subject.arguments.roundoff, subject.coarseness = first.arguments.roundoff, first.coarseness
    return subject
