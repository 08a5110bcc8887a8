"""The record of a computation, and the walk back through it. No derivative is known here.

A node is younger than its inputs, so birth order is a topological order: to walk back is to take,
again and again, the youngest node that a share has reached. Every gradient, picture and step-by-
step trace in the package comes from the one walk, `sweep`.
"""

from __future__ import annotations

import operator
import sys
from _weakref import ref
from contextvars import ContextVar
from heapq import heappop, heappush
from itertools import count

from . import modes
from .kinds import HANDED_IN, describe
from .modes import check_shares, extra, look_at, remember, settings, watched
from .rules import RULES, Rule
from .twin import engine

COPIED = {"copied": True}  # what was compared on the way is not known of a copy
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
    from typing import Any, Final, Self

birth: Callable[[], int] = count(1).__next__ if engine is None else engine.birth
new: Final = object.__new__


class Node:
    """A number, or an array of them, that remembers what it was made from.

    A kind decides where the parts of a node are kept: `Slotted` keeps them in Python.
    """

    # No __dict__ and no reference to anything younger: a node cannot be part of a cycle, so
    # reference counting alone frees a graph.
    if not TYPE_CHECKING:
        __slots__ = ()
    else:
        _born: int
        _data: Any
        _extra: dict[str, Any]
        _grad: Any
        _inputs: tuple[Any, ...]
        _rule: Any  # a Rule; None of a leaf
        lend_data: Callable[[], Any]  # what `data` returns where the node broadcasts
    broadcasts = False  # whether a share may need `fit`, and `ask` sees to it
    kind: type[Any]  # the class of results; a user's subclass does not change it

    @classmethod
    def admit(cls, x: object) -> Any:
        """`x` as this kind keeps numbers; TypeError for anything else."""
        raise TypeError(f"{cls.__name__} keeps no {describe(x)}")

    def start(self, seed: Any = 1.0) -> Any:
        """The gradient to walk back from, as this node keeps numbers."""
        return self.admit(seed)

    def fit(self, g: Any) -> Any:
        """A share `g` in the shape of this node; for a single number there is nothing to do."""
        return g

    def own(self, g: Any) -> Any:
        """A gradient that shares no memory; a single number shares none."""
        return g

    def as_data(self, x: Any) -> Any:
        """`x` as this leaf keeps its data."""
        return self.admit(x)

    def as_gradient(self, g: Any) -> Any:
        """`g` as this node keeps its gradient."""
        return self.admit(g)

    def lend_gradient(self, g: Any) -> Any:
        """The gradient `g` of the node, or None, as its user gets it."""
        return 0.0 if g is None else g

    def refuse_written(self) -> None:
        """Raise if an input was written into; a number cannot be, and is rebound."""

    @property
    def _mask(self) -> Any:
        """Refuse np.ma, which looks this up after it has taken `_data` and so cut the graph."""
        raise TypeError(
            f"a masked array beside a {type(self).__name__} would cut the graph: fill its gaps "
            "with x.filled(0.0), and leave them out with where(x.mask, 0.0, t)"
        )

    @staticmethod
    def ask(
        row: Rule, inputs: tuple[Any, ...], g: Any, out: Any, values: Any = None
    ) -> Sequence[Any]:
        """The share of each input that is a node; columns are called with `values`."""
        values = tuple(map(data_of, inputs)) if values is None else values
        if row.variadic:
            shares = row.columns[0](g, out, *values)
            return [s if isinstance(x, Node) else None for x, s in zip(inputs, shares, strict=True)]
        return [
            column(g, out, *values) if isinstance(x, Node) else None
            for x, column in zip(inputs, row.columns, strict=True)
        ]

    # ---- what a node shows ----

    @property
    def inputs(self) -> tuple[Any, ...]:
        """The nodes and plain numbers it was made from, in operand order; () for a leaf."""
        return self._inputs

    @property
    def op(self) -> str:
        """The name of the operation that made it; "" for a leaf."""
        return self._rule.name if self._rule else ""

    @property
    def label(self) -> str:
        """The name given to it, "" if none was."""
        label: str = extra(self).get("label", "")
        return label

    @label.setter
    def label(self, label: str) -> None:
        if not isinstance(label, str):
            raise TypeError(HANDED_IN["label"](label))
        remember(self, "label", str.__str__(label))  # a subclass of str might refer to anything

    @property
    def data(self) -> Any:
        """The number or array. It may be rebound on a leaf; that of a recorded node is read-only.

        What was recorded is what it was: a graph recorded before its leaf was rebound is stale, and
        going back through it raises.
        """
        if modes.active:
            look_at(self)
        return self.lend_data() if self.broadcasts else self._data

    @data.setter
    def data(self, x: Any) -> None:
        if self._inputs:
            raise AttributeError(
                f".data of a recorded node is read-only, and this one is the result of {self.op}: "
                "rebind a leaf and compute again, or take detach() for a leaf of your own"
            )
        if modes.active:
            modes.change(self, "assigns .data of")
        self._data = self.as_data(x)
        self._born = birth()  # what was recorded from the old number is stale from now on

    @property
    def grad(self) -> Any:
        """The gradient that backward passes have left here; 0.0, or zeros, before any has."""
        if modes.active:
            modes.change(self, "reads .grad of")
        return self.lend_gradient(gradient_or_none(self))

    @grad.setter
    def grad(self, g: Any) -> None:
        if g is None:
            zero_grad([self])
            return
        if modes.active:
            modes.change(self, "assigns .grad of")
        self._grad = self.as_gradient(g)

    def detach(self) -> Self:
        """The same number under the same label, with no past: gradients stop here."""
        leaf: Self = new(type(self))
        leaf._data, leaf._inputs, leaf._rule, leaf._born = self._data, (), None, birth()
        if self.label:
            leaf.label = self.label
        modes.derive(leaf, RULES["identity"], (self,))
        return leaf

    def backward(self, seed: Any = 1.0) -> None:
        """Add d self / d leaf to `.grad` of every leaf; other nodes show this pass's gradient.

        `seed` is the gradient to start from. All is computed before anything is written, so an
        error or an interrupt on the way leaves every `.grad` as it was.
        """
        modes.change(self, "calls backward() on")
        finished = {node: g for node, g, _ in sweep(self, self.start(seed))}
        with modes.lock:  # += must not interleave with another thread's
            for node, g in finished.items():
                held = None if node._inputs else gradient_or_none(node)
                node._grad = g if held is None else held + g

    # ---- copies ----

    def __copy__(self) -> Self:
        if modes.is_input.get()(self):
            return self
        for node in nodes(self) if modes.active else ():  # a copy has the numbers of all
            look_at(node)
        return _restore(*_parts(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        for node in reversed(_under(self, memo)):
            if modes.is_input.get()(node):
                memo[id(node)] = node
                continue
            look_at(node)
            kind, row, data, inputs, state = _parts(node)
            own = tuple(memo[id(x)] if isinstance(x, Node) else x for x in inputs)
            memo[id(node)] = _restore(kind, row, data, own, state)
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """The parts for pickle, after the older nodes that it has not met: nothing is nested."""
        look_at(self)
        if modes.is_input.get()(self):
            raise TypeError(f"{self!r} has a gradient here, which a pickle would lose: take .data")
        parts = _parts(self)
        known = _pickled.get()()
        if known is None or id(self) in known:  # pickle asks once for a node: this is another one
            known = set()
        older = reversed(_under(self, known))
        past = [node for node in older if node._inputs and node is not self]
        known.add(id(self))
        if not past:
            return _restore, parts
        _pickled.set(ref(known))
        return _restore_after, (_Past(past, known), *parts)

    def __reduce__(self) -> tuple[Any, ...]:
        """A leaf as its class and arguments, for skops, which reads no other state."""
        if self.inputs:
            raise TypeError(f"skops keeps leaves, and not a result of {self.op}: use pickle")
        return type(self), (self.data, self.label)


# The ids of the nodes that the pickle in progress has. Its `_Past`s keep them alive.
_pickled: ContextVar[Callable[[], set[int] | None]] = ContextVar("pickled", default=lambda: None)


class _Past:
    """Nodes that pickle is to keep, as a list, before the node that is made from them."""

    def __init__(self, nodes: list[Node], known: set[int]) -> None:
        self.nodes, self.known = nodes, known

    def __reduce__(self) -> tuple[Any, ...]:
        return list, (), None, iter(self.nodes)


def _parts(node: Node) -> tuple[Any, ...]:
    """The arguments from which `_restore` makes the node again."""
    refuse_stale(node)  # what is made would be born after the rebound leaf, and hide it
    notes = {k: v for k, v in extra(node).items() if k != "scopes"}  # births are new
    return type(node), node._rule, node._data, node._inputs, (gradient_or_none(node), notes)


def _restore(
    kind: type[Any], operation: Rule | None, data: Any, inputs: tuple[Any, ...], state: Any
) -> Any:
    node = new(kind)
    node._data, node._inputs, node._rule = data, inputs, operation
    node._born = birth()
    if not inputs:
        node._data = node.own(data)  # a leaf's array may be updated in place
    grad, notes = state
    if grad is not None:
        node._grad = node.own(grad)
    notes = {k: v for k, v in (notes or {}).items() if k != "scopes"}  # older pickles had them
    if inputs:
        notes = {**notes, **COPIED} if notes else COPIED
    if notes:
        node._extra = notes
    return node


def _restore_after(past: list[Node], *parts: Any) -> Any:
    return _restore(*parts)


def _unpickle(leaves: list[Node], rows: list[tuple[Any, ...]]) -> Node:
    """A graph as pickles of version 0.1 have it: ints stand for earlier entries."""
    made = list(leaves)
    for kind, operation, data, inputs, state in rows:
        found = tuple(made[x] if x.__class__ is int else x for x in inputs)
        made.append(_restore(kind, operation, data, found, state))
    return made[-1]


class Slotted(Node):
    """A node whose parts Python keeps."""

    __slots__ = ("_born", "_data", "_extra", "_grad", "_inputs", "_rule")


if sys.version_info >= (3, 13):
    # CPython 3.13 frees a long chain of objects by recursion that its limit no longer stops on a
    # small stack: take the links apart one by one instead.

    def _references_to_one() -> int:
        waiting = [object()]
        x = waiting.pop()
        return sys.getrefcount(x)

    def _dismantle(
        self: Slotted,
        references: Callable[[object], int] = sys.getrefcount,
        alone: int = _references_to_one(),  # 2, but 1 where calls borrow their arguments (3.14)
    ) -> None:
        waiting = list(getattr(self, "_inputs", ()))
        self._inputs = ()
        while waiting:
            x = waiting.pop()
            if isinstance(x, Slotted) and x._inputs and references(x) == alone:
                waiting.extend(x._inputs)
                x._inputs = ()

    Slotted.__del__ = _dismantle  # type: ignore[attr-defined]


# ---- recording -----------------------------------------------------------------------------------


def apply(operation: Rule, *inputs: Any) -> Any:
    """Record one operation: the node that holds its result and remembers its inputs.

    The kind is that of the nodes among the inputs; all must be of one, but where `modes.mixing`.
    Anything that is not a node is a constant.
    """
    kind = kind_of(operation, inputs)
    if kind is None:
        return HANDED_IN["mixed"](operation, inputs)
    inputs = tuple([x if isinstance(x, Node) else kind.admit(x) for x in inputs])
    try:
        data = operation.compute(*[x._data if isinstance(x, Node) else x for x in inputs])
    except Exception as error:
        HANDED_IN["place"](error, operation, inputs)
        raise
    node = new(kind)
    node._data, node._inputs, node._rule, node._born = data, inputs, operation, birth()
    return watched(node) if modes.active else node


def kind_of(operation: Rule, inputs: Iterable[Any]) -> Any:
    """The kind of the nodes among the inputs; None for several that may meet."""
    kinds = {x.kind for x in inputs if isinstance(x, Node)}
    if len(kinds) == 1 or (kinds and modes.mixing.get()):
        return kinds.pop() if len(kinds) == 1 else None
    names = " and ".join(sorted(kind.__name__ for kind in kinds)) or "no node"
    raise TypeError(
        f"{operation.name} of {names}: kinds do not mix; cross over with stack_values(values) "
        "or tensor.values(), or take .data for a constant"
    )


# ---- the walk ------------------------------------------------------------------------------------


def youngest_first(node: Node) -> int:
    """The place of a node in the walk: a node comes before its inputs."""
    return -node._born


def sweep(
    root: Node,
    seed: Any = 1.0,
    *,
    create_graph: bool = False,
    since: int = 0,
    rules: Mapping[str, Rule] = RULES,
    order: Callable[[Node], Any] = youngest_first,
    gather: Callable[[Any, Any], Any] = operator.add,
) -> Iterator[tuple[Node, Any, Sequence[Any]]]:
    """Walk back from `root`, and yield each node, its finished gradient, and its inputs' shares.

    A share is None where there is no path (to a plain number, or where a rule says so), and a
    node that no share reached is not yielded. With `create_graph` gradients are nodes. Nodes born
    before `since` are handed their shares but not visited.
    """
    gathered = {root: seed}
    frontier = [(order(root), root)]
    while frontier:
        node = heappop(frontier)[1]
        g = gathered.pop(node)
        inputs = node._inputs
        shares = hand_back(node, g, create_graph, rules) if inputs else ()
        if modes.active:
            check_shares(node, g, shares)
        yield node, g, shares
        born = node._born
        for x, share in zip(inputs, shares):  # noqa: B905  # hot, and equal by construction
            if share is None:
                continue
            if x._born > born:
                refuse_stale(node)
            held = gathered.get(x)
            if held is not None:
                gathered[x] = gather(held, share)
            elif x._born >= since:
                gathered[x] = share
                heappush(frontier, (order(x), x))


def hand_back(
    node: Node, g: Any, create_graph: bool = False, rules: Mapping[str, Rule] = RULES
) -> Sequence[Any]:
    """The share of `g` for each input of a node, None for a plain number."""
    row: Any = node._rule if rules is RULES else node._rule.of(rules)
    inputs = node._inputs
    try:
        if create_graph:
            if modes.active and settings()["anomaly"]:  # the walk judges shares, not steps to them
                with modes.Mode(anomaly=False):
                    return hand_back(node, g, True, rules)
            shares = node.ask(row, inputs, g, node, inputs)
            return HANDED_IN["bend"](node, g, shares) if node._rule.fact.length else shares
        if node.broadcasts:
            return node.ask(row, inputs, g, node._data)
        try:
            if len(row.columns) == 2:
                return _ask_two(row.columns, inputs, g, node._data)
            return node.ask(row, inputs, g, node._data, tuple(map(data_of, inputs)))
        except (ZeroDivisionError, OverflowError):  # Python's; a node has inf or nan, as IEEE does
            kind = node.kind
            with modes.no_grad():
                values = tuple(kind(data_of(x)) for x in inputs)
                shares = node.ask(row, inputs, kind(g), kind(node._data), values)
            return tuple(map(data_of, shares))
    except Exception as error:
        HANDED_IN["place"](error, row, inputs, node)
        raise


def data_of(x: Any) -> Any:
    """The number or the array that a node holds, read unnoticed; anything else is its own."""
    return x._data if isinstance(x, Node) else x


def _ask_two(columns: Any, inputs: tuple[Any, ...], g: Any, out: Any) -> tuple[Any, Any]:
    """`ask` for two inputs, which most operations have: it is a third of the walk's time."""
    a, b = inputs
    to_x, to_y = columns
    if not isinstance(b, Node):
        return to_x(g, out, a._data, b), None
    if not isinstance(a, Node):
        return None, to_y(g, out, a, b._data)
    x, y = a._data, b._data
    return to_x(g, out, x, y), to_y(g, out, x, y)


def refuse_stale(node: Node) -> None:
    """Raise if an input of `node` was rebound after `node` was recorded."""
    for x in node._inputs:
        if isinstance(x, Node) and x._born > node._born:
            name = f"{x.label!r} " if x.label else ""
            raise RuntimeError(
                f"this graph is stale: .data of its leaf {name}was rebound (it is {x._data} now) "
                f"after {node.op} was recorded from it; compute the result again, then go back"
            )


def nodes(root: Node) -> list[Node]:
    """Every node under `root`, youngest first, `root` included."""
    if not isinstance(root, Node):
        raise TypeError(f"a graph hangs on a node, not on {describe(root)}")
    return _under(root)


def _under(root: Node, known: Container[int] = ()) -> list[Node]:
    """The nodes under `root`, youngest first, but for those of known ids and what is under them."""
    found, seen = [root], {root}
    for node in found:
        for x in node._inputs:
            if isinstance(x, Node) and x not in seen and id(x) not in known:
                seen.add(x)
                found.append(x)
    found.sort(key=youngest_first)
    return found


def gradient_or_none(node: Node) -> Any:
    """`.grad`, and None where no backward pass has reached the node."""
    return getattr(node, "_grad", None)


def zero_grad(nodes: Iterable[Node]) -> None:
    """Forget the gradients of these nodes, as before any backward pass."""
    for node in nodes:
        if modes.active:
            modes.change(node, "forgets .grad of")
        if gradient_or_none(node) is not None:
            del node._grad


def compiled_gradients(
    output: Node, wanted: list[Node], seed: Any, since: int = 0, inside: bool = False
) -> Any:
    """`gradients` in C; None if the C walk does not apply.

    With `inside` it does not apply where some node has an input born before `since` either.
    """
    return engine and engine.gradients(output, wanted, seed, since, inside)


def gradients(
    output: Node,
    inputs: Iterable[Node],
    seed: Any = 1.0,
    create_graph: bool = False,
    *,
    since: int = 0,
) -> list[Any]:
    """d output / d input for each of `inputs`, which may be any nodes; `.grad` is left alone.

    0 for an input that the output does not depend on. With `create_graph` the gradients are nodes
    that can be differentiated again.
    """
    if isinstance(inputs, Node):
        raise TypeError("gradients(output, inputs) takes a list of inputs: gradients(y, [x])")
    wanted = list(inputs)
    for node in (output, *wanted):
        if not isinstance(node, Node):
            raise TypeError(
                f"gradients(output, inputs) takes a node and a list of nodes, not {describe(node)}"
            )
    # While a replay is recorded, a gradient depends on what the replay is given.
    recorder = modes.recorder_of(output) if modes.active else None
    create_graph = create_graph or recorder is not None
    start = seed if isinstance(seed, Node) else output.start(seed)
    start = output.kind(start) if create_graph and not isinstance(start, Node) else start
    if not create_graph and (fast := compiled_gradients(output, wanted, start, since)) is not None:
        return fast
    rules = RULES if recorder is None or output.broadcasts else recorder.rules
    walk = sweep(output, start, create_graph=create_graph, since=since, rules=rules)
    found = {node: g for node, g, _ in walk}
    answers = [x.fit(found.get(x, 0.0)) for x in wanted]
    if recorder is not None:
        answers = [recorder.arrived(g) for g in answers]
    if not create_graph:
        return [x.own(g) for x, g in zip(wanted, answers, strict=True)]
    return [g if isinstance(g, Node) else x.kind(g) for x, g in zip(wanted, answers, strict=True)]
