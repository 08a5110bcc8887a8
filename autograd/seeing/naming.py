"""Names of nodes that have no label: w¹₂₁, b¹₁, x₁, h¹₂, ŷ, mse.

They are made when a graph is looked at, from the calls that made it and from the attributes of the
modules called. A module offers those by a method `_parts()`; one that is gone gives no names.
Superscripts are the layer and, in brackets, the call; subscripts the unit and the input.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from ..core.graph import Node, nodes
from ..support.scopes import calls
from ..trees import DEEPEST
from .abbreviating import is_array, shape_of, words

UP, DOWN = "⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾", "₀₁₂₃₄₅₆₇₈₉"
RAISED = str.maketrans("0123456789()", UP)
LOWERED = str.maketrans("0123456789", DOWN)
FLAT = str.maketrans(UP + DOWN, "0123456789()0123456789")
LETTER = rf"[^\W{UP}{DOWN}]"
NAME = re.compile(
    rf"(?P<word>{LETTER}+(?:\.{LETTER}+)*)(?P<up>[{UP}]*)(?P<down>[{DOWN}]+(?:,[{DOWN}]+)*)?"
)
ROLES = {"weight": "w", "bias": "b"}
Path = tuple[Any, ...]


def named(word: str, indices: Iterable[int] = (), layer: int = 0, call: int = 0) -> str:
    """A name with its superscripts and subscripts; a comma parts indices that might be misread.

    >>> named("w", (2, 1), layer=1), named("w", (2, 10), layer=1), named("x", (1,), call=3)
    ('w¹₂₁', 'w¹₂,₁₀', 'x⁽³⁾₁')
    """
    raised = f"{layer or ''}{f'({call})' if call else ''}".translate(RAISED)
    lowered = ",".join(map(str, indices))
    if layer and len(lowered) == 3:
        lowered = lowered.replace(",", "")
    return word + raised + lowered.translate(LOWERED)


def taken_apart(found: re.Match[str]) -> tuple[str, str, str]:
    """The word of a `NAME`, its superscripts, and its subscripts with a comma between any two."""
    word, up, down = found["word"], found["up"].translate(FLAT), found["down"] or ""
    down = down.translate(FLAT)
    close = len(down) == 2 and up[:1].isdigit() and word.rpartition(".")[2] == "w"
    return word, up, ",".join(down) if close else down


def spelled(text: str) -> str:
    """A text without superscripts and subscripts.

    >>> spelled("d ŷ/d w¹₂₁ along x⁽³⁾₁")
    'd yhat/d w1[2,1] along x(3)[1]'
    """

    def spell(found: re.Match[str]) -> str:
        word, up, down = taken_apart(found)
        return word.replace("ŷ", "yhat").replace("Ŷ", "Yhat") + up + (f"[{down}]" if down else "")

    return NAME.sub(spell, text)


def printable(text: str) -> str:
    """The text as the terminal can show it."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except (LookupError, UnicodeError):
        return spelled(text)
    return text


# ---- parameters ----------------------------------------------------------------------------------


class Layer(NamedTuple):
    """A module that holds parameters of its own, with the attributes that lead to it.

    One that stands in a list has a number instead of a place there.
    """

    module: Any
    held: list[tuple[Path, Node]]
    path: Path = ()
    listed: bool = False
    number: int = 0

    def name(self, word: str, indices: Iterable[int] = (), call: int = 0) -> str:
        return named(".".join((*self.path, word)), indices, self.number, call)

    def parameters(self) -> Iterator[tuple[Node, str]]:
        """Each parameter with its name."""
        for path, node in self.held:
            word = str(ROLES.get(path[0], path[0]))
            indices = [k for k in path if isinstance(k, int)]
            if len(shape_of(node)) > 1 and word == "w":
                word = "W"
            elif self.number and not node.broadcasts and path[0] in ROLES:
                indices = [1] * ((word == "w") + 1 - len(indices)) + indices  # of a single unit
            yield node, self.name(".".join([word, *_keys(path[1:])]), indices)


def _keys(path: Path) -> list[str]:
    return [k for k in path if isinstance(k, str)]


def layers(modules: list[Any]) -> list[Layer]:
    """The layers of these modules, as they follow one another."""
    seen: set[int] = set()
    found = [layer for module in modules for layer in _layers(module, seen, 0)]
    number = Counter[Path]()
    for i, layer in enumerate(found):
        if layer.listed or len(modules) > 1:
            number[layer.path] += 1
            found[i] = layer._replace(number=number[layer.path])
    return found


