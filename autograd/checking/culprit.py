"""Which node of a graph is at fault: every local derivative, value and sum, each checked alone.

A local derivative is what the node's rule hands back for an arriving gradient of -2; the operation
itself, computed on floats, has a slope of its own. A cheap stencil passes what plainly agrees, and
`differences.derivative` decides the rest. Values and sums are checked in `soundness`.
"""

from __future__ import annotations

import math
from functools import partial

from ..core.graph import Node, data_of, hand_back, nodes
from ..core.rules import RULES, Rule
from .closer import agrees_closer
from .differences import DOUBLE, LEAST, Estimate, derivative, stencil
from .report import Finding, GraphReport, describe_node
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
    from collections.abc import Mapping
    from typing import Any

ULPS = 16.0  # by which an operation's value may be off; that of a list may cancel
ALMOST = 2.0**-22  # a screening passes what its error bar can tell from an error of 1e-6
SEEDED = (("its sign flipped", -1.0), ("dropped", 0.0), ("doubled", 2.0), ("off by 1e-6", 1 + 1e-6))


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
    return report


def _on_arrays(node: Any) -> bool:
    inputs = (x for _, x in node_inputs(node))
    return any(getattr(x, "broadcasts", False) for x in (node, *inputs))


def _check_rule(node: Any, report: GraphReport, mutate: bool) -> None:
    """Check each local derivative of one node; its rule is asked once."""
    if _on_arrays(node):
        from .array_culprit import check_operation

        check_operation(node, report, partial(_add, report.findings), mutate)
        return
    shares, values = _shares(node), [data_of(x) for x in node._inputs]
    for position, _ in node_inputs(node):
        report.edges += 1
        fault = _rule_fault(node, position, shares, values, report)
        if fault is not None:
            _add(report.findings, fault)
        elif mutate:
            _plant(node, position, shares, values, report)


def _shares(node: Any, rules: Mapping[str, Rule] = RULES) -> list[Any]:
    """What a node hands back for a gradient of -2; a rule that raises says nan."""
    try:
        return list(hand_back(node, ARRIVING, rules=rules))
    except Exception:
        return [math.nan] * len(node._inputs)


def _add(findings: list[Finding], fault: Finding) -> None:
    """Many nodes of one operation with one fault are one finding."""
    for known in findings:
        same = known.kind == fault.kind and known.argument == fault.argument
        if same and known.operation == fault.operation:
            known.count += 1
            return
    findings.append(fault)


def _rule_fault(
    node: Any, position: int, shares: list[Any], values: list[Any], report: GraphReport
) -> Finding | None:
    """The fault in one local derivative, None if there is none."""
    share = shares[position]
    claimed = 0.0 if share is None else share / ARRIVING
    x, compute, kink = values[position], node._rule.fact.floats, node._rule.fact.kink
    before, after = values[:position], values[position + 1 :]

    def along(t: float) -> float:
        return compute(*before, t, *after)

    for h in (abs(x) * 2.0**-9, max(abs(x), 1.0) * 2.0**-6):
        slope, bar = stencil(along, x, h, node._data) if h else (0.0, math.inf)
        if abs(claimed - slope) <= bar <= ALMOST * abs(claimed) or claimed == slope == bar == 0.0:
            return None
    noise = ULPS * DOUBLE * abs(node._data) + LEAST if not node._rule.variadic else None
    found = derivative(along, x, noise=noise)
    if not _agrees(claimed, found):
        found = derivative(along, x, noise=noise, thorough=True)
    if _agrees(claimed, found) or agrees_closer(
        along, x, claimed, _slack(claimed, found), found, noise=noise,
        sizes=[*before, *after], kinks=kink and (lambda t: [kink(*before, t, *after)]),
    ):  # fmt: skip
        if found.kind in ("kink", "jump"):
            report.kinks.append(node)
        return None
    alike = share == hand_back(node, 1.0)[position] if claimed == claimed else False
    hint = "; it does not multiply by the gradient that arrives" if alike else ""
    return _describe_fault(node, position, claimed, found, hint)


def _agrees(claimed: float, found: Estimate) -> bool:
    return found.allows(claimed, _slack(claimed, found))


def _slack(claimed: float, found: Estimate) -> float:
    """How far rounding can have moved the claimed slope, and that of a long and steep step."""
    return 256.0 * DOUBLE * max(abs(claimed), found.scale)


def _describe_fault(
    node: Any, position: int, claimed: float, found: Estimate, hint: str
) -> Finding:
    measured = f"measured {found.value:.10g} +- {found.error_bar:.1e}"
    if found.kind in ("kink", "jump") and found.left and found.right:
        measured = f"the slopes are {found.left[0]:.6g} on the left, {found.right[0]:.6g} on the"
        measured += " right"
    text = (
        f"{describe_node(node)}: the derivative by argument {position + 1} of "
        f"{len(node._inputs)} is wrong: its rule says {claimed:.10g}, {measured}{hint}"
    )
    return Finding("rule", node, text, position, claimed, found.value, found.error_bar)


def _plant(
    node: Any, position: int, shares: list[Any], values: list[Any], report: GraphReport
) -> None:
    """Plant faults in one local derivative, and see whether each is found."""
    if not shares[position]:
        return  # nothing there to change
    for change, factor in SEEDED:
        planted = _shares(node, {node.op: mutated(node._rule, position, factor)})
        report.seeded += 1
        if _rule_fault(node, position, planted, values, GraphReport()) is None:
            report.missed.append(f"{describe_node(node)}, argument {position + 1}, {change}")


def mutated(row: Rule, position: int, factor: float) -> Rule:
    """The same row with one share multiplied by `factor`."""
    return Rule(row.name, row.compute, *wrong_columns(row, position, factor))


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
