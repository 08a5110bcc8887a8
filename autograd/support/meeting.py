"""Values and Tensors that enter one call: kinds meet there, and no copy cuts a gradient."""

from __future__ import annotations

from contextvars import ContextVar

from ..core.modes import is_input, mixing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextvars import Token
    from typing import Any

    from ..core.graph import Node

# Whether nodes of arrays, nodes of numbers, or both are inputs of the calls that are going on.
_kinds: ContextVar[frozenset[bool]] = ContextVar("kinds", default=frozenset())


def enter(inputs: Iterable[Node]) -> Token[Any]:
    """Make a copy of each of these nodes that node itself, until `is_input` is reset."""
    fresh, outer = frozenset(inputs), is_input.get()
    return is_input.set(lambda x: x in fresh or outer(x))


class meeting:  # noqa: N801  # a context, written as a function is
    """A context in which kinds may meet, if these inputs and those of the calls around are of both.

    Whatever else is a Value or a Tensor there may meet too: a Value as a Tensor of no axes, with
    gradients through the crossing. A copy of one of the inputs is that input.
    """

    __slots__ = ("entered", "inputs", "kinds", "mixes")

    def __init__(self, inputs: Iterable[Node]) -> None:
        self.inputs: Iterable[Node] = inputs

    def __enter__(self) -> None:
        kinds = _kinds.get() | {x.broadcasts for x in self.inputs}
        self.kinds, self.mixes = _kinds.set(kinds), mixing.set(len(kinds) > 1)
        self.entered: Any = enter(self.inputs)

    def __exit__(self, *_: object) -> None:
        is_input.reset(self.entered)
        mixing.reset(self.mixes)
        _kinds.reset(self.kinds)