def _layers(module: Any, seen: set[int], level: int) -> list[Layer]:
    held = [pair for key, x in module._parts() for pair in _held(x, (str(key),), seen, level + 1)]
    own = [(path, x) for path, x in held if isinstance(x, Node)]
    inner = [(path, _layers(x, seen, level + 1)) for path, x in held if hasattr(type(x), "_parts")]
    alone = len({path[0] for path, found in inner if found}) == 1
    out = [Layer(module, own)] if own else []
    for path, found in inner:
        way = tuple(_keys(path[alone:]))
        listed = len(_keys(path)) < len(path)
        out += [x._replace(path=way + x.path, listed=listed or x.listed) for x in found]
    return out


def _held(x: Any, path: Path, seen: set[int], level: int) -> Iterator[tuple[Path, Any]]:
    """The parameters and modules in an attribute, each once; those in a module not."""
    leaf = isinstance(x, Node) and not x._inputs
    held = leaf or isinstance(x, (list, tuple, dict)) or hasattr(type(x), "_parts")
    if not held or id(x) in seen or level > DEEPEST:
        return
    seen.add(id(x))
    if leaf or hasattr(type(x), "_parts"):
        yield path, x
        return
    pairs = ((str(k), y) for k, y in x.items()) if isinstance(x, dict) else enumerate(x, 1)
    for key, child in pairs:
        yield from _held(child, (*path, key), seen, level + 1)


# ---- a graph -------------------------------------------------------------------------------------


class Called(NamedTuple):
    """A scope, with the module called if it is still there, and what the call returned."""

    name: str
    first: int
    last: int
    module: Any  # None for one that is gone, or that was a function
    function: bool
    results: list[tuple[Path, Node]]  # with their places in a list

    def made(self, node: Node) -> bool:
        return self.first < node._born < self.last


def names_of(root: Node) -> dict[Node, str]:
    """The names of parameters, inputs and results of the calls under `root`."""
    return Naming(nodes(root)).names


def _called(call: Any, born: dict[int, Node]) -> Called:
    name, first, last, owner, births, _ = call
    several: list[tuple[Path, int]] = [((), births)]
    if isinstance(births, tuple):
        several = [((i,), b) for i, b in enumerate(births, 1)]
    results = [(place, born[b]) for place, b in several if first < b < last and b in born]
    return Called(name, first, last, owner and owner(), owner is None, results)


