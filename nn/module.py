"""Module: anything that holds parameters and can be called.

A module is a class with attributes and a `__call__`; nothing is registered. Its parameters are the
leaves in its attributes, and in the lists, tuples, dicts and modules there. Every call opens a
scope, so that a drawing of the graph collapses into the modules that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import wraps
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from autograd import scope, trees, zero_grad

from .parameters import (
    cast,
    flat,
    is_block,
    is_parameter,
    is_tensor,
    moved,
    numbers,
    put,
    shape,
    size,
)

if TYPE_CHECKING:
    from .parameters import Parameter

Watcher = Callable[["Module", Any], None]
Above = tuple["Module", ...]  # who holds a module, so that one which holds its owner has an end
_watchers: list[Watcher] = []


class Part(NamedTuple):
    """A module, or some parameters, as plain facts: `autograd.draw` makes a picture of them."""

    title: str
    kind: str  # the line of its class
    blocks: tuple[tuple[str, Any], ...]  # the parameters by name
    total: int  # their elements
    activation: str = ""
    weight: Any = None  # of units that each take every input: a row for each unit
    bias: Any = None
    parts: tuple[Part, ...] = ()
    chained: bool = False  # each part takes what the one before returns
    inputs: tuple[str, ...] = ()  # names, if they have some
    outputs: tuple[str, ...] = ()


class Module:
    """A model, or a part of one: parameters in its attributes, the function in `__call__`."""

    name = ""  # its title in a drawing; the class's name if empty

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__call__" in cls.__dict__:
            cls.__call__ = _in_a_scope(cls.__dict__["__call__"])  # type: ignore[method-assign]
            calls = sum("__call__" in vars(base) for base in cls.__mro__)
            if calls > 2 and "_anatomy" not in cls.__dict__:  # other than its own and Module's
                cls._anatomy = Module._anatomy  # type: ignore[method-assign]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The output of the module; a subclass defines it."""
        raise TypeError(f"{type(self).__name__} has no __call__ yet: define what it computes")

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Every parameter with its dotted name, each once, in the order of the attributes."""
        for name, x in _walk("", self, set()):
            if is_parameter(x):
                yield name, x

    def parameters(self) -> list[Parameter]:
        """Every parameter, each once, in the order of the attributes."""
        return [p for _, p in self.named_parameters()]

    def modules(self) -> list[Module]:
        """This module and all under it, each once, outermost first."""
        return [x for _, x in _walk("", self, set()) if isinstance(x, Module)]

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        zero_grad(self.parameters())

    def state_dict(self) -> dict[str, Any]:
        """The numbers of all parameters by name: floats, nested lists or arrays."""
        blocks = [(name, numbers(x)) for name, x in self._blocks()]
        state = dict(blocks)
        for name in state if len(state) < len(blocks) else ():
            if [other for other, _ in blocks].count(name) > 1:
                raise ValueError(f"two parameters have the name {name!r}: rename a key")
        return state

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take these numbers. ValueError, with nothing changed, unless all names and shapes fit.

        Names and shapes are the same on both backends, so each takes the other's state.
        """
        blocks = dict(self._blocks())
        for problem, names in (
            ("lacks", [name for name in blocks if name not in state]),
            ("has the unknown", [name for name in state if name not in blocks]),
        ):
            if names:
                raise ValueError(f"the state {problem} {', '.join(map(repr, names))}")
        for name, x in blocks.items():
            if shape(state[name]) != shape(x):
                raise ValueError(
                    f"{name!r} has the shape {shape(x)} here, and {shape(state[name])} in the state"
                )
        given = {name: _taken(x, state[name]) for name, x in blocks.items()}
        for name, x in blocks.items():
            for p, number in zip(flat(x), given[name], strict=True):
                put(p, number)

    def to(self, backend: str, dtype: Any = None) -> Self:
        """A copy on that backend, "value" or "tensor", with the same weights, labels and names.

        `dtype` is the precision of Tensors: by default the present one, or float64. This module and
        an optimiser of its parameters do not change.
        """
        blocks = {id(x): moved(x, backend, dtype) for _, x in self._blocks()}
        copy = deepcopy(self, blocks)  # blocks count as copied already
        for module in reversed(copy.modules()):
            module._assemble()
        return copy

    def _assemble(self) -> None:
        """Make what depends on the parameters; called again when they are exchanged."""

    def _follow(self) -> None:
        """Let what was made from attributes follow those that were assigned since."""

    def _blocks(self) -> Iterator[tuple[str, Any]]:
        """Parameters as they are stored: one by one, or a rectangle of Values as one block."""
        seen: set[int] = set()
        for name, x in _walk("", self, seen):
            if is_parameter(x):
                yield name, x
            elif isinstance(x, (list, tuple)) and is_block(x) and id(next(flat(x))) not in seen:
                seen.update(map(id, flat(x)))  # their owner is skipped from now on
                yield name, x

    def _anatomy(self, title: str = "", above: Above = ()) -> Part:
        """The facts for a picture, with parts by attribute; a class may know more of them."""
        return part_of(self, title, parts=tuple(_by_attribute(self, (*above, self))))

    def _parts(self) -> Iterable[tuple[str, Any]]:
        """The attributes, from which a picture names the parameters."""
        return vars(self).items()

    def describe(self) -> str:
        """The line for `repr`."""
        return type(self).__name__

    def __repr__(self) -> str:
        return "\n".join(_outline(self))


