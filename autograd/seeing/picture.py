"""The part of a graph that is drawn: its values or some samples of them, calls to fold, names."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from reprlib import repr as short
from typing import Any, Final

from ..core.graph import Node, nodes
from ..support.scopes import calls
from .abbreviating import is_array, words
from .fold import Call
from .naming import Naming
from .samples import Values, chains, samples, summands

MOST_NAMED = 12  # boxes, in an error
GONE = "no names and layers: the model is gone, so keep it in a variable"
MARK = re.compile("⁽[⁰¹²³⁴-⁹]+⁾")  # of a call, in a name


class Picture:
    """Some values of a graph, leaves first and then oldest first, and the calls to fold."""

    def __init__(self, found: Iterable[Node], folded: Sequence[Call]) -> None:
        oldest_first = sorted(found, key=lambda v: v._born)
        # Leaves first: one that was rebound is younger than the values once made from it.
        self.values: list[Node] = [v for v in oldest_first if not v._inputs]
        self.values += [v for v in oldest_first if v._inputs]
        self.calls = folded
        self.functions: Final = {name for name, *_, alone in folded if alone}  # they hold no other
        self.names: dict[Node, str] = {}
        self.given: dict[Node, tuple[Any, list[str]]] = {}  # see `Naming`
        self.frames: list[tuple[str, set[Node]]] = []
        self.caption: str = ""
        self.left_out: int = 0  # samples
        self.changed = 0  # leaves that were given another number since
        self._operands: dict[Node, list[Node]] = {}  # of a value that stands for several
        self._times: dict[Node, int] = {}  # how many samples a value of a sample stands for
        self._bare: set[Node] = set()  # whose names need no number of the call

    def label(self, value: Node) -> str:
        """The label that the user gave, or else its name."""
        return value.label or self.names.get(value, "")

    def inputs(self, value: Node) -> Sequence[Any]:
        """The values and numbers that a value is drawn as made from."""
        return self._operands.get(value, value._inputs)

    def sources(self) -> list[list[int]]:
        """The places of each value's inputs, of those that are among the values."""
        place = {v: i for i, v in enumerate(self.values)}
        made = map(self.inputs, self.values)
        return [[place[x] for x in xs if isinstance(x, Node) and x in place] for xs in made]

    def births(self) -> list[int]:
        """When each value was born; 0 for a leaf."""
        return [v._born if v._inputs else 0 for v in self.values]

    def times(self, tail: Node, head: Node) -> int:
        """The number of edges that the one from `tail` to `head` stands for."""
        return 1 if head in self._times else self._times.get(tail, 1)

    def numbers(self, value: Node) -> tuple[Any, list[str]]:
        """A key that tells a value's plain numbers from others, and their names."""
        key, names = self.given.get(value, (value, []))
        return key, [MARK.sub("", name) for name in names] if value in self._bare else names

    def sample(self, most: int, owners: Sequence[tuple[Any, int, int]], crowded: bool) -> None:
        """Leave out all samples of a batch but so many; see `samples`."""
        told = self._told()
        found = samples(told, owners)
        if found is None and crowded:
            found = samples(told, [*owners, *summands(told)])
        if found is None:
            return
        shown, total = found.shown(most), sum(map(len, found.alike))
        left_out = {i for same in found.alike for i in same} - set(shown)
        gone = {i for i, k in enumerate(found.of) if k in left_out}
        if not gone:
            return
        self.left_out = total - len(shown)
        self.caption = f"{len(shown):,} of {total:,} samples"
        for k, before in chains(found, told).items():
            inputs = [x for i in sorted((k, *before)) for x in told.sources[i]]
            self._operands[self.values[k]] = [self.values[x] for x in inputs]
            gone.update(before)
        bare: dict[str, set[int]] = defaultdict(set)  # names without marks, and their samples
        for value, k in zip(self.values, found.of, strict=True):
            if k in shown:
                self._times[value] = shown[k]
                bare[MARK.sub("", self.names.get(value, ""))].add(k)
        marked = {k for name, ks in bare.items() if name and len(ks) > 1 for k in ks}
        for value, k in zip(self.values, found.of, strict=True):
            if k in shown and k not in marked:
                self._bare.add(value)
                self.names[value] = MARK.sub("", self.names.get(value, ""))
        self.values = [v for i, v in enumerate(self.values) if i not in gone]
        used = {self.values[-1]}
        for value in reversed(self.values):
            if value in used:
                used.update(x for x in self.inputs(value) if isinstance(x, Node))
        self.values = [v for v in self.values if v in used]  # others may share a leaf

    def _told(self) -> Values:
        """The values as samples are told from them."""
        births = self.births()
        alone = [call for call in self.calls if call[3]]
        runs = [
            (bisect_left(births, first), bisect_left(births, last)) for _, first, last, _ in alone
        ]
        shut = {i: call[0] for call, run in zip(alone, runs, strict=True) for i in range(*run)}
        operations, adds, gathers, neutral, ordered = [], [], [], [], []
        for i, v in enumerate(self.values):
            many = bool(v._rule) and v._rule.variadic
            swaps = bool(v._rule) and v._rule.fact.commutative
            plain = [x for x in v._inputs if not isinstance(x, Node) and not is_array(x)]
            adds.append(i not in shut and not many and swaps)
            gathers.append(i in shut or many or adds[-1])
            neutral.append(plain == [float(v.op == "mul")])
            ordered.append(not many and not swaps)
            power = f" {plain[0]}" if v.op == "pow" and plain else ""
            operations.append(shut.get(i, v.op + power))
        return Values(births, self.sources(), operations, gathers, adds, runs, neutral, ordered)


