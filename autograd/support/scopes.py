"""Scopes: what a picture shows as one box."""

from __future__ import annotations

from ..core.graph import Node, birth, nodes
from ..core.modes import extra, remember

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")


def scope(name: str, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call the function; everything recorded meanwhile is drawn as one box of that name.

    A scope is an interval of births, kept on the nodes the call returns.
    """
    first = birth()
    result = function(*args, **kwargs)
    interval = (str.__str__(name), first, birth())
    for node in result if isinstance(result, (list, tuple)) else [result]:
        if isinstance(node, Node):
            remember(node, "scopes", (*extra(node).get("scopes", ()), interval))
    return result


def scopes(root: Node) -> list[tuple[str, int, int]]:
    """Every scope under `root` as (name, first birth, last birth), each once."""
    return list(dict.fromkeys(s for node in nodes(root) for s in extra(node).get("scopes", ())))
