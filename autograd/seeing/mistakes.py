"""A learner's mistakes: each is the one walk with one argument changed.

Another order, another way of gathering, other rules, or another seed; no second walk is written.
A mistake that is made at one node is the same change of what that node gathers or hands on; what it
adds further down follows from the walk, which is linear.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial, reduce
from itertools import count, starmap
from typing import Any, NamedTuple

from ..arrays.partial import bare
from ..core.functions import div, exp, maximum, where
from ..core.graph import Node, data_of, hand_back, nodes, sweep, youngest_first
from ..core.modes import Mode
from ..core.rules import RULES, Rule

Number = Any  # or an array
Shares = Any  # one, a list of them, or None
Gradients = dict[Node, Number]
Order = Callable[[Node], Any]
Column = Callable[..., Any]
Wrong = tuple[str, str, tuple[Any, ...]]  # a mistake's name, what is right, and columns
Change = tuple[Node, Number]  # what a mistake adds to the gradient of a node


class Mistake(NamedTuple):
    """A wrong backward pass: its name, what is right, and the walk that makes it."""

    name: str
    right: str
    walk: dict[str, Any]
    here: str = ""  # its name where it is made at one node; "" if it cannot be
    leaves: bool = False  # only the gradients of leaves are wrong
    key: str = ""  # of the row that is wrong

    def fits(self, node: Node, uses: int) -> bool:
        """Whether it can be made at one node, which so many shares reach; none reach the root."""
        if self.key:
            return bool(node.inputs) and row_of(node).key == self.key
        if {"gather", "order"} & self.walk.keys():
            return uses > 1
        return uses > 0 and not (self.leaves if node.inputs else "again" in self.walk)


# ---- the walk, gone wrong ------------------------------------------------------------------------


def handed(
    root: Node,
    seed: Any = 1.0,
    *,
    order: Callable[[], Order] = lambda: youngest_first,
    gather: Callable[[Number, Number], Number] = operator.add,
    rules: Mapping[str, Rule] = RULES,
    again: Callable[[Node], bool] | None = None,
) -> Gradients:
    """The gradients that a walk with these arguments hands out; `order` makes an order.

    In a wrong order a node may be reached again after its turn: what comes then is gathered, but
    not handed on. `again` says whether a node keeps its gradient for a second walk, which then
    follows. `seed` may be a function of the root.
    """
    seed = seed(root) if callable(seed) else seed
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
    return {node: whole(g) for node, g in held.items()}


def _second_walk(root: Any, seed: Any, keeps: Callable[[Node], bool]) -> Gradients:
    """A second walk, to which each node that keeps its gradient adds it.

    Such a node acts as if the root were larger by the node times its gradient.
    """
    first = handed(root, seed)
    with Mode(recording=True, lines=False, anomaly=False):
        total = root
        for node, g in first.items():
            if node is not root and keeps(node):
                product: Any = node * whole(g)
                if node.broadcasts:
                    product = product.sum()
                if node.broadcasts != root.broadcasts:
                    product = _crossed(product)
                total = total + product
    second = handed(total, seed)
    return {node: second.get(node, 0.0) for node in first}


def whole(g: Number) -> Number:
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


# ---- one node, gone wrong ------------------------------------------------------------------------


def changes(mistake: Mistake, node: Node, g: Number, shares: Sequence[Number]) -> list[Change]:
    """The gradients that a mistake adds if it is made at one node, where these shares add up to g.

    Each addition is handed on from there by a walk without mistakes.
    """
    walk = mistake.walk
    if "use" in walk:
        return [(node.inputs[walk["use"]], -whole(hand_back(node, g)[walk["use"]]))]
    if "rules" in walk:
        return _differences(node, hand_back(node, g, rules=walk["rules"]), hand_back(node, g))
    if "order" in walk:  # its turn comes after its first share
        return _differences(node, hand_back(node, shares[0]), hand_back(node, g))
    if "gather" in walk:
        return [(node, reduce(walk["gather"], shares) - g)]
    if "again" in walk:
        return [(node, whole(g))]
    seed = walk["seed"]
    return [(node, g * (seed(node) if callable(seed) else seed) - g)]


def _differences(node: Node, wrong: Sequence[Shares], right: Sequence[Shares]) -> list[Change]:
    """Wrong shares less the right ones, where there is a path."""
    every = zip(node.inputs, map(bare, wrong), map(bare, right), strict=True)
    return [
        (x, (0.0 if share is None else whole(share)) - whole(due))
        for x, share, due in every
        if due is not None
    ]


def masses(root: Node) -> Gradients:
    """For each node the sum of the absolute values of all that reaches it, if it has one."""
    rows = {row_of(node) for node in nodes(root) if node.inputs}
    sized = {row.key: row.altered(*map(_size, row.columns)) for row in rows}
    try:
        return handed(root, rules={**RULES, **sized})
    except Exception:  # shares of single elements have none
        return {}


def row_of(node: Node) -> Rule:
    """The row of the table that a recorded node has, without its settings."""
    row: Rule = getattr(node._rule, "row", node._rule)
    return row


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


def _within(g: Number) -> Number:
    """A part of the largest gradient: sums inside a row of arrays may cancel too."""
    return abs(g).max() / 100 if hasattr(g, "max") else 0.0


_negated = partial(with_share, change=lambda g, share: -share)
_passes = partial(with_share, change=lambda g, share: g)
_size = partial(with_share, change=lambda g, share: abs(share) + _within(g))
_lost = partial(with_share, change=lambda g, share: where(True, 0.0, share))


# ---- the catalogue -------------------------------------------------------------------------------


def catalogue(root: Node) -> Iterator[Mistake]:
    """Every mistake that can be made in this graph."""
    of_nodes = {row_of(node) for node in nodes(root) if node.inputs}
    rows = {row.key: row for row in sorted(of_nodes, key=lambda row: row.key)}
    alone = {key: row.altered(*map(_without_g, row.columns)) for key, row in rows.items()}
    yield from starmap(Mistake, _of_the_walk())
    yield Mistake(
        "the local derivative alone, without the gradient that arrives",
        "multiply the local derivative by what arrives: the chain rule",
        {"rules": {**RULES, **alone}},
    )
    for wrong in (_of_an_operation, lambda row: BY_NAME.get(row.key, ())):
        for key, row in rows.items():
            for name, right, columns in wrong(row):
                given = [a or b for a, b in zip(columns, row.columns, strict=True)]
                rules = {**RULES, key: row.altered(*given)}
                yield Mistake(name, right, {"rules": rules}, name, key=key)


# fmt: off
def _of_the_walk() -> Iterator[tuple[Any, ...]]:
    add, held = "gradients of all uses are added: +=", {"gather": lambda held, share: held}
    for name, gather in (
        ("a gradient is overwritten: = in the place of +=", {"gather": lambda held, share: share}),
        ("only the first share of a gradient is kept", held),
        ("shares are multiplied where they meet", {"gather": operator.mul}),
        ("the larger of two shares is kept", {"gather": maximum}),
    ):
        yield name, add, gather, name
    turn = "a node has its turn when all its users have had theirs: youngest first"
    yield ("depth first, without sorting", turn, {"order": DEPTH_FIRST},
           "a node has its turn too early: it hands on its first share alone")
    yield "breadth first, without sorting", turn, {"order": BREADTH_FIRST}
    yield "the oldest node first", turn, {"order": OLDEST_FIRST}
    seed = "the pass begins with d root/d root = 1; other gradients are the sums of their shares"
    yield ("the pass was never begun: the gradient of the root is 0", seed, {"seed": 0.0},
           "a node's gradient is taken for 0")
    yield ("every sign is turned: the gradient of minus the root", seed, {"seed": -1.0},
           "the sign of a node's gradient is turned")
    yield ("the pass begins with the root's own value", seed, {"seed": data_of},
           "a node's gradient is multiplied by its own value")
    forget = "forget the gradients before every pass: zero_grad(nodes)"
    for times in (2, 3, 4, 5):
        yield (f"the pass ran {times} times without zero_grad between", forget,
               {"seed": float(times)}, f"zero_grad lacks a leaf: it holds {times} passes", True)
    leaves = "only leaves keep their gradients from one pass to the next; what is between does not"
    yield ("a second pass begins with what the first left between leaves and root", leaves,
           {"again": lambda node: True},
           "a node between leaves and root kept its gradient for a second pass, as the leaves did")
    yield ("zero_grad between two passes forgets the leaves alone, and not what is between", leaves,
           {"again": lambda node: bool(node.inputs)},
           "zero_grad between two passes forgets the leaves, and not one node between")


def _of_an_operation(row: Rule) -> Iterator[Wrong]:
    """The mistakes in one row of the table, each as a change of its columns."""
    op, columns = row.name, row.columns
    product = f"{op} hands on what arrives times its local derivative"
    yield (f"{op} does not multiply by the gradient that arrives", product,
           tuple(map(_without_g, columns)))
    if op not in ("add", "identity", "sum"):
        yield (f"{op} hands on what arrives unchanged, without its local derivative", product,
               tuple(map(_passes, columns)))
    slopes = f"each operand of {op} has a slope of its own"
    if len(columns) == 2:
        yield (f"the operands of {op} are swapped: each is handed the other's share", slopes,
               columns[::-1])
    if len(columns) == 1 and not (row.variadic or row.of_arrays):
        yield (f"the slope of {op} is taken at its result, and not at its input",
               f"the slope of {op} belongs to the number that went in", (_at_out(*columns),))
    operands = OPERANDS.get(op, [f"operand {k + 1} of {op}" for k in range(len(columns))])
    for k, column in enumerate(columns):
        which = operands[k] if len(columns) > 1 else op
        before, after = columns[:k], columns[k + 1:]
        yield (f"the sign of what {which} is handed is turned",
               f"look at the sign of the local derivative of {which}",
               (*before, _negated(column), *after))
        yield (f"nothing is handed to {which}: a path is lost", f"{which} is handed a share too",
               (*before, _lost(column), *after))
        if len(columns) == 2:
            yield (f"{which} is handed the share of {operands[1 - k]}", slopes,
                   (columns[1 - k],) * 2)


OPERANDS = {
    "div": ("the numerator of x/y", "the denominator of x/y"),
    "pow": ("the base of x^y", "the exponent of x^y"),
}


def _row_of(name: str) -> Column:
    """The first column of a row of arrays, which needs NumPy and is looked up when it is called."""

    def column(g: Number, out: Number, x: Number, **settings: Any) -> Number:
        from ..arrays.rules import TABLE

        return TABLE[name][0](g, out, x, **settings)

    return column


def _turned(x: Number) -> Number:
    return x.swapaxes(-1, -2) if x.ndim > 1 else x


def _assigned(g: Number, out: Number, x: Number, index: Any) -> Number:
    share = 0.0 * x
    share[index] = g
    return share


def _from_the_front(g: Number, out: Number, x: Number, axis: int) -> Number:
    from ..arrays.operations import cumsum

    return cumsum(g, axis=axis)


def _of_extremes(name: str, most: str) -> tuple[Wrong, ...]:
    def untied(g: Number, out: Number, x: Number, **settings: Any) -> Number:
        return _all(g, out, x, **settings) * (x == _all(out, out, x, **settings))

    return (
        (f"{name} hands g to every element, and not to the {most} alone",
         f"only the {most} is handed g", (_all,)),
        (f"{name} hands all of g to each element that ties for it", "ties share g evenly",
         (untied,)),
    )


# A column is None where it is right; a key with "of arrays" is that of a row of arrays.
_all, _each, _sums = _row_of("sum"), _row_of("mean"), "x of x @ y is handed g @ y.T, and y x.T @ g"
BY_NAME: dict[str, tuple[Wrong, ...]] = {
    "pow":     (("the power rule without its factor: x^(n-1)", "d x^n/dx = n x^(n-1)",
                 (lambda g, out, x, y: g * x ** (y - 1.0), None)),
                ("the power rule without lowering the power: n x^n", "d x^n/dx = n x^(n-1)",
                 (lambda g, out, x, y: g * y * x ** y, None))),
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
                 (None, lambda g, out, x, y: -g * out)),
                ("the denominator of x/y is handed -1/y^2, without the numerator",
                 "d (x/y)/dy = -x/y^2", (None, lambda g, out, x, y: -g / y / y)),
                ("the denominator of x/y is handed x, as a factor is: no quotient rule",
                 "d (x/y)/dy = -x/y^2", (None, lambda g, out, x, y: g * x)),
                ("the numerator of x/y is handed y", "d (x/y)/dx = 1/y",
                 (lambda g, out, x, y: g * y, None))),
    "relu":    (("relu's gate asks the gradient, and not the input",
                 "relu passes where its input is positive",
                 (lambda g, out, x: where(g > 0, g, 0.0),)),),
    "sqrt":    (("sqrt' without the factor 1/2", "sqrt' = 1 / (2 sqrt)",
                 (lambda g, out, x: div(g, out),)),),
    "mean":    (("mean hands on a sum's share, without 1/n", "mean hands each of n inputs g / n",
                 (RULES["sum"].columns[0],)),),
    "mean of arrays": (("mean hands on a sum's share, without 1/n",
                        "mean hands each of n elements g / n", (_all,)),),
    "sum of arrays": (("sum hands on a mean's share, with 1/n", "sum hands each element all of g",
                       (_each,)),),
    "matmul":  (("matmul hands back g @ y, with y not transposed", "x of x @ y is handed g @ y.T",
                 (lambda g, out, x, y: g @ y, None)),
                ("matmul hands back x @ g, with x not transposed", "y of x @ y is handed x.T @ g",
                 (None, lambda g, out, x, y: x @ g)),
                ("matmul hands back neither operand transposed", _sums,
                 (lambda g, out, x, y: g @ y, lambda g, out, x, y: x @ g)),
                ("what matmul hands x of x @ y is transposed", "x of x @ y is handed g @ y.T",
                 (lambda g, out, x, y: y @ _turned(g), None)),
                ("what matmul hands y of x @ y is transposed", "y of x @ y is handed x.T @ g",
                 (None, lambda g, out, x, y: _turned(g) @ x))),
    **{name: _of_extremes(name, most) for name, most in (("max", "largest"), ("min", "smallest"))},
    "var":     (("the derivative of var lacks its factor 2", "d (x - m)^2/dx = 2 (x - m)",
                 (lambda g, out, x, **s: _row_of("var")(g / 2, out, x, **s),)),),
    "softmax of arrays": (("softmax is differentiated element by element: s (1 - s)",
                           "each share of a softmax depends on every x: s (g - sum(g s))",
                           (lambda g, out, x, axes: g * out * (1 - out),)),),
    "log_softmax of arrays": (("log_softmax is differentiated element by element: 1 - s",
                               "each share of a softmax depends on every x: g - s sum(g)",
                               (lambda g, out, x, axes: g * (1 - exp(out)),)),),
    "logsumexp of arrays": (("logsumexp hands g to every x",
                             "each x is handed its softmax's part of g", (_all,)),),
    "cumsum":  (("cumsum hands back running sums from the front", "they run from the back",
                 (_from_the_front,)),),
    "getitem": (("an element that was picked twice is handed one share: = in the place of +=",
                 "shares of one element are added: np.add.at", (_assigned,)),),
}
# fmt: on
