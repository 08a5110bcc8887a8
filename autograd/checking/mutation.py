"""Mutation testing of derivatives: would a user's test notice a wrong one?"""

from __future__ import annotations

from typing import NamedTuple

from ..arrays.rules import ROWS
from ..core.kinds import describe
from ..core.rules import RULES, Rule, rule
from .mutants import SourceMutant, mutants_of
from .subjects import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any

CHANGES = (
    ("sign flipped", -1.0), ("dropped", 0.0), ("doubled", 2.0), ("off by 1e-3", 1.001),
    ("forgets the gradient that arrives", None),
)  # fmt: skip


class Mutant(NamedTuple):
    """One derivative made wrong, and whether the test noticed."""

    operation: str
    argument: int
    change: str
    asked: bool  # whether the test asks for the derivative
    killed: bool

    def __str__(self) -> str:
        asked = "" if self.asked else " (the test never asks for it)"
        return f"{self.operation}, argument {self.argument + 1}: {self.change}{asked}"

    def __repr__(self) -> str:
        return f"<{'killed' if self.killed else 'survived'}: {self}>"


class MutationScore:
    """The result of `mutation_score`: true if no mutant survived."""

    def __init__(self, mutants: Sequence[Mutant | SourceMutant]) -> None:
        self.mutants: Any = list(mutants)

    @property
    def survivors(self) -> list[Mutant | SourceMutant]:
        """The wrong derivatives that the test let pass."""
        return [mutant for mutant in self.mutants if not mutant.killed]

    @property
    def score(self) -> float:
        """The share of the mutants that the test noticed."""
        return 1.0 - len(self.survivors) / len(self.mutants)

    def __bool__(self) -> bool:
        return not self.survivors

    def __str__(self) -> str:
        noticed = len(self.mutants) - len(self.survivors)
        lines = [f"{noticed} of {len(self.mutants)} wrong derivatives noticed"]
        return "\n".join([*lines, *(f"survived: {mutant}" for mutant in self.survivors)])

    __repr__ = __str__


def mutation_score(
    test: Callable[[], Any], operations: Iterable[str] | Callable[..., Any] | None = None
) -> MutationScore:
    """Run `test` once for each wrong derivative, and list those that it did not notice.

    `test` takes nothing; it notices by raising, or by returning something false that is not None.
    Each share of each rule in `operations` (by default: each that the test asks for) is changed in
    five ways, one at a time. A rule of arrays that has a namesake is called "sum of arrays". No
    other thread may take gradients meanwhile. ValueError if the test fails as things are or asks
    for no derivative; LookupError for an operation that does not exist.

    In the place of `operations` may be a function of your own, such as the gradient that the test
    is about: its source is changed, one sign, operator, factor, axis or name at a time. What
    survives shows what the test would not notice, or makes no difference.

    >>> from autograd import Value, gradients
    >>> def test():
    ...     x = Value(3.0)
    ...     assert gradients(x * x, [x]) == [6.0]
    >>> print(mutation_score(test))
    8 of 10 wrong derivatives noticed
    survived: mul, argument 1: forgets the gradient that arrives
    survived: mul, argument 2: forgets the gradient that arrives
    """
    if not callable(test):
        raise TypeError(f"mutation_score takes a test that can be called, not {describe(test)}")
    if callable(operations):
        return _of_source(test, operations)
    if isinstance(operations, str):
        raise TypeError(f"operations is a list of names: [{operations!r}]")
    return _of_rules(test, operations)


def _of_rules(test: Callable[[], Any], operations: Iterable[str] | None) -> MutationScore:
    rows = {**RULES, **{row.key: row for row in ROWS.values()}}
    asked: set[tuple[Rule, int]] = set()
    wanted = None if operations is None else [rows.get(name) or rule(name) for name in operations]
    _demand_success(test, {row: _listening(row, asked) for row in rows.values()})
    tried = []
    for row in rows.values() if wanted is None else wanted:
        for place in range(len(row.columns)):
            asks = (row, place) in asked
            for change, factor in CHANGES if wanted is not None or asks else ():
                killed = asks and _fails(test, {row: wrong_columns(row, place, factor)})
                tried.append(Mutant(row.key, place, change, asks, killed))
    if not tried:
        raise ValueError("the test asks for no derivative: it has no backward() or gradient in it")
    return MutationScore(tried)


def _of_source(test: Callable[[], Any], f: Callable[..., Any]) -> MutationScore:
    changes = list(mutants_of(f))
    _demand_success(test, {})
    tried = []
    for line, change, mutated in changes:
        with mutated:
            tried.append(SourceMutant(name_of(f), line, change, _fails(test, {})))
    if not tried:
        raise ValueError(f"there is nothing to change in {name_of(f)}")
    return MutationScore(tried)


def _demand_success(test: Callable[[], Any], columns: dict[Rule, tuple[Any, ...]]) -> None:
    if _fails(test, columns):
        raise ValueError("the test fails before anything is changed: mend it, or the code, first")


def wrong_columns(row: Any, position: int, factor: float | None) -> tuple[Any, ...]:
    """The columns of a row with one share multiplied by `factor`; None forgets what arrives."""
    columns = list(row.columns)
    place = 0 if row.variadic else position
    column = columns[place]

    def wrong(g: Any, out: Any, *inputs: Any, **settings: Any) -> Any:
        share = column(g, out, *inputs, **settings)
        other, times = share, factor
        if times is None:
            other, times = column(0.0 * g + 1.0, out, *inputs, **settings), 1.0
        if not row.variadic:
            return None if other is None else times * other
        return [*share[:position], times * other[position], *share[position + 1 :]]

    columns[place] = wrong
    return tuple(columns)


def _listening(row: Rule, asked: set[tuple[Rule, int]]) -> tuple[Any, ...]:
    """The columns of a row, each of which adds itself to `asked` when it is called."""

    def listening(place: int, column: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*args: Any, **settings: Any) -> Any:
            asked.add((row, place))
            return column(*args, **settings)

        return ask

    return tuple(listening(place, column) for place, column in enumerate(row.columns))


def _fails(test: Callable[[], Any], columns: dict[Rule, tuple[Any, ...]]) -> bool:
    """True if the test fails with these columns in place of the table's."""
    kept = {row: row.columns for row in columns}
    try:
        for row, replaced in columns.items():
            row.columns = replaced
        answer = test()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # pytest's outcomes do not derive from Exception
        return True
    finally:
        for row, columns_of in kept.items():
            row.columns = columns_of
    return answer is not None and not answer
