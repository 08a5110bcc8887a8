"""The samples of a batch that a picture does not show, in one box beside those that it does."""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from .. import pages
from ..support.scopes import calls
from .drawing import homes
from .picture import Picture, picture_of

if TYPE_CHECKING:
    from .tracing import Trace

Homes = tuple[list[int], dict[int, str]]
MOST_LOOKED_AT = 10_000  # values of a graph: looking at more takes seconds


def set_aside(trace: Trace, picture: Picture, most: int) -> Homes | None:
    """The box of each value, with all samples but `trace.samples` in one box, and names of boxes.

    None where there is no batch, in a larger graph than is looked at, or where boxes would feed
    each other in a circle.
    """
    if trace.samples == "all" or len(picture.values) > MOST_LOOKED_AT:
        return None
    functions = [name for name, _, _, owner, *_ in calls(trace.nodes) if owner is None]
    sampled = picture_of([trace.root], functions, int(trace.samples), most)
    place = {v: i for i, v in enumerate(picture.values)}
    others = sorted(place.keys() - sampled.values, key=place.__getitem__)
    if len(others) < 2:
        return None
    picture.given = sampled.given  # the numbers of the others are not drawn
    kept = Picture(sampled.values, picture.calls)
    inner, titles = homes(kept, "auto", most)
    home = {v: place[kept.values[i]] for v, i in zip(kept.values, inner, strict=True)}
    home |= dict.fromkeys(others, place[others[-1]])
    named = {place[kept.values[i]]: title for i, title in titles.items()}
    named[place[others[-1]]] = pages.say(trace.lang, "other samples", sampled.left_out)
    found = [home[v] for v in picture.values]
    return None if _circular(found, picture.sources()) else (found, named)


def _circular(home: Sequence[int], sources: Sequence[Sequence[int]]) -> bool:
    """Whether a box feeds itself by way of others."""
    order = TopologicalSorter[int]()
    for here, inputs in zip(home, sources, strict=True):
        order.add(here, *({home[i] for i in inputs} - {here}))
    try:
        order.prepare()
    except CycleError:
        return True
    return False
