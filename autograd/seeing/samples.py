"""The samples of a batch, which differ in nothing but their numbers: a picture shows one of them.

A sample is what a call of a module, or one under a scope, makes, and all that depends on it alone.
Samples are alike if exchanging them changes nothing but numbers: they are computed by the same
operations, and what gathers them takes the same from each.
Values are places here: leaves first, then the others by birth.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

SHARED = -1
Sources = Sequence[Sequence[int]]


class Values(NamedTuple):
    """The values of a graph as samples are told from them."""

    births: Sequence[int]  # 0 for a leaf
    sources: Sources
    operations: Sequence[str]
    gathers: Sequence[bool]  # whether one sample may stand for all: as in a sum, or in a loss
    adds: Sequence[bool]  # whether it sums two, and is in no box of others
    boxes: Sequence[tuple[int, int]]  # the runs of values that are one box
    neutral: Sequence[bool]  # whether its plain number is 0, or 1 where it multiplies
    ordered: Sequence[bool]  # whether swapping its operands would change it


class Samples(NamedTuple):
    """The sample of each value: 0 where it is in none, -1 for several. And those that are alike."""

    of: list[int]
    alike: list[list[int]]

    def shown(self, most: int) -> dict[int, int]:
        """The samples to show, and how many each stands for."""
        size = Counter(self.of)
        found = {}
        for same in self.alike:
            first = same[:most] if most > 1 else [min(same, key=lambda k: size[k])]
            found.update(dict.fromkeys(first, len(same) if most == 1 else 1))
        return found


def samples(values: Values, calls: Sequence[tuple[Any, int, int]]) -> Samples | None:
    """The samples of a batch; None for a graph that has none.

    A call is what was called and the births it covers.
    """
    n = len(values.births)
    spans = list(_outermost(values.births, calls))
    kinds = _kinds(values, spans)
    of, kind = [0] * n, dict[int, Any]()
    around = {i: run for _, *run in spans for i in range(*run)}
    for i, inputs in enumerate(values.sources):
        if not inputs:
            continue
        start, stop = around.get(i, (i, i + 1))
        if i > start:
            of[i] = of[start]
            continue
        outside = (x for j in range(start, stop) for x in values.sources[j] if x < start)
        found = {of[x] for x in outside} - {0}
        of[i] = found.pop() if len(found) == 1 else SHARED if found else 0
        if not of[i] and start in kinds:
            of[i] = len(kind) + 1
            kind[of[i]] = kinds[start]
    _begin(of, around, values)
    users = _leaves(of, values.sources)
    for i, inputs in enumerate(values.sources):
        if of[i] == SHARED and any(of[x] > 0 for x in inputs) and not values.gathers[i]:
            return None
    alike = _alike(_looks(of, kind, users, values), kind)
    return Samples(of, alike) if any(len(same) > 1 for same in alike) else None


def _begin(of: list[int], called: Container[int], values: Values) -> None:
    """Put a value that a sum of samples has once, such as its start from 0, in none of them."""
    users = _users(values.sources)
    last = _ends(values, values.adds)
    found: dict[int, list[int]] = defaultdict(list)
    for i, inputs in enumerate(values.sources):
        once = sum(of[x] > 0 for x in inputs) == 1 and (len(inputs) > 1 or values.neutral[i])
        once &= i not in called
        if once and of[i] > 0 and i in last and of[users[i][0]] == SHARED:
            found[last[i]].append(i)
    for same in found.values():
        if len(same) == 1:
            of[same[0]] = SHARED


def _alike(told: Mapping[int, Counter[Any]], kind: Mapping[int, Any]) -> list[list[int]]:
    """The samples of each kind of which there are several, those that are alike together."""
    found: dict[Any, dict[Any, list[int]]] = defaultdict(lambda: defaultdict(list))
    for k, what in kind.items():  # no call made a term of a sum
        found[what[0] or what][what, frozenset(told[k].items())].append(k)
    return [same for by in found.values() if sum(map(len, by.values())) > 1 for same in by.values()]


def _looks(
    of: Sequence[int], kind: Mapping[int, Any], users: Mapping[int, set[int]], values: Values
) -> dict[int, Counter[Any]]:
    """How each sample is computed, and what takes which of its values.

    A leaf that all of them use is itself; one that only some use might be any.
    """
    total = Counter(kind.values())
    told: dict[int, Counter[Any]] = defaultdict(Counter)
    last = _ends(values, [add and k == SHARED for add, k in zip(values.adds, of, strict=True)])
    inside = {i: run for run in values.boxes for i in range(*run)}
    look: dict[int, Any] = {}
    known: dict[Any, int] = {}  # what has been seen, numbered: a tree of tuples might be huge
    for i, inputs in enumerate(values.sources):
        here = of[i] if inputs else 0
        start, stop = inside.get(i, (i, i + 1))
        for place, x in enumerate(inputs):
            if of[x] > 0 and of[x] != here:
                end = start if i in inside else last.get(i, i)
                way = end, place * values.ordered[i], look.get(x)
                told[of[x]][way] += i not in inside or not told[of[x]][way]
        if here > 0 and i == start:
            outside = [x for j in range(start, stop) for x in values.sources[j] if x < start]
            free = {x for x in outside if len(users.get(x, ())) < total[kind[here]]}
            parts: Any = [
                look.get(x, -1 if x in free and not values.sources[x] else -2 - x) for x in outside
            ]
            parts = frozenset(parts) if i in inside else tuple(parts)
            what = known.setdefault((values.operations[i], parts), len(known))
            look.update(dict.fromkeys(range(start, stop), what))
            told[here][what] += 1
    return told


def _outermost(
    births: Sequence[int], calls: Sequence[tuple[Any, int, int]]
) -> Iterator[tuple[Any, int, int]]:
    """The calls inside no other as what was called and a run of places; not one that made all."""
    end = 0
    leaves = bisect_left(births, 1)
    for who, first, last in sorted(calls, key=lambda call: (call[1], -call[2])):
        start, stop = bisect_left(births, first), bisect_left(births, last)
        if first >= end and start < stop and stop - start < len(births) - leaves:
            end = last
            yield who, start, stop


def _kinds(values: Values, spans: Sequence[tuple[Any, int, int]]) -> dict[int, Any]:
    """The callee and the steps of each call that shares leaves, by its first place."""
    uses: dict[int, set[int]] = defaultdict(set)
    for _, start, stop in spans:
        for i in range(start, stop):
            for x in values.sources[i]:
                if not values.sources[x]:
                    uses[x].add(start)
    kinds = {}
    for who, start, stop in spans:
        steps = tuple(
            (
                values.operations[i],
                tuple(x - start if x >= start else -1 for x in values.sources[i]),
            )
            for i in range(start, stop)
        )
        leaves = {x for i in range(start, stop) for x in values.sources[i] if x in uses}
        shared = sum(len(uses[x]) > 1 for x in leaves)
        if shared and (not isinstance(who, str) or 2 * shared >= len(leaves)):
            kinds[start] = who, steps
    return kinds


def _leaves(of: list[int], sources: Sources) -> dict[int, set[int]]:
    """Put a leaf that only one sample uses into that sample; the samples that use each leaf."""
    users: dict[int, set[int]] = defaultdict(set)
    for i, inputs in enumerate(sources):
        for x in inputs:
            if not sources[x]:
                users[x].add(of[i])
    for x, found in users.items():
        if len(found) == 1:
            of[x] = max(0, *found)
    return users


def chains(samples: Samples, values: Values) -> dict[int, list[int]]:
    """The chains of sums over samples: the last value of each, and those before it."""
    adds = [add and k == SHARED for add, k in zip(values.adds, samples.of, strict=True)]
    found: dict[int, list[int]] = defaultdict(list)
    for i, last in _ends(values, adds).items():
        found[last].append(i)
    return found


def _ends(values: Values, adds: Sequence[bool]) -> dict[int, int]:
    """The last value of its chain of sums, for each value in one but that last."""
    users, operations = _users(values.sources), values.operations
    last: dict[int, int] = {}
    for i in reversed(range(len(adds))):
        for x in values.sources[i] if adds[i] else ():
            if adds[x] and len(users[x]) == 1 and operations[x] == operations[i]:
                last[x] = last.get(i, i)
    return last


def _users(sources: Sources) -> dict[int, list[int]]:
    """The users of each value; one that takes it twice is listed twice."""
    users: dict[int, list[int]] = defaultdict(list)
    for i, inputs in enumerate(sources):
        for x in inputs:
            users[x].append(i)
    return users


def summands(values: Values) -> list[tuple[str, int, int]]:
    """The terms of the longest sum, or what the widest box takes, each like the call that made it.

    So that samples are told where no module was called; each was computed after the one before.
    """
    last = _ends(values, values.adds)
    terms: dict[int, set[int]] = defaultdict(set)
    inside = {i: run for run in values.boxes for i in range(*run)}
    for i, inputs in enumerate(values.sources):
        start, stop = inside.get(i, (i, i + 1))
        if values.gathers[i]:
            terms[last.get(i, stop - 1)].update(
                x for x in inputs if x < start and x not in last and values.sources[x]
            )
    if not terms:
        return []
    widest = max(terms, key=lambda i: len(terms[i]))
    marks = sorted({*terms[widest], *(i for i, end in last.items() if end == widest)})
    ends = sorted(terms[widest])
    starts = [marks[bisect_left(marks, i) - 1] + 1 if i > marks[0] else 0 for i in ends]
    if len(ends) < 2:
        return []
    starts[0] = max(starts[0], ends[0] - (ends[1] - starts[1]))  # what all share comes before it
    births = values.births
    runs = zip(starts, ends, strict=True)
    return [("", births[start], births[end] + 1) for start, end in runs if births[start]]
