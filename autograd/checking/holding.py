"""Arguments that a check passes to f unchanged, and does not differentiate by: `fixed`."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

from .arguments import parameter_names
from .subjects import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final


class Held:
    """A function of those arguments that are not fixed, under its own name and theirs."""

    def __init__(self, f: Any, names: list[str], fixed: dict[int, Any], named: Any) -> None:
        self.f: Any = f
        self.fixed: dict[int, Any] = fixed
        self.named: Any = named
        self.__name__: Final = name_of(f)
        self.held: Final = {**{names[i]: x for i, x in fixed.items()}, **named}
        free = tuple(name for i, name in enumerate(names) if i not in fixed)
        self.__code__: Final = SimpleNamespace(co_varnames=free, co_argcount=len(free), co_flags=0)

    def __call__(self, *args: Any) -> Any:
        rest = iter(args)
        count = len(args) + len(self.fixed)
        places = [self.fixed[i] if i in self.fixed else next(rest) for i in range(count)]
        return self.f(*places, **self.named)


def hold(
    functions: tuple[Any, ...], args: tuple[Any, ...], fixed: Any
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Functions, and the arguments, without those that are fixed; ValueError for an unknown name.

    `fixed` is a name, several, or a dict of what the functions take by name besides `args`. The
    first function has the names.

    >>> (f, _), args = hold((lambda x, n: x**n, None), (2.0, 3), ("n",))
    >>> f(*args), args
    (8.0, (2.0,))
    """
    names = parameter_names(functions[0], len(args))
    if isinstance(fixed, Mapping):
        taken, named = [], dict(fixed)
    else:
        taken, named = [fixed] if isinstance(fixed, str) else list(fixed), {}
    for name in taken:
        if name not in names:
            raise ValueError(f"fixed has {name!r}, but the arguments are {', '.join(names)}")
    places = {i: args[i] for i, name in enumerate(names) if name in taken}
    free = tuple(x for i, x in enumerate(args) if i not in places)
    if not free:
        raise ValueError("all arguments are fixed: there is nothing to differentiate by")
    return tuple(f and Held(f, names, places, named) for f in functions), free
