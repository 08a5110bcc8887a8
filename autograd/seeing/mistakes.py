"""A learner's mistakes: each is the one walk with one argument changed.

Another order, another way of gathering, other rules, or another beginning; nothing here walks
by itself. Of a graph of Tensors, some rows are others too: those are in `array_mistakes`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from ..arrays.partial import bare
from ..core.functions import div, maximum, where
from ..core.graph import Node, nodes, sweep, youngest_first
from ..core.modes import Mode
from ..core.rules import RULES, Rule

Gradients = dict[Node, Any]
Order = Callable[[Node], Any]


class Mistake(NamedTuple):
    """A wrong way to go back: what it is, what is right, and the walk that makes it."""

    name: str
    right: str
    walk: dict[str, Any]
    leaves: bool = False  # it spoils leaves only


# ---- the walk, gone wrong ------------------------------------------------------------------------


def handed(
    root: Node,
    seed: float = 1.0,
    *,
    order: Callable[[], Order] = lambda: youngest_first,
    gather: Callable[[Any, Any], Any] = operator.add,
    rules: Mapping[str, Rule] = RULES,
    again: Callable[[Node], bool] | None = None,
) -> Gradients:
    """The gradients that a walk with these arguments hands out; `order` makes an order.

    In a wrong order a node may be reached again after its turn: what comes then is gathered, but
    not handed on. `again` says whether a node keeps its gradient for a second walk, which then
    follows.
    """
    if again is not None:
        return _second_walk(root, seed, again)
    begun = root.start(seed) if isinstance(seed, float) else seed
    held: Gradients = {root: begun}
    done: set[Node] = set()

    def plainly(held: Any, share: Any) -> Any:
        return gather(bare(held), bare(share))

    along = operator.add if gather is operator.add else plainly
    for node, _, shares in sweep(root, begun, order=order(), gather=along, rules=rules):
        if node in done:
            break  # a wrong order puts what comes late behind everything else
        done.add(node)
        for x, share in zip(node.inputs, map(bare, shares), strict=True):
            if share is not None:
                held[x] = gather(held[x], share) if x in held else share
    return held


def _second_walk(root: Any, seed: Any, keeps: Callable[[Node], bool]) -> Gradients:
    """A second walk to which each node that keeps its gradient adds what it has.

    Such a node acts as if the root were larger by the node times its gradient.
    """
    first = handed(root, seed)
    with Mode(recording=True, lines=False, anomaly=False):
        total = root
        for node, g in first.items():
            if node is not root and keeps(node):
                product: Any = node * _whole(g)
                if node.broadcasts:
                    product = product.sum()
                if node.broadcasts != root.broadcasts:
                    product = _crossed(product)
                total = total + product
    second = handed(total, seed)
    return {node: second.get(node, 0.0) for node in first}


def _whole(g: Any) -> Any:
    """A gradient as an array, where it is a list of those of single elements."""
    return g.__array__() if hasattr(g, "arrived") else g


def _crossed(x: Any) -> Any:
    """A Tensor of one number as a Value, and a Value as such a Tensor."""
    if x.broadcasts:
        return x.values()
    from ..arrays.crossing import stack_values

    return stack_values(x)


def _order(place: Callable[[Node, int], int]) -> Order:
    """Nodes by their place, which may depend on when they are reached; the late come last."""
    reached: set[Node] = set()
    turn = count()

    def order(node: Node) -> tuple[bool, int]:
        late = node in reached
        reached.add(node)
        return late, place(node, next(turn))

    return order


DEPTH_FIRST = partial(_order, lambda node, turn: -turn)
BREADTH_FIRST = partial(_order, lambda node, turn: turn)
OLDEST_FIRST = partial(_order, lambda node, turn: node._born)


def _replaced(name: str, change: Callable[[Any, int], Any]) -> dict[str, Rule]:
    """The table with each column of one row changed by `change(column, position)`."""
    return {**RULES, name: _changed(name, change)}


def _changed(name: str, change: Callable[[Any, int], Any]) -> Rule:
    row = RULES[name]
    return Rule(name, row.compute, *(change(c, i) for i, c in enumerate(row.columns)))


def _without_g(column: Any) -> Any:
    return lambda g, out, *xs: column(1.0, out, *xs)


def _at_out(column: Any) -> Any:
    return lambda g, out, *xs: column(g, out, *[out] * len(xs))


def _negated(column: Any) -> Any:
    return lambda g, out, *xs: _each(operator.neg, column(g, out, *xs))


def _passes(column: Any) -> Any:
    return lambda g, out, *xs: _each(lambda share: g, column(g, out, *xs))


def _only(k: int, change: Callable[[Any], Any], column: Any, position: int) -> Any:
    """The change in one column of a row, the others as they are."""
    return change(column) if position == k else column


def _each(function: Callable[[Any], Any], share: Any) -> Any:
    """The function of a share, or of each of the shares of an operation on a list."""
    if isinstance(share, (list, tuple)):
        return [_each(function, each) for each in share]
    return None if share is None else function(share)


def _lost(column: Any) -> Any:
    return lambda g, out, *xs: _each(lambda share: 0.0, column(g, out, *xs))


# ---- the catalogue -------------------------------------------------------------------------------


def catalogue(root: Node) -> Iterator[Mistake]:
    """Every mistake that can be made in this graph."""
    found = nodes(root)
    ops = sorted({node.op for node in found if node._rule and not node._rule.of_arrays})
    yield from _of_the_walk(root)
    everywhere = {op: _changed(op, lambda c, i: _without_g(c)) for op in ops}
    yield Mistake(
        "the local derivative alone, without the gradient that arrives",
        "multiply the local derivative by what arrives: the chain rule",
        {"rules": {**RULES, **everywhere}},
    )
    for op in ops:
        yield from _of_an_operation(op)
    yield from _by_name(ops)
    if any(node.broadcasts for node in found):
        from .array_mistakes import of_arrays

        yield from of_arrays(found)


def _of_the_walk(root: Node) -> Iterator[Mistake]:
    turn = "a node has its turn when all its users have had theirs: youngest first"
    add = "gradients of all uses are added: +="
    yield Mistake(
        "a gradient is overwritten: = in the place of +=",
        add,
        {"gather": lambda held, share: share},
    )
    yield Mistake(
        "only the first share of a gradient is kept", add, {"gather": lambda held, share: held}
    )
    yield Mistake("shares are multiplied where they meet", add, {"gather": operator.mul})
    yield Mistake("the larger of two shares is kept", add, {"gather": maximum})
    yield Mistake("depth first, without sorting", turn, {"order": DEPTH_FIRST})
    yield Mistake("breadth first, without sorting", turn, {"order": BREADTH_FIRST})
    yield Mistake("the oldest node first", turn, {"order": OLDEST_FIRST})
    seed = "the pass begins with d root/d root = 1"
    yield Mistake("the pass was never begun: the gradient of the root is 0", seed, {"seed": 0.0})
    yield Mistake("every sign is turned: the gradient of minus the root", seed, {"seed": -1.0})
    yield Mistake("the pass begins with the root's own value", seed, {"seed": root.data})
    for times in (2, 3, 4, 5):
        yield Mistake(
            f"the pass ran {times} times without zero_grad between",
            "forget the gradients before every pass: zero_grad(nodes)",
            {"seed": float(times)},
            leaves=True,
        )
    between = "only leaves keep their gradients from one pass to the next; what is between does not"
    yield Mistake(
        "a second pass begins with what the first left between leaves and root",
        between,
        {"again": lambda node: True},
    )
    yield Mistake(
        "zero_grad between two passes forgets the leaves alone, and not what is between",
        between,
        {"again": lambda node: bool(node.inputs)},
    )


def _of_an_operation(op: str) -> Iterator[Mistake]:
    """What can be wrong in one row of the table."""
    columns = RULES[op].columns

    def mistake(name: str, right: str, change: Callable[[Any, int], Any]) -> Mistake:
        return Mistake(name, right, {"rules": _replaced(op, change)})

    yield mistake(
        f"{op} does not multiply by the gradient that arrives",
        f"{op} hands on what arrives times its local derivative",
        lambda c, i: _without_g(c),
    )
    if op not in ("add", "identity", "sum"):
        yield mistake(
            f"{op} hands on what arrives unchanged, without its local derivative",
            f"{op} hands on what arrives times its local derivative",
            lambda c, i: _passes(c),
        )
    if len(columns) == 2:
        yield mistake(
            f"the operands of {op} are swapped: each is handed the other's share",
            f"each operand of {op} has a slope of its own",
            lambda c, i: columns[1 - i],
        )
    if len(columns) == 1 and not RULES[op].variadic:
        yield mistake(
            f"the slope of {op} is taken at its result, and not at its input",
            f"the slope of {op} belongs to the number that went in",
            lambda c, i: _at_out(c),
        )
    for k in range(len(columns)):
        which = f"operand {k + 1} of {op}" if len(columns) > 1 else op
        yield mistake(
            f"the sign of what {which} is handed is turned",
            f"look at the sign of the local derivative of {which}",
            partial(_only, k, _negated),
        )
        yield mistake(
            f"nothing is handed to {which}: a path is lost",
            f"{which} is handed a share too",
            partial(_only, k, _lost),
        )


# fmt: off
BY_NAME: dict[str, tuple[tuple[str, str, tuple[Any, ...]], ...]] = {
    "pow":     (("the power rule without its factor: x^(n-1)", "d x^n/dx = n x^(n-1)",
                 (lambda g, out, x, y: g * x ** (y - 1.0), RULES["pow"].columns[1])),
                ("the power rule without lowering the power: n x^n", "d x^n/dx = n x^(n-1)",
                 (lambda g, out, x, y: g * y * x ** y, RULES["pow"].columns[1]))),
    "tanh":    (("tanh' is taken for 1 - x^2 of its input", "tanh' = 1 - tanh^2, of the result",
                 (lambda g, out, x: g * (1 - x * x),)),
                ("tanh' is taken for 1 - tanh, without the square", "tanh' = 1 - tanh^2",
                 (lambda g, out, x: g * (1 - out),))),
    "sigmoid": (("sigmoid' is taken for x (1 - x) of its input",
                 "sigmoid' = s (1 - s), of the result",
                 (lambda g, out, x: g * x * (1 - x),)),),
    "exp":     (("exp' is taken for the input itself", "exp' = exp, the result",
                 (lambda g, out, x: g * x,)),),
    "log":     (("log' is taken for 1 / log", "log' = 1/x, of the input",
                 (lambda g, out, x: div(g, out),)),),
    "div":     (("the denominator of x/y is handed -x/y, without the square", "d (x/y)/dy = -x/y^2",
                 (RULES["div"].columns[0], lambda g, out, x, y: -g * out)),
                ("the numerator of x/y is handed y", "d (x/y)/dx = 1/y",
                 (lambda g, out, x, y: g * y, RULES["div"].columns[1]))),
    "relu":    (("relu's gate asks the gradient, and not the input",
                 "relu passes where its input is positive",
                 (lambda g, out, x: where(g > 0, g, 0.0),)),),
    "sqrt":    (("sqrt' without the factor 1/2", "sqrt' = 1 / (2 sqrt)",
                 (lambda g, out, x: div(g, out),)),),
    "mean":    (("mean hands on a sum's share, without 1/n", "mean hands each of n inputs g / n",
                 (RULES["sum"].columns[0],)),),
}
# fmt: on


def _by_name(ops: list[str]) -> Iterator[Mistake]:
    """Well-known wrong slopes."""
    for op in ops:
        for name, right, columns in BY_NAME.get(op, ()):
            row = Rule(op, RULES[op].compute, *columns)
            yield Mistake(name, right, {"rules": {**RULES, op: row}})