def picture_of(
    roots: Sequence[Node], opened: Sequence[str], most: int | None, limit: int
) -> Picture:
    """The picture of a graph, with boxes of these names open, and so many samples of a batch."""
    found_once = {node for root in roots for node in nodes(root)} if roots[1:] else nodes(roots[0])
    youngest_first = sorted(found_once, key=lambda v: v._born, reverse=True)
    found, naming = calls(youngest_first), Naming(youngest_first)
    _check(opened, list(dict.fromkeys(name for name, *_ in found)))
    made = [v._born for v in youngest_first if v._inputs] or [0]
    modules = sorted(first for _, first, _, owner, *_ in found if owner is not None)
    folded: list[Call] = []
    owners = []
    for name, first, last, owner, *_ in found:
        all_of_it = first < made[-1] and made[0] < last  # one box would show nothing
        holds = bisect_left(modules, first) < bisect_left(modules, last)
        if not all_of_it and (owner is not None or name not in opened):
            owners.append((name if owner is None else id(owner), first, last))
        if name not in opened:
            alone = owner is None and not (holds or all_of_it)
            folded.append((naming.titles.get(first, name), first, last, alone))
    picture = Picture(youngest_first, folded)
    picture.names = dict(naming.names)
    picture.changed = len(
        {x for v in youngest_first for x in v._inputs if isinstance(x, Node) and x._born > v._born}
    )
    if most is not None and not roots[1:]:
        picture.sample(most, owners, len(picture.values) > limit)
    if any(owner is not None and owner() is None for _, _, _, owner, *_ in found):
        picture.caption = "; ".join(filter(None, (picture.caption, GONE)))
    shown = set(picture.values)
    picture.given = {node: vector for node, vector in naming.given.items() if node in shown}
    picture.frames = [(title, own) for title, held in naming.frames() if (own := held & shown)]
    return picture


def _check(opened: Sequence[str], known: Sequence[str]) -> None:
    """ValueError for the name of a box that does not exist."""
    for name in opened:
        if name not in known:
            some = [words(box) for box in known[:MOST_NAMED]] + ["..."] * (len(known) > MOST_NAMED)
            there = f"the boxes are {', '.join(some)}" if known else "this graph has none"
            raise ValueError(f"there is no box {short(name)} to open: {there}")
