"""The samples of a batch, which differ in nothing but their numbers: a picture shows one of them.

A sample is what a call of a module, or one under a scope, makes, and all that depends on it alone.
Values are places here: leaves first, then the others by birth.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
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
    begins: Sequence[bool]  # whether it adds to a plain 0, as the first of a chain does
    boxes: Sequence[tuple[int, int]]  # the runs of values that are one box


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
        if values.begins[i] and of[i] > 0:
            of[i] = SHARED
        if not of[i] and start in kinds:
            of[i] = len(kind) + 1
            kind[of[i]] = kinds[start]
    users = _leaves(of, values.sources)
    steps = _steps(values, of, {x: len(ks) for x, ks in users.items()}, kind)
    alike: dict[Any, list[int]] = defaultdict(list)
    for k, what in kind.items():
        alike[what, tuple(steps[k])].append(k)
    groups = [same for same in alike.values() if len(same) > 1]
    for i, inputs in enumerate(values.sources):
        if of[i] == SHARED and any(of[x] > 0 for x in inputs) and not values.gathers[i]:
            return None
    return Samples(of, groups) if groups else None


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
    """What was called and how it was computed, by the first place, of calls that share leaves."""
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


def _steps(
    values: Values, of: Sequence[int], users: Mapping[int, int], kind: Mapping[int, Any]
) -> dict[int, list[Any]]:
    """How each sample is computed and where it goes, so that those alike have equal lists.

    What all of them use has its place there; what only some do is counted, as it is met.
    """
    ends, total = _ends(values, values.adds), Counter(kind.values())
    ends |= {i: stop - 1 for start, stop in values.boxes for i in range(start, stop)}
    met: dict[int, dict[int, int]] = defaultdict(dict)
    steps: dict[int, list[Any]] = defaultdict(list)
    for i, inputs in enumerate(values.sources):
        k, codes = of[i], []
        own = met[k]
        for x in inputs:
            if k > 0:
                free = not values.sources[x] and users[x] < total[kind[k]]
                codes.append(own.setdefault(x, len(own)) if of[x] == k or free else (x,))
            elif of[x] > 0:
                steps[of[x]].append((ends.get(i, i), met[of[x]].get(x)))
        if k > 0 and inputs:
            steps[k].append((values.operations[i], tuple(codes)))
            own[i] = len(own)
    return steps


def chains(samples: Samples, values: Values) -> dict[int, list[int]]:
    """The chains of sums over samples: the last value of each, and those before it."""
    adds = [add and k == SHARED for add, k in zip(values.adds, samples.of, strict=True)]
    found: dict[int, list[int]] = defaultdict(list)
    for i, last in _ends(values, adds).items():
        found[last].append(i)
    return found


def _ends(values: Values, adds: Sequence[bool]) -> dict[int, int]:
    """The last value of its chain of sums, for each value in one but that last."""
    users = Counter(x for inputs in values.sources for x in inputs)
    last: dict[int, int] = {}
    for i in reversed(range(len(adds))):
        for x in values.sources[i] if adds[i] else ():
            if adds[x] and values.operations[x] == values.operations[i] and users[x] == 1:
                last[x] = last.get(i, i)
    return last


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
