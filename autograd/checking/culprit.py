"""Which node of a graph is at fault: every local derivative, value and sum, each checked alone.

A *share* is what a rule hands back to one input: a slope times the gradient that arrives. The
operation, computed for other numbers, has a slope of its own. A cheap stencil passes what plainly
agrees, and `differences` decide the rest. Shares of arrays are judged in `array_shares`; values and
sums are checked in `soundness`.
"""

from __future__ import annotations

import math
from contextlib import suppress
from functools import cached_property

from ..core.graph import Node, data_of, hand_back, nodes
from ..seeing.naming import names_of
from ..seeing.wording import on_arrays
from .closer import agrees_closer
from .differences import Estimate, Search, passes, stencil
from .probing import DOUBLE, OF_ONE
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
    from collections.abc import Callable, Sequence
    from typing import Any, Final


def check_graph(root: Node, *, mutate: bool = False) -> GraphReport:
    """Check every local derivative, every value and the walk of one recorded graph.

    What an operation on Tensors hands back is checked along random directions, and that of a small
    array at every element; a fault names the element where it is worst.

    With `mutate`, faults are then planted in each local derivative (sign, factor 0 and 2, a
    relative 1e-6), one at a time, and checked for likewise, so a report that is true shows that the
    check could have failed. Record under `record_lines()` to have the user's line named.

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
    if not on_arrays(node):
        return _number_shares(node)
    from . import array_shares  # imports NumPy

    return array_shares.shares(node)


def _plant(share: Any, report: GraphReport) -> None:
    """Plant faults in one share, and see whether each is found."""
    right = share.claimed
    for change, claimed in share.wrong_claims():
        share.claimed = claimed
        report.seeded += 1
        if share.is_sound():
            what = f"{describe_node(share.node)}, argument {share.position + 1}"
            report.missed.append(f"{what}, {change}")
    share.claimed = right


def _add(findings: list[Finding], fault: Finding) -> None:
    """Many nodes of one operation with one fault are one finding."""
    for known in findings:
        same = known.kind == fault.kind and known.argument == fault.argument
        if same and known.operation == fault.operation:
            known.count += 1
            return
    findings.append(fault)


# ---- the share of one input, of an operation on numbers ------------------------------------------


class Line:
    """A function of one number, and the slope that a rule claims for it at `start`."""

    noise: float | None = None  # how far its values are off, where that is known
    roundoff = DOUBLE
    own: float = 0.0  # how far rounding may have moved the claimed slope
    bars: float = 2.0  # error bars that the two slopes may be apart
    kinks: Callable[[float], Sequence[float]] | None = None  # each changes its sign at a kink
    at_kink: bool = False

    def __init__(
        self, start: float, claimed: float, here: float, size: float, sizes: Sequence[float]
    ) -> None:
        self.start: float = start
        self.claimed: float = claimed
        self.here = here  # its value at the start
        self.steps: Final = size * 2.0**-9, max(size, 1.0) * 2.0**-6  # of the screening
        self.sizes = sizes  # numbers that may say how short a step has to be

    def __call__(self, t: float) -> float:
        raise NotImplementedError

    def screened(self, h: float) -> tuple[float, float]:
        """The slope by a few values, and its error bar."""
        return stencil(self, self.start, h, self.here) if h else (math.nan, math.inf)

    def measured(self, thorough: bool = True) -> Estimate:
        """The slope by differences."""
        return self.search.thorough if thorough else self.search.quick

    @cached_property
    def search(self) -> Search:
        """The search for its slope, which does not depend on what is claimed."""
        return Search(self, self.start, self.roundoff, self.noise)

    def contradiction(self) -> Estimate | None:
        """The slope by differences if it is another than the claimed one, else None."""
        claimed = self.claimed
        more = self.own if self.bars > Line.bars else 0.0  # where many elements move at once
        for slope, bar in map(self.screened, self.steps):
            if passes(claimed, slope, bar + more):
                return None
        for found in map(self.measured, (False, True)):
            # Rounding moves the claimed slope, and that of a long and steep step.
            slack = self.own + 256.0 * self.roundoff * max(abs(claimed), found.scale)
            if found.allows(claimed, slack, self.bars):
                break
        else:
            if not agrees_closer(self, slack, found):
                return found
        self.at_kink |= found.kind in ("kink", "jump")
        return None


class NumberShare(Line):
    """The slope of an operation on numbers by one input, as its rule has it."""

    def __init__(
        self, node: Any, position: int, values: list[Any], out: float, claimed: float
    ) -> None:
        super().__init__(values[position], claimed, out, abs(values[position]), values)
        self.node: Any = node
        self.position: int = position
        self.values: list[Any] = values
        if not node._rule.variadic:
            self.noise: float = ULPS * DOUBLE * abs(out) + OF_ONE
        if node._rule.fact.kink:
            self.kinks: Callable[[float], list[float]] = self._kinks

    def given(self, t: float) -> list[float]:
        """The operation's arguments with t in the place of this input."""
        return [*self.values[: self.position], t, *self.values[self.position + 1 :]]

    def __call__(self, t: float) -> float:
        result: float = self.node._rule.fact.floats(*self.given(t))
        return result

    def _kinks(self, t: float) -> list[float]:
        return [self.node._rule.fact.kink(*self.given(t))]

    def contradiction(self) -> Estimate | None:
        """The slope by differences if it is another than the claimed one, else None."""
        with suppress(ArithmeticError):
            self.at_kink |= self.kinks is not None and self.kinks(self.start) == [0.0]
        return super().contradiction()

    def fault(self) -> Finding | None:
        """The fault in it; None if it has none."""
        found = self.contradiction()
        if found is None:
            return None
        known = self.claimed == self.claimed  # else the rule raises
        other = hand_back(self.node, 1.0)[self.position] if known else None
        return self.describe(found, self.claimed * ARRIVING, other)

    def describe(
        self, found: Estimate, handed: float, other: float | None, index: tuple[int, ...] = ()
    ) -> Finding:
        """The fault in words; `other` is the share for a gradient of 1, `handed` for another."""
        node, position = self.node, self.position
        at = f" at [{', '.join(map(str, index))}]" if index else ""
        text = (
            f"{describe_node(node)}: the derivative by argument {position + 1} of "
            f"{len(node._inputs)} is wrong{at}: its rule says {self.claimed:.10g}, "
            f"{measured(found)}{FORGETS_G * (handed == other != 0.0)}"
        )
        slopes = self.claimed, found.value, found.error_bar
        return Finding("rule", node, text, position, *slopes, index or None)

    def is_sound(self) -> bool:
        """True if nothing contradicts it."""
        return self.contradiction() is None

    def wrong_claims(self) -> list[tuple[str, float]]:
        """Faults to plant: what is changed, and the slope that is claimed then."""
        if not self.claimed or math.isnan(self.claimed):  # then a fault changes nothing
            return []
        return [(change, factor * self.claimed) for change, factor in SEEDED]


def _number_shares(node: Any) -> list[NumberShare]:
    """The share of each input that is a node, of an operation on numbers."""
    try:
        handed = hand_back(node, ARRIVING)
    except Exception:  # a rule that raises says nan
        handed = [math.nan] * len(node._inputs)
    values = [data_of(x) for x in node._inputs]
    return [
        NumberShare(node, i, values, node._data, (handed[i] or 0.0) / ARRIVING)
        for i, _ in node_inputs(node)
    ]
