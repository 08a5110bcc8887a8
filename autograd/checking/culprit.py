"""Which node of a graph is at fault: every local derivative, value and sum, each checked alone.

A local derivative is what the node's rule hands back for an arriving gradient of -2; the operation
itself, computed on floats, has a slope of its own. A cheap stencil passes what plainly agrees, and
`differences.derivative` decides the rest. Values and sums are checked in `soundness`.
"""

from __future__ import annotations

import math

from ..core.graph import Node, data_of, hand_back, nodes
from ..core.rules import Rule
from ..seeing.naming import names_of
from ..seeing.wording import on_arrays
from .closer import agrees_closer
from .differences import DOUBLE, OF_ONE, Estimate, derivative, passes, stencil
from .report import (
    FORGETS_G,
    SEEDED,
    ULPS,
    Finding,
    GraphReport,
    called,
    describe_node,
    measured,
)
from .soundness import (
    ARRIVING,
    changed_values,
    consumers_of,
    missing_inputs,
    node_inputs,
    walk_faults,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def check_graph(root: Node, *, mutate: bool = False) -> GraphReport:
    """Check every local derivative, every value and the walk of one recorded graph.

    What an operation on Tensors hands back is checked along random directions, and that of a small
    array at every element; a fault names the element where it is worst.

    With `mutate`, faults are then planted in each local derivative (sign, factor 0 and 2, a
    relative 1e-6), one at a time, and checked for likewise: a report that is true was able to be
    false. Record under `record_lines()` to have the user's line named.

    >>> from autograd import Value
    >>> x = Value(0.5, label="x")
    >>> check_graph((x * x).tanh(), mutate=True)
    3 local derivatives checked, 0 faults
    12 of 12 seeded faults seen
    """
    report = GraphReport()
    report.names = names_of(root)
    token = called.set(report.names)
    try:
        _check(root, report, mutate)
    finally:
        called.reset(token)
    return report


def _check(root: Node, report: GraphReport, mutate: bool) -> None:
    found = nodes(root)
    consumers = consumers_of(found)
    report.findings += missing_inputs(found)
    broken = {fault.node for fault in report.findings}
    sound = [node for node in found if node._inputs and node not in broken]
    changed, stale = changed_values(sound, consumers)
    report.findings += changed
    if not report.findings:
        report.findings += walk_faults(root, found, consumers)
    for node in sound:
        if node not in stale:
            _check_rule(node, report, mutate)


def _check_rule(node: Any, report: GraphReport, mutate: bool) -> None:
    """Check what one operation hands back to each of its inputs; its rule is asked once."""
    at_kink = False
    for share in _shares(node):
        report.edges += 1
        fault = share.fault()
        at_kink |= share.at_kink
        if fault is not None:
            _add(report.findings, fault)
        elif mutate:
            _plant(share, report)
    if at_kink:
        report.kinks.append(node)


def _shares(node: Any) -> list[Any]:
    """The share of each input that is a node, as a class of its own kind judges it."""
    positions = [position for position, _ in node_inputs(node)]
    if on_arrays(node):
        from . import array_culprit  # imports NumPy

        return array_culprit.shares(node, positions, LocalDerivative)
    try:
        handed = hand_back(node, ARRIVING)
    except Exception:  # a rule that raises says nan
        handed = [math.nan] * len(node._inputs)
    values = [data_of(x) for x in node._inputs]
    slopes = [0.0 if share is None else share / ARRIVING for share in handed]
    return [LocalDerivative(node, k, values, node._data, slopes[k]) for k in positions]


def _plant(share: Any, report: GraphReport) -> None:
    """Plant faults in one share, and see whether each is found."""
    right = share.amount
    for change, amount in share.wrong_amounts():
        share.amount = amount
        report.seeded += 1
        if share.is_sound():
            what = f"{describe_node(share.node)}, argument {share.position + 1}"
            report.missed.append(f"{what}, {change}")
    share.amount = right


def _add(findings: list[Finding], fault: Finding) -> None:
    """Many nodes of one operation with one fault are one finding."""
    for known in findings:
        same = known.kind == fault.kind and known.argument == fault.argument
        if same and known.operation == fault.operation:
            known.count += 1
            return
    findings.append(fault)


class LocalDerivative:
    """The slope of an operation on numbers for one input, by its rule, and the judgement of it."""

    def __init__(
        self, node: Any, position: int, values: list[Any], out: float, amount: float
    ) -> None:
        self.node, self.position, self.values, self.out = node, position, values, out
        self.x, self.amount = values[position], amount
        self.at_kink = False

    def given(self, t: float) -> list[float]:
        """The operation's arguments with t in the place of this input."""
        return [*self.values[: self.position], t, *self.values[self.position + 1 :]]

    def along(self, t: float) -> float:
        """The operation as a function of this input alone."""
        result: float = self.node._rule.fact.floats(*self.given(t))
        return result

    def fault(self) -> Finding | None:
        """The fault in it; None if it has none."""
        found = self.contradiction()
        if found is None:
            return None
        other = hand_back(self.node, 1.0)[self.position] if self.amount == self.amount else None
        return self.describe(found, self.amount * ARRIVING, other)

    def describe(
        self, found: Estimate, handed: float, other: float | None, index: tuple[int, ...] = ()
    ) -> Finding:
        """The fault in words; `other` is the share for a gradient of 1, `handed` for another."""
        node, position, claimed = self.node, self.position, self.amount
        at = f" at [{', '.join(map(str, index))}]" if index else ""
        text = (
            f"{describe_node(node)}: the derivative by argument {position + 1} of "
            f"{len(node._inputs)} is wrong{at}: its rule says {claimed:.10g}, {measured(found)}"
            + FORGETS_G
            * (handed == other != 0.0)
        )
        finding = Finding("rule", node, text, position, claimed, found.value, found.error_bar)
        finding.index = index or None
        return finding

    def contradiction(self) -> Estimate | None:
        """The slope by differences, if it is another."""
        claimed, x, along = self.amount, self.x, self.along
        row, out, kink = self.node._rule, self.out, self.node._rule.fact.kink
        self.at_kink |= kink is not None and _is_zero(kink, self.values)
        for h in (abs(x) * 2.0**-9, max(abs(x), 1.0) * 2.0**-6):
            if passes(claimed, *(stencil(along, x, h, out) if h else (0.0, math.inf))):
                return None
        noise = ULPS * DOUBLE * abs(out) + OF_ONE if not row.variadic else None
        found = derivative(along, x, noise=noise)
        if not _agrees(claimed, found):
            found = derivative(along, x, noise=noise, thorough=True)
        if _agrees(claimed, found) or agrees_closer(
            along, x, claimed, _slack(claimed, found), found, noise=noise,
            sizes=self.values, kinks=kink and (lambda t: [kink(*self.given(t))]),
        ):  # fmt: skip
            self.at_kink |= found.kind in ("kink", "jump")
            return None
        return found

    def is_sound(self) -> bool:
        """Whether nothing contradicts it."""
        return self.contradiction() is None

    def wrong_amounts(self) -> list[tuple[str, float]]:
        """Faults to plant: what is changed, and the share then."""
        return [(change, factor * self.amount) for change, factor in SEEDED if self.amount]


def _is_zero(kink: Callable[..., float], values: list[Any]) -> bool:
    try:
        return kink(*values) == 0.0
    except ArithmeticError:
        return False


def _agrees(claimed: float, found: Estimate) -> bool:
    return found.allows(claimed, _slack(claimed, found))


def _slack(claimed: float, found: Estimate) -> float:
    """How far rounding can have moved the claimed slope, and that of a long and steep step."""
    return 256.0 * DOUBLE * max(abs(claimed), found.scale)


def mutated(row: Rule, position: int, factor: float) -> Rule:
    """The same row with one share multiplied by `factor`."""
    return row.altered(*wrong_columns(row, position, factor))


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
