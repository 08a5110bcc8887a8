"""A learner's mistakes: each is the one walk with one argument changed.

Another order, another way of gathering, other rules, or another seed; no second walk is written.
`array_mistakes` has those in the rows that only arrays have.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import count, starmap
from typing import Any, NamedTuple

from ..arrays.partial import bare
from ..core.functions import div, maximum, where
from ..core.graph import Node, nodes, sweep, youngest_first
from ..core.modes import Mode
from ..core.rules import RULES, Rule

Number = Any  # or an array
Shares = Any  # one, a list of them, or None
Gradients = dict[Node, Number]
Order = Callable[[Node], Any]
Column = Callable[..., Any]
Change = Callable[[Column, int], Column]  # of a column, and its position


class Mistake(NamedTuple):
    """A wrong backward pass: its name, what is right, and the walk that makes it."""

    name: str
    right: str
    walk: dict[str, Any]
    leaves: bool = False  # only the gradients of leaves are wrong


# ---- the walk, gone wrong ------------------------------------------------------------------------


def handed(
    root: Node,
    seed: float = 1.0,
    *,
    order: Callable[[], Order] = lambda: youngest_first,
    gather: Callable[[Number, Number], Number] = operator.add,
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

    def plainly(held: Number, share: Number) -> Number:
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
    """A second walk, to which each node that keeps its gradient adds it.

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


def _whole(g: Number) -> Number:
    """A gradient as an array, also if it is a list of the gradients of elements."""
    return g.__array__() if hasattr(g, "arrived") else g


def _crossed(x: Any) -> Any:
    """A Tensor of one number as a Value, and a Value as such a Tensor."""
    if x.broadcasts:
        return x.values()
    from ..arrays.crossing import stack_values

    return stack_values(x)


def _order(place: Callable[[Node, int], int]) -> Order:
    """Nodes by place, which may depend on when they are reached; nodes reached again come last."""
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


def _replaced(name: str, change: Change) -> dict[str, Rule]:
    """The table with each column of one row changed by `change(column, position)`."""
    return {**RULES, name: _changed(name, change)}


def _changed(name: str, change: Change) -> Rule:
    row = RULES[name]
    return Rule(name, row.compute, *(change(c, i) for i, c in enumerate(row.columns)))


def _without_g(column: Column) -> Column:
    return lambda g, out, *xs: column(1.0, out, *xs)


def _at_out(column: Column) -> Column:
    return lambda g, out, *xs: column(g, out, *[out] * len(xs))


def _negated(column: Column) -> Column:
    return lambda g, out, *xs: each(operator.neg, column(g, out, *xs))


def _passes(column: Column) -> Column:
    return lambda g, out, *xs: each(lambda share: g, column(g, out, *xs))


def _in_all(change: Callable[[Column], Column]) -> Change:
    """The change in every column of a row."""
    return lambda column, position: change(column)


def _only(k: int, change: Callable[[Column], Column], column: Column, position: int) -> Column:
    """The change in one column of a row, the others as they are."""
    return change(column) if position == k else column


def each(function: Callable[[Number], Number], share: Shares) -> Shares:
    """The function of a share, or of each share of an operation on a list."""
    if isinstance(share, (list, tuple)):
        return [each(function, part) for part in share]
    return None if share is None else function(share)


def _lost(column: Column) -> Column:
    return lambda g, out, *xs: each(lambda share: 0.0, column(g, out, *xs))


# ---- the catalogue -------------------------------------------------------------------------------


def of_values(root: Node) -> Iterator[Mistake]:
    """Every mistake that can be made in this graph, but for the rows that only arrays have."""
    ops = sorted({x.op for x in nodes(root) if x._rule and not x._rule.of_arrays})
    yield from starmap(Mistake, _of_the_walk(root))
    yield Mistake(
        "the local derivative alone, without the gradient that arrives",
        "multiply the local derivative by what arrives: the chain rule",
        {"rules": {**RULES, **{op: _changed(op, _in_all(_without_g)) for op in ops}}},
    )
    for op in ops:
        for name, right, change in _of_an_operation(op):
            yield Mistake(name, right, {"rules": _replaced(op, change)})
    yield from _by_name(ops)


# fmt: off
def _of_the_walk(root: Any) -> Iterator[tuple[Any, ...]]:
    add, held = "gradients of all uses are added: +=", {"gather": lambda held, share: held}
    overwritten = {"gather": lambda held, share: share}
    yield "a gradient is overwritten: = in the place of +=", add, overwritten
    yield "only the first share of a gradient is kept", add, held
    yield "shares are multiplied where they meet", add, {"gather": operator.mul}
    yield "the larger of two shares is kept", add, {"gather": maximum}
    turn = "a node has its turn when all its users have had theirs: youngest first"
    yield "depth first, without sorting", turn, {"order": DEPTH_FIRST}
    yield "breadth first, without sorting", turn, {"order": BREADTH_FIRST}
    yield "the oldest node first", turn, {"order": OLDEST_FIRST}
    seed = "the pass begins with d root/d root = 1"
    yield "the pass was never begun: the gradient of the root is 0", seed, {"seed": 0.0}
    yield "every sign is turned: the gradient of minus the root", seed, {"seed": -1.0}
    yield "the pass begins with the root's own value", seed, {"seed": root.data}
    forget = "forget the gradients before every pass: zero_grad(nodes)"
    for times in (2, 3, 4, 5):
        several = f"the pass ran {times} times without zero_grad between"
        yield several, forget, {"seed": float(times)}, True
    leaves = "only leaves keep their gradients from one pass to the next; what is between does not"
    yield ("a second pass begins with what the first left between leaves and root", leaves,
           {"again": lambda node: True})
    yield ("zero_grad between two passes forgets the leaves alone, and not what is between", leaves,
           {"again": lambda node: bool(node.inputs)})


def _of_an_operation(op: str) -> Iterator[tuple[str, str, Change]]:
    """The mistakes in one row of the table, each as a change of its columns."""
    columns, product = RULES[op].columns, f"{op} hands on what arrives times its local derivative"
    yield f"{op} does not multiply by the gradient that arrives", product, _in_all(_without_g)
    if op not in ("add", "identity", "sum"):
        unchanged = f"{op} hands on what arrives unchanged, without its local derivative"
        yield unchanged, product, _in_all(_passes)
    if len(columns) == 2:
        yield (f"the operands of {op} are swapped: each is handed the other's share",
               f"each operand of {op} has a slope of its own", lambda c, i: columns[1 - i])
    if len(columns) == 1 and not RULES[op].variadic:
        yield (f"the slope of {op} is taken at its result, and not at its input",
               f"the slope of {op} belongs to the number that went in", _in_all(_at_out))
    for k in range(len(columns)):
        which = f"operand {k + 1} of {op}" if len(columns) > 1 else op
        yield (f"the sign of what {which} is handed is turned",
               f"look at the sign of the local derivative of {which}", partial(_only, k, _negated))
        yield (f"nothing is handed to {which}: a path is lost",
               f"{which} is handed a share too", partial(_only, k, _lost))


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
