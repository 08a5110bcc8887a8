"""Hypothesis strategies for what operations take, with the places where they break among it.

    from hypothesis import given
    from autograd import strategies

    @given(strategies.arguments("log"))
    def test_my_log(args): ...

A domain's ends, the floats next to them, the points where an operation has a kink or a pole, ties
of two arguments, zeros of both signs, very small and very large numbers are drawn often, and not
only as often as chance would have it.
"""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from ..core.rules import rule
from ..core.value import Value

if TYPE_CHECKING:
    from collections.abc import Sequence

LARGEST = 1e6
TELLING = (0.0, -0.0, 0.5, -0.5, 1.0, -1.0, 2.0, 3.0, 1e-300, 1e-8, -1e-8, 1e6, -1e6)


def numbers(
    low: float = -math.inf, high: float = math.inf, edges: Sequence[float] = (),
    largest: float = LARGEST,
) -> st.SearchStrategy[float]:  # fmt: skip
    """Finite floats from low to high, no larger than `largest`, with the edges drawn often.

    Edges are both ends where they are finite, the `edges` given, and the floats next to each.
    """
    if not low <= high:
        raise ValueError(f"low is at most high, but {low} > {high}")
    inner = max(low, -largest), min(high, largest)
    ends = [x for x in (low, high, *edges) if math.isfinite(x)]
    close = [math.nextafter(x, side) for x in ends for side in (-math.inf, math.inf)]
    telling = [x for x in (*ends, *close, *TELLING) if low <= x <= high]
    anywhere = st.floats(*inner, allow_nan=False, allow_infinity=False)
    return anywhere | st.sampled_from(telling) if telling else anywhere


def arguments(name: str, *, count: int = 3, largest: float = LARGEST) -> Any:
    """Tuples of floats for the operation of that name, its edges and kinks among them.

    Operations on a list get `count` numbers. LookupError if there is no such operation.
    """
    fact = rule(name).fact
    if fact.variadic:
        return st.tuples(*[numbers(largest=largest)] * (count * fact.lists))
    columns = [numbers(low, high, fact.edges, largest) for low, high in fact.domain]
    if fact.kink:  # floor and its kind jump at whole numbers, or between two
        columns = [c | st.integers(-1000, 1000).map(lambda i: i / 2) for c in columns]
    others = {"whole": st.integers(-2, 3).map(float), "truth": st.booleans()}
    columns = [others.get(kind, c) for kind, c in zip_longest(fact.takes, columns)]
    return st.tuples(*columns) | (_ties(columns) if fact.kink and fact.arity > 1 else st.nothing())


def _ties(columns: Sequence[Any]) -> Any:
    """Tuples in which two neighbours are equal: where minimum, maximum and clip have a kink."""

    def tied(drawn: tuple[tuple[float, ...], int]) -> tuple[float, ...]:
        xs, i = list(drawn[0]), drawn[1]
        xs[0] = xs[i]
        return tuple(xs)

    return st.tuples(st.tuples(*columns), st.integers(1, len(columns) - 1)).map(tied)


def values(
    low: float = -math.inf, high: float = math.inf, edges: Sequence[float] = ()
) -> st.SearchStrategy[Value]:
    """Values, as leaves, of such numbers."""
    return numbers(low, high, edges).map(Value)
