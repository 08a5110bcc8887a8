"""Values and Tensors that enter one call: a Value meets a Tensor as a Tensor of no axes."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar

from ..core.modes import mixing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..core.graph import Node

# Whether nodes of arrays, nodes of numbers, or both are inputs of the calls that are going on.
_kinds: ContextVar[frozenset[bool]] = ContextVar("kinds", default=frozenset())


@contextmanager
def meeting(inputs: Iterable[Node]) -> Iterator[None]:
    """A context in which kinds may meet, if these inputs and those of the calls around are of both.

    Whatever else is a Value or a Tensor there may meet too. Gradients flow through the crossing.
    """
    kinds = _kinds.get() | {x.broadcasts for x in inputs}
    entered, mixes = _kinds.set(kinds), mixing.set(len(kinds) > 1)
    try:
        yield
    finally:
        mixing.reset(mixes)
        _kinds.reset(entered)
