"""A learner's mistakes: each is the one walk with one argument changed.

Another order, another way of gathering, other rules, or another seed; no second walk is written.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
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
Wrong = tuple[str, str, tuple[Column, ...]]  # a mistake's name, what is right, and columns


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


# ---- a row, gone wrong ---------------------------------------------------------------------------


def each(function: Callable[[Number], Number], share: Shares) -> Shares:
    """The function of a share, or of each share of an operation on a list."""
    if isinstance(share, (list, tuple)):
        return [each(function, part) for part in share]
    return None if share is None else function(share)


def with_share(column: Column, change: Callable[[Number, Number], Number]) -> Column:
    """The column with each share replaced by `change(g, share)`."""
    return lambda g, out, *xs, **settings: each(partial(change, g), column(g, out, *xs, **settings))


def _without_g(column: Column) -> Column:
    return lambda g, out, *xs, **settings: column(g**0.0, out, *xs, **settings)


def _at_out(column: Column) -> Column:
    return lambda g, out, *xs: column(g, out, *[out] * len(xs))


_negated = partial(with_share, change=lambda g, share: -share)
_passes = partial(with_share, change=lambda g, share: g)
_lost = partial(with_share, change=lambda g, share: where(True, 0.0, share))


# ---- the catalogue -------------------------------------------------------------------------------


def catalogue(root: Node) -> Iterator[Mistake]:
    """Every mistake that can be made in this graph."""
    of_nodes = {getattr(node._rule, "row", node._rule) for node in nodes(root) if node._inputs}
    rows = {row.key: row for row in sorted(of_nodes, key=lambda row: row.key)}
    alone = {key: row.altered(*map(_without_g, row.columns)) for key, row in rows.items()}
    yield from starmap(Mistake, _of_the_walk(root))
    yield Mistake(
        "the local derivative alone, without the gradient that arrives",
        "multiply the local derivative by what arrives: the chain rule",
        {"rules": {**RULES, **alone}},
    )
    for wrong in (_of_an_operation, _by_name):
        for key, row in rows.items():
            for name, right, columns in wrong(row):
                yield Mistake(name, right, {"rules": {**RULES, key: row.altered(*columns)}})


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


def _of_an_operation(row: Rule) -> Iterator[Wrong]:
    """The mistakes in one row of the table, each as a change of its columns."""
    op, columns = row.name, row.columns
    product = f"{op} hands on what arrives times its local derivative"
    yield (f"{op} does not multiply by the gradient that arrives", product,
           tuple(map(_without_g, columns)))
    if op not in ("add", "identity", "sum"):
        yield (f"{op} hands on what arrives unchanged, without its local derivative", product,
               tuple(map(_passes, columns)))
    if len(columns) == 2:
        yield (f"the operands of {op} are swapped: each is handed the other's share",
               f"each operand of {op} has a slope of its own", columns[::-1])
    if len(columns) == 1 and not (row.variadic or row.of_arrays):
        yield (f"the slope of {op} is taken at its result, and not at its input",
               f"the slope of {op} belongs to the number that went in", (_at_out(*columns),))
    for k, column in enumerate(columns):
        which = f"operand {k + 1} of {op}" if len(columns) > 1 else op
        before, after = columns[:k], columns[k + 1:]
        yield (f"the sign of what {which} is handed is turned",
               f"look at the sign of the local derivative of {which}",
               (*before, _negated(column), *after))
        yield (f"nothing is handed to {which}: a path is lost", f"{which} is handed a share too",
               (*before, _lost(column), *after))


BY_NAME: dict[str, tuple[Wrong, ...]] = {
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


def _by_name(row: Rule) -> Sequence[Wrong]:
    """Well-known wrong slopes."""
    if not row.of_arrays:
        return BY_NAME.get(row.name, ())
    from . import array_mistakes  # imports NumPy

    return array_mistakes.BY_NAME.get(row.name, ())
