"""Module: anything that holds parameters and can be called.

A module is a class with attributes and a `__call__`; nothing is registered. Its parameters are the
leaves in its attributes, and in the lists, tuples, dicts and modules there. Every call opens a
scope, so that a drawing of the graph collapses into the modules that made it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from functools import wraps
from itertools import groupby
from typing import TYPE_CHECKING, Any, Self

from autograd import scope, trees, zero_grad

from .parameters import flat, is_block, is_parameter, is_tensor, moved, numbers, put, shape, size

if TYPE_CHECKING:
    from .parameters import Parameter

Watcher = Callable[["Module", Any], None]
_watchers: list[Watcher] = []


class Module:
    """A model, or a part of one: parameters in its attributes, the function in `__call__`."""

    name = ""  # its title in a drawing; the class's name if empty

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        if "__call__" in cls.__dict__:
            cls.__call__ = _in_a_scope(cls.__dict__["__call__"])  # type: ignore[method-assign]

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

    def _blocks(self) -> Iterator[tuple[str, Any]]:
        """Parameters as they are stored: one by one, or a rectangle of Values as one block."""
        seen: set[int] = set()
        for name, x in _walk("", self, seen):
            if is_parameter(x):
                yield name, x
            elif isinstance(x, (list, tuple)) and is_block(x) and id(next(flat(x))) not in seen:
                seen.update(map(id, flat(x)))  # their owner is skipped from now on
                yield name, x

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
        return vars(x).items()
    if isinstance(x, dict):
        return x.items()
    return enumerate(x) if isinstance(x, (list, tuple)) else ()


def _taken(x: Any, given: Any) -> list[Any]:
    """The numbers for the parameters of a block, one after the other."""
    if is_tensor(x):
        return [type(x)(given).data]  # whose error says what cannot be in a Tensor
    return list(map(float, flat(given)))


# ---- repr ----------------------------------------------------------------------------------------


def _outline(module: Module, indent: str = "") -> Iterator[str]:
    count = size(module.parameters())
    yield f"{indent}{module.describe()}: {count} parameter{'' if count == 1 else 's'}"
    for text, run in groupby(_children(module), key=lambda pair: "\n".join(_outline(pair[1]))):
        names = [name for name, _ in run]
        title = names[0] if len(names) == 1 else f"{names[0]} ... {names[-1]}, each"
        first, *rest = text.split("\n")
        yield f"{indent}  {title}: {first}"
        yield from (f"{indent}  {line}" for line in rest)


def _children(module: Module) -> Iterator[tuple[str, Module]]:
    """The modules directly under this one, with their names."""
    waiting = [(str(key), x) for key, x in reversed(list(_held(module)))]
    while waiting:
        name, x = waiting.pop()
        if isinstance(x, Module):
            yield name, x
        else:
            waiting.extend((f"{name}.{k}", child) for k, child in reversed(list(_held(x))))
