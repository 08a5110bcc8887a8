"""Values and Tensors that enter one call: a Value meets a Tensor as a Tensor of no axes."""

from __future__ import annotations

from contextvars import ContextVar

from ..core.modes import mixing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..core.graph import Node

# Whether nodes of arrays, nodes of numbers, or both are inputs of the calls that are going on.
_kinds: ContextVar[frozenset[bool]] = ContextVar("kinds", default=frozenset())


class meeting:  # noqa: N801  # a context, written as a function is
    """A context in which kinds may meet, if these inputs and those of the calls around are of both.

    Whatever else is a Value or a Tensor there may meet too. Gradients flow through the crossing.
    """

    __slots__ = ("entered", "inputs", "mixes")

    def __init__(self, inputs: Iterable[Node]) -> None:
        self.inputs: Iterable[Node] = inputs

    def __enter__(self) -> None:
        kinds = _kinds.get() | {x.broadcasts for x in self.inputs}
        self.entered, self.mixes = _kinds.set(kinds), mixing.set(len(kinds) > 1)

    def __exit__(self, *_: object) -> None:
        mixing.reset(self.mixes)
        _kinds.reset(self.entered)
