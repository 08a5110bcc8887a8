"""The values that share a box, if a graph has more values than a picture can hold.

A value is a place here: leaves first, then the others by birth, so inputs come before their users.
`home[i]` is the place of the youngest value in the box of value i; a value alone in its box is
drawn as itself. However values are folded, the boxes form no cycle.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

Sources = Sequence[Sequence[int]]
# A call: its name, the births it covers, both ends included, and whether it is one box by itself.
Call = tuple[str, int, int, bool]

UNUSED, SHARED = -1, -2


def fold(
    births: Sequence[int],
    sources: Sources,
    calls: Sequence[Call],
    functions: Sequence[bool],
    limit: int | None,
) -> tuple[list[int], dict[int, str]]:
    """The home of each value, and names for some of the boxes.

    Without a limit, only the calls that are one box by themselves are folded. Else there are at
    most `limit` boxes: by call, as deep as fits; if that is too many, by expression, cut at
    functions and shared results; otherwise by distance from the root.
    """
    home: list[int] = list(range(len(sources)))
    names: dict[int, str] = {}
    levels = _by_depth(calls)
    closed = [call for call in levels[-1] if call[3]] if levels else []
    for level in reversed(levels) if limit is not None else [closed]:
        home, names = _by_call(births, level)
        _adopt_leaves(home, sources, names)
        if limit is None or len(set(home)) <= limit:
            return home, names
    assert limit is not None
    if len(home) > limit:
        _join_leaves(home, sources, names, limit // 5)
        users = _users(home, sources)
        tight = _by_expression(home, users, functions, names)
        if max(3, limit // 10) <= len(set(tight)) <= limit:
            return tight, names
        return _by_distance(home, users, sources, names, limit)
    return home, names


def _by_depth(calls: Sequence[Call]) -> list[list[Call]]:
    """The calls that no other call contains, then those inside one call, and so on.

    A call that holds no other, or that is one box by itself, is in all levels from its own on.
    Calls of one level do not overlap, on whichever threads they ran.
    """
    around: list[list[Any]] = []  # the calls that are still open, each with its depth and ...
    found: list[list[Any]] = []
    for call in sorted(calls, key=lambda call: (call[1], -call[2])):
        while around and around[-1][0][2] < call[1]:
            around.pop()
        if around and around[-1][0][3]:
            continue
        if around:
            around[-1][2] = True  # ... whether it holds another
        found.append([call, len(around), False])
        around.append(found[-1])
    return [
        [call for call, depth, holds in found if depth == level or (depth < level and not holds)]
        for level in range(max((depth for _, depth, _ in found), default=-1) + 1)
    ]


def _by_call(births: Sequence[int], calls: Sequence[Call]) -> tuple[list[int], dict[int, str]]:
    """One box for each call: a run of births, so no path leaves a box and comes back."""
    home = list(range(len(births)))
    names = {}
    for name, first, last, _ in calls:
        start, stop = bisect_left(births, first), bisect_right(births, last)
        if start < stop:
            home[start:stop] = [stop - 1] * (stop - start)
            names[stop - 1] = name
    return home, names


def _users(home: Sequence[int], sources: Sources) -> list[int]:
    """For each box, the one box that uses it, or UNUSED, or SHARED."""
    users = [UNUSED] * len(home)
    for here, inputs in zip(home, sources, strict=True):
        for i in inputs:
            there = home[i]
            if there != here and users[there] != here:
                users[there] = here if users[there] == UNUSED else SHARED
    return users


def _adopt_leaves(home: list[int], sources: Sources, names: dict[int, str]) -> None:
    """Draw a leaf that only one call uses inside that call."""
    users = _users(home, sources)
    for i, inputs in enumerate(sources):
        if not inputs and users[i] in names:
            home[i] = users[i]


def _join_leaves(home: list[int], sources: Sources, names: dict[int, str], limit: int) -> None:
    """Join the leaves that several boxes use into one box if there are too many of them."""
    users = _users(home, sources)
    shared = [i for i, inputs in enumerate(sources) if not inputs and users[i] == SHARED]
    if len(shared) > limit:
        names[shared[-1]] = "leaves"
        for i in shared:
            home[i] = shared[-1]


def _by_expression(
    home: list[int], users: list[int], functions: Sequence[bool], names: dict[int, str]
) -> list[int]:
    """Join a box that is used once to its user, unless it is a function's result or a call."""
    new: dict[int, int] = {}
    for box in sorted(set(home), reverse=True):  # users come before what they use
        user = users[box]
        apart = user < 0 or functions[box] or box in names or user in names
        new[box] = box if apart else new[user]
    return [new[here] for here in home]


def _by_distance(
    home: list[int], users: list[int], sources: Sources, names: dict[int, str], limit: int
) -> tuple[list[int], dict[int, str]]:
    """Keep boxes near the root apart; behind them, join a box that is used once to its user.

    Such a tree has a single way out, and the rest, all that is not drawn, is closed under inputs:
    neither can be part of a cycle.
    """
    boxes = sorted(set(home), reverse=True)
    root = boxes[0]
    if limit == 1:
        return [root] * len(home), {}
    shared = {box for box in boxes if users[box] < 0}  # and the root
    separate = len(shared) <= limit  # else all shared boxes far from the root are in the rest
    shown = shared if separate else {root}
    opened = _open(home, sources, shown, limit if separate else limit - 1)
    new: dict[int, int] = {}
    rest = None
    for box in boxes:  # users come before what they use
        if box in shown:
            new[box] = box
        elif users[box] >= 0 and users[box] not in opened:
            new[box] = new[users[box]]
        else:
            rest = box if rest is None else rest
            new[box] = rest
    crowded = {there for box, there in new.items() if box != there}
    kept = {box: name for box, name in names.items() if new.get(box) == box not in crowded}
    return [new[here] for here in home], kept


def _open(home: list[int], sources: Sources, shown: set[int], limit: int) -> set[int]:
    """Show the root's inputs on their own, then theirs, level by level while they fit.

    Returns the boxes whose inputs are shown. A box is reached when all of its users are open; if
    a level is one box with too many inputs, some are shown.
    """
    waiting = [0] * len(home)
    for here, inputs in zip(home, sources, strict=True):
        for i in inputs:
            waiting[home[i]] += home[i] != here
    opened: set[int] = set()
    level = [home[-1]]
    while level:
        reached = []
        for box in level:
            for there in _inputs(box, home, sources):
                waiting[there] -= 1
                if not waiting[there]:
                    reached.append(there)
        fresh = [box for box in reached if box not in shown]
        room = limit - len(shown)
        if len(fresh) > room:
            if len(level) == 1 and room > 1:
                opened.update(level)
                shown.update(fresh[: room - 1])  # one is kept for the box of the others
            break
        opened.update(level)
        shown.update(fresh)
        level = reached
    return opened


def _inputs(box: int, home: list[int], sources: Sources) -> Iterator[int]:
    """The boxes that feed this one, once for each edge."""
    member = box
    while member >= 0 and home[member] == box:  # the values of a call are neighbours
        yield from (home[i] for i in sources[member] if home[i] != box)
        member -= 1