def _in_a_scope(call: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(call)
    def scoped(self: Module, *args: Any, **kwargs: Any) -> Any:
        result = scope(self, call, self, *args, **kwargs)
        for watcher in _watchers:
            watcher(self, result)
        return result

    return scoped


@contextmanager
def watching(watcher: Watcher) -> Iterator[None]:
    """A context in which `watcher(module, result)` hears of every call of every module."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def _walk(name: str, x: Any, seen: set[int], level: int = 0) -> Iterator[tuple[str, Any]]:
    """Every parameter, container and module under `x` with its dotted name, each once."""
    held = isinstance(x, (Module, list, tuple, dict))
    if not (held or is_parameter(x)) or id(x) in seen:
        return
    seen.add(id(x))
    yield name, x
    for key, child in _held(x):
        yield from _walk(f"{name}.{key}" if name else str(key), child, seen, trees.deeper(level))


def _held(x: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(x, Module):
        x._follow()
        return vars(x).items()
    if isinstance(x, dict):
        return x.items()
    return enumerate(x) if isinstance(x, (list, tuple)) else ()


def _taken(x: Any, given: Any) -> list[Any]:
    """The numbers for the parameters of a block, one after the other."""
    if is_tensor(x):
        return [cast(type(x)(given).data, x.dtype)]  # whose error says what cannot be in a Tensor
    return list(map(float, flat(given)))


# ---- repr, and the facts for a picture -----------------------------------------------------------


def title_of(module: Module) -> str:
    """The name of a module; "" if it has none, or has something else under that attribute."""
    return module.name if isinstance(module.name, str) else ""


def part_of(module: Module, title: str, **known: Any) -> Part:
    """The facts about any module, and what is known beyond them."""
    blocks, count = tuple(module._blocks()), size(module.parameters())
    return Part(title or title_of(module), module.describe(), blocks, count, **known)


def chain_of(
    module: Module, title: str, parts: Iterable[Module], above: Above, **known: Any
) -> Part:
    """The facts about a module that calls its parts one after the other."""
    drawn = tuple(part._anatomy("", (*above, module)) for part in parts)
    return part_of(module, title, parts=drawn, chained=True, **known)


def _by_attribute(module: Module, above: Above) -> Iterator[Part]:
    """Modules and parameters under each attribute; what an earlier one holds too is told apart."""
    blocks = list(module._blocks())
    for key, x in vars(module).items():
        children = list(_children([(key, x)], above))
        inside = [f"{name}." for name, _ in children]
        first = [any(owner.startswith(name) for owner, _ in blocks) for name in inside]
        for (_, new), run in groupby(zip(children, first, strict=True), _alike):
            pairs = [pair for pair, _ in run]
            part = pairs[0][1]._anatomy(_span([name for name, _ in pairs]), above)
            shared = part.total and not new
            yield Part(part.title, f"{part.kind}, shared", (), 0) if shared else part
        here = [pair for pair in blocks if f"{pair[0]}.".startswith(f"{key}.")]
        own = tuple((name, block) for name, block in here if not name.startswith(tuple(inside)))
        if own:
            yield Part(key, "parameters", own, size(p for _, x in own for p in trees.leaves(x)))


def _alike(row: tuple[tuple[str, Module], bool]) -> tuple[str, bool]:
    """A key that equal elements of a list share; other names than numbers tell modules apart."""
    (name, child), new = row
    return "\n".join(_outline(child)) if name.rpartition(".")[2].isdigit() else name, new


def _span(names: Sequence[str]) -> str:
    """The title of equal parts."""
    return names[0] if len(names) == 1 else f"{names[0]} ... {names[-1]}, each"


def _outline(module: Module, above: Above = ()) -> Iterator[str]:
    count = size(module.parameters())
    yield f"{module.describe()}: {count} parameter{'' if count == 1 else 's'}"
    above = (*above, module)
    rows = [
        (name, "\n".join(_outline(child, above))) for name, child in _children(_held(module), above)
    ]
    for text, run in groupby(rows, key=lambda row: row[1]):
        first, *rest = text.split("\n")
        yield f"  {_span([name for name, _ in run])}: {first}"
        yield from (f"  {line}" for line in rest)


def _children(held: Iterable[tuple[Any, Any]], above: Above) -> Iterator[tuple[str, Module]]:
    """The modules nearest to these with their names, without those above."""
    waiting = [(str(key), x) for key, x in reversed(list(held))]
    while waiting:
        name, x = waiting.pop()
        if not isinstance(x, Module):
            waiting.extend((f"{name}.{k}", child) for k, child in reversed(list(_held(x))))
        elif all(x is not owner for owner in above):
            yield name, x
