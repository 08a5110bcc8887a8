"""The gradients that each mistake would give in the trials of an engine."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from ..core import functions
from ..core.graph import gradients, sweep
from ..core.value import Value
from ..seeing.diagnosing import same
from ..seeing.mistakes import catalogue, handed
from .student_trials import Trial, points, table

Numbers = tuple[float, ...]

SLACK = 1e-9
TURN = "a node has its turn when all its users have had theirs: sort, and go from root to leaves"
EARLY = "a node hands on its gradient before all its users have handed theirs to it"
OFTEN = "a node hands on its gradient more than once: each node has one turn"
OVERWRITE = "a gradient is overwritten: = in the place of +="


class Cause(NamedTuple):
    """A mistake that may explain trials; `rule` is the operation or the structure at fault."""

    name: str
    right: str
    rule: str
    kind: str = "rule"


SEEDED = Cause(
    "the pass does not begin with 1, but with ", "d root/d root = 1", "seed", "structure"
)
UNCHAINED = Cause(
    "the gradient of every operation is wrong: is it the walk?",
    "each input is handed what arrives times the local derivative",
    "chain",
    "structure",
)
OVERWRITES = Cause(OVERWRITE, "gradients of all uses are added: +=", "overwrite", "structure")


class _Call:
    """This engine's functions, by name."""

    def __call__(self, name: str, x: Any) -> Any:
        return getattr(functions, name)(x)


def _graphs(trial: Trial) -> list[tuple[Any, list[Any]]]:
    every = [[Value(x) for x in point] for point in points(trial)]
    return [(trial.build(_Call(), *leaves), leaves) for leaves in every]


@cache
def right_of(name: str) -> list[tuple[float, list[float]]]:
    return [(root.data, gradients(root, leaves)) for root, leaves in _graphs(table()[name])]


@cache
def wrong_of(name: str) -> dict[Cause, list[Numbers]]:
    """The gradients that each mistake gives in a trial; one cause may have several ways."""
    trial = table()[name]
    each: list[dict[tuple[Cause, int], list[float]]] = []
    for root, leaves in _graphs(trial):
        here: dict[tuple[Cause, int], list[float]] = {}
        for turn, (cause, found) in enumerate(_mistaken(root)):
            here[cause, turn] = [found.get(leaf, 0.0) for leaf in leaves]
        each.append(here)
    wrong: dict[Cause, list[Numbers]] = {}
    for cause, turn in each[0]:
        if all((cause, turn) in here for here in each):
            numbers = tuple(g for here in each for g in here[cause, turn])
            wrong.setdefault(cause, []).append(numbers)
    return wrong


def _mistaken(root: Any) -> Any:
    """Each mistake that can be made in a graph, with the gradients that it gives."""
    for mistake in catalogue(root):
        walk = mistake.walk
        cause = Cause(mistake.name, mistake.right, mistake.key)
        if "again" in walk or isinstance(walk.get("seed"), float):
            continue  # there is one pass, and any seed is told by its size
        if "gather" in walk and mistake.name.startswith(("a gradient is", "only the first")):
            cause = OVERWRITES
        elif not mistake.key:
            kind = STRUCTURES.get(next(iter(walk)), next(iter(walk)))
            cause = Cause(mistake.name, mistake.right, kind, "structure")
        try:
            yield cause, handed(root, **walk)
        except Exception:  # a wrong row may divide by zero
            yield cause, {}
    first, _, shares = next(sweep(root))
    kept: dict[Any, float] = {}
    for x, share in zip(first.inputs, shares, strict=True):
        kept[x] = kept.get(x, 0.0) + (share or 0.0)
    yield (
        Cause("only the inputs of the root are handed a gradient", TURN, "order", "structure"),
        kept,
    )


STRUCTURES = {"rules": "chain"}  # of a change in the walk, where it is not called as the change is


def close(a: float, b: float) -> bool:
    """Whether numbers of about 1 agree."""
    return same(a, b, SLACK * max(1.0, abs(b)))


def matches(got: Numbers, due: Numbers) -> bool:
    return all(map(close, got, due))
