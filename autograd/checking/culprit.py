"""Which node of a graph is at fault: every local derivative, value and sum, each checked alone.

A local derivative is what the node's rule hands back for an arriving gradient: `shares` judges
those of numbers, `array_shares` those of arrays. Values and sums are checked in `soundness`.
"""

from __future__ import annotations

from ..core.graph import Node, nodes
from ..seeing.naming import names_of
from ..seeing.wording import on_arrays
from . import shares
from .report import Finding, GraphReport, called, describe_node
from .soundness import changed_values, consumers_of, missing_inputs, walk_faults

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


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
        return shares.shares(node)
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
