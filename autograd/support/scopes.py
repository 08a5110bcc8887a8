"""Scopes: what a picture shows as one box."""

from __future__ import annotations

from _thread import get_ident
from _weakref import ref

from ..core.graph import Node, birth, nodes
from ..core.kinds import describe
from ..core.modes import extra, remember
from ..trees import leaves

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    T = TypeVar("T")
    Call = tuple[str, int, int, Callable[[], Any] | None, int | tuple[int, ...], int]


def scope(name: Any, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Call the function; everything recorded meanwhile is drawn as one box of that name.

    Instead of a name it takes the object called, such as a module, with a `name` or else that of
    its class. It is remembered weakly: a graph that held it might never be freed.
    """
    owner = None
    if not isinstance(name, str):
        if not hasattr(type(name), "_parts"):
            raise TypeError(f"the name of a scope is a string, not {describe(name)}")
        owner, title = ref(name), name.name
        name = title if title and isinstance(title, str) else type(name).__name__
    first = birth()
    result = function(*args, **kwargs)
    # An interval of births, kept on the nodes that the call returns.
    if isinstance(result, Node):
        _keep(result, (str.__str__(name), first, birth(), owner, result._born, get_ident()))
    elif isinstance(result, (list, tuple, dict)):
        try:
            found = leaves(result)
        except RecursionError:  # it contains itself
            return result
        births = tuple([x._born if isinstance(x, Node) else 0 for x in found])
        call = str.__str__(name), first, birth(), owner, births, get_ident()
        for x in found:
            if isinstance(x, Node):
                _keep(x, call)
    return result


def _keep(node: Node, call: Call) -> None:
    remember(node, "scopes", (*extra(node).get("scopes", ()), call))


def calls(found: Iterable[Node]) -> list[Call]:
    """Every scope of these nodes, each once: its name and the births of its interval.

    Then a weak reference to the object called, the births of what is in the list that the call
    returned, 0 for numbers, or that of the node it returned, and the thread. Calls that ran at the
    same time on several threads are left out: their intervals have nodes of one another.
    """
    several = (call for node in found for call in extra(node).get("scopes", ()))
    kept = {id(call): call for call in several}.values()
    apart: list[list[Call]] = []
    end = 0
    for call in sorted(kept, key=lambda call: call[1]):
        if call[1] < end:
            apart[-1].append(call)
        else:
            apart.append([call])
        end = max(end, call[2])
    mixed = {id(call) for run in apart if len({call[5] for call in run}) > 1 for call in run}
    return [call for call in kept if id(call) not in mixed]


def scopes(root: Node) -> list[tuple[str, int, int]]:
    """Every scope under `root` as (name, first birth, last birth)."""
    return [call[:3] for call in calls(nodes(root))]