class Naming:
    """The names in one graph; a node keeps the first that it is given.

    `given` has the plain numbers that a module was called on, by the operation that uses them: the
    same key for the same numbers in one call, and their names.
    """

    def __init__(self, youngest_first: Sequence[Node]) -> None:
        self.names: dict[Node, str] = {}
        self.given: dict[Node, tuple[Any, list[str]]] = {}
        self.calls: list[Called] = []
        self.layers: list[Layer] = []
        self.titles: dict[int, str] = {}
        if not (found := sorted(calls(youngest_first), key=lambda call: (call[1], -call[2]))):
            return
        self.made: Final = [node for node in reversed(youngest_first) if node._inputs]
        self.births: Final = [node._born for node in self.made]
        born = dict(zip(self.births, self.made, strict=True))
        self.calls = [_called(call, born) for call in found]
        self.outer: list[Called] = []  # calls of modules inside no other
        for call in self.calls:
            if call.module is not None and not (self.outer and call.first < self.outer[-1].last):
                self.outer.append(call)
        self.layers = layers(list({id(c.module): c.module for c in self.outer}.values()))
        self.titles = self._retitled()
        self.names.update(pair for layer in self.layers for pair in layer.parameters())
        self.parameters: Final = set(self.names)
        self._answers()
        self._hidden()
        self._inputs()
        for call in self.calls:
            if call.function and call.results and not call.results[0][0]:
                self.names.setdefault(call.results[0][1], words(call.name))

    def frames(self) -> Iterator[tuple[str, set[Node]]]:
        """The calls of layers that hold no other, with what they made and their parameters."""
        held = {id(layer.module): layer.held for layer in self.layers}
        found = [call for call in self.calls if id(call.module) in held]
        for call, after in zip_longest(found, found[1:]):
            if after is None or after.first > call.last:
                parameters = (node for _, node in held[id(call.module)])
                yield self.titles.get(call.first, call.name), {*self._inside(call), *parameters}

    def _retitled(self) -> dict[int, str]:
        """Titles of layers whose own ends in a number that a layer of another model has too.

        By the first birth of the call: they get the number that their parameters' names have.
        """
        number = {id(layer.module): layer.number for layer in self.layers if layer.number}
        found = [c for c in self.calls if id(c.module) in number and c.name[-1:].isdecimal()]
        same = Counter(name for name, _ in {(c.name, id(c.module)) for c in found})
        return {
            c.first: c.name.rstrip("0123456789") + str(number[id(c.module)])
            for c in found
            if same[c.name] > 1
        }

    def _inside(self, call: Called) -> list[Node]:
        start, stop = (bisect_left(self.births, birth) for birth in (call.first, call.last))
        return self.made[start:stop]

    def _answers(self) -> None:
        """Name what modules return and no other module takes."""
        taken: set[Node] = set()
        ends = [call.last for call in self.outer]
        for node in reversed(self.made):
            k = bisect_left(ends, node._born)
            call = self.outer[k] if k < len(ends) and self.outer[k].made(node) else None
            for x in node._inputs:
                if isinstance(x, Node) and (node in taken or (call and not call.made(x))):
                    taken.add(x)
        final = [c for c in self.outer if not any(node in taken for _, node in c.results)]
        for k, call in enumerate(final, 1):
            for place, node in call.results:
                word = "Ŷ" if len(shape_of(node)) > 1 else "ŷ"
                self.names.setdefault(node, named(word, place, call=k * (len(final) > 1)))

    def _numbered(self, found: list[Called]) -> Iterator[tuple[Called, int]]:
        """The calls, each with its place among those of the same module; 0 for the only one."""
        total = Counter(id(call.module) for call in found)
        counts = Counter[int]()
        for call in found:
            counts[id(call.module)] += 1
            yield call, counts[id(call.module)] * (total[id(call.module)] > 1)

    def _hidden(self) -> None:
        """Name what layers return; a layer called once in each call has the number of that."""
        layer = {id(layer.module): layer for layer in self.layers}
        around = {call.first: k for call, k in self._numbered(self.outer)}
        starts = [call.first for call in self.outer]
        found: dict[int, list[tuple[Called, int]]] = {}
        for call, k in self._numbered([c for c in self.calls if id(c.module) in layer]):
            found.setdefault(id(call.module), []).append((call, k))
        for own, several in found.items():
            outer = [self.outer[bisect_right(starts, call.first) - 1] for call, _ in several]
            alike = len({id(c.module) for c in outer}) == 1
            alike &= len({c.first for c in outer}) == len(outer)
            for (call, k), one in zip(several, outer, strict=True):
                for place, node in call.results:
                    word = "H" if len(shape_of(node)) > 1 else "h"
                    number = around[one.first] if alike else k
                    self.names.setdefault(node, layer[own].name(word, place, number))

    def _inputs(self) -> None:
        """Name what modules take."""
        found = [(self._taken(call), k) for call, k in self._numbered(self.outer)]
        uses = Counter(x for taken, _ in found for x, _ in taken if isinstance(x, Node))
        for taken, k in found:
            for i, (x, node) in enumerate(taken, 1):
                word = "X" if len(shape_of(x)) > 1 else "x"
                own = uses.get(x, 1) == 1 if isinstance(x, Node) else True
                name = named(word, (i,) if len(taken) > 1 else (), call=k * own)
                if isinstance(x, Node):
                    self.names.setdefault(x, name)
                else:
                    self.given[node][1].append(name)

    def _taken(self, call: Called) -> list[tuple[Any, Node]]:
        """The nodes and plain numbers that a call takes from before it, and the operation."""
        found: list[tuple[Any, Node]] = []
        seen: set[Node] = set(self.parameters)
        vectors: dict[Any, list[str]] = {}
        for node in self._inside(call):
            plain = tuple(x for x in node._inputs if not isinstance(x, Node))
            listed = node._rule.variadic or any(map(is_array, plain))
            listed &= not any(isinstance(x, Node) and call.made(x) for x in node._inputs)
            key = call.first, node.op, *(id(x) if is_array(x) else str(x) for x in plain)
            fresh = listed and plain and key not in vectors
            if listed and plain:
                self.given[node] = key, vectors.setdefault(key, [])
            for x in node._inputs:
                if not isinstance(x, Node):
                    found += [(x, node)] if fresh else []
                elif x not in seen and not call.made(x):
                    seen.add(x)
                    found.append((x, node))
        return found
