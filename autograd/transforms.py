"""Functions of functions: `grad` and its relatives, each a few lines on `gradients`.

An argument or a result is a number, a Value, an array or a Tensor, or a tree of them (see `trees`);
a result has the same structure, and an array of objects gives an array of floats. Every
argument enters the function as a fresh node, so that two calls that are nested never mistake one
another's variables (Siskind and Pearlmutter 2005, "Perturbation confusion and referential
transparency"). A result is a float or an array unless it depends on a node from outside.
"""

from __future__ import annotations

from functools import partial, wraps

from .core.graph import Node, birth, compiled_gradients, gradients, sweep, youngest_first
from .core.kinds import describe, is_number
from .core.modes import Mode, active, recorder_of, settings
from .core.value import Value
from .support.meeting import meeting
from .trees import at, branches, is_objects, items, leaves, match, rebuild, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    Function = Callable[..., Any]


# ---- one recorded call ---------------------------------------------------------------------------


class _Call:
    """One call of a function, recorded: fresh inputs, and what came out."""

    def __init__(
        self, f: Function, argnums: int | Sequence[int], args: tuple[Any, ...], named: Any
    ) -> None:
        self.start = birth()
        self.inside: set[Node] = set()  # outputs known to depend on nodes of this call alone
        self.f = f
        self.alone = isinstance(argnums, int)
        chosen = _positions(f, argnums, args)
        self.tree = args[chosen[0]] if self.alone else tuple(args[i] for i in chosen)
        entered = {i: _entered(args[i], i) for i in chosen}
        self.inputs = [x for i in chosen for x in entered[i]]
        fresh = {i: rebuild(args[i], iter(entered[i])) for i in chosen}
        given = [fresh.get(i, arg) for i, arg in enumerate(args)]
        with meeting(self.inputs):
            if settings()["recording"]:
                self.result = f(*given, **named)
                return
            with Mode(recording=True):  # a no_grad around it is none of the function's business
                self.result = f(*given, **named)

    def outputs(self) -> list[Any]:
        """The leaves of the result; TypeError, with the place, for one that has no derivative.

        An empty place is one too, unless the arguments have empty places themselves.
        """
        found = leaves(self.result)
        if all(isinstance(x, (Node, float)) for x in found):
            return found
        none = self.result is None or all(x is not None for x in leaves(self.tree))
        for place, x in items(self.result, none=none):
            if not _is_output(x):
                raise TypeError(_refusal(self.f, x, place))
        return leaves(self.result, none=False)

    def leave(self, results: list[Any]) -> list[Any]:
        """Results, each as a float unless it depends on a node from outside, and may record it."""
        roots = [x for x in results if isinstance(x, Node) and x not in self.inside]
        recorder = recorder_of(*roots) if active else None
        pasts = {} if recorder is None else recorder.pasts
        keeps = settings()["recording"] or recorder is not None
        outer = self.outer(roots, pasts) if keeps and roots else set()
        return [_plain(x) if isinstance(x, Node) and x not in outer else x for x in results]

    def outer(self, roots: list[Node], pasts: Mapping[Node, Any]) -> set[Node]:
        """Those of the roots, and of the nodes made in this call, that depend on an older node.

        `pasts` has the inputs of nodes that show none, while a replay is recorded.
        """

        def inputs(node: Node) -> Any:
            return node._inputs or (pasts[node][1] if node in pasts else ())

        seen = set(roots)
        found = list(seen)
        for node in found:
            for x in inputs(node) if node._born >= self.start else ():
                if isinstance(x, Node) and x not in seen:
                    seen.add(x)
                    found.append(x)
        if all(node._born >= self.start for node in found):
            return set()
        outer: set[Node] = set()
        for node in sorted(found, key=youngest_first, reverse=True):
            if node._born < self.start or any(
                isinstance(x, Node) and x in outer for x in inputs(node)
            ):
                outer.add(node)
        return outer

    def pull(self, output: Any, seed: Any = 1.0, create_graph: bool = False) -> list[Any]:
        """d output / d input for each fresh input; nodes only where they must be."""
        if not isinstance(output, Node) or output._born < self.start:
            return self.zeros()
        # While a replay is recorded, a gradient may depend on what has no path to it.
        recorded = active and recorder_of(output) is not None
        if not isinstance(seed, Node) and not create_graph and not recorded:
            numbers = self.numbers(output, output.start(seed))
            if numbers is not None:
                return numbers
        found = gradients(output, self.inputs, seed, create_graph=True, since=self.start)
        return found if create_graph else self.leave(found)

    def numbers(self, output: Any, start: Any) -> list[Any] | None:
        """The gradients as numbers and arrays; None if the walk meets a node from outside.

        An output that depends on none is noted, so that no other walk must find that out.
        """
        fast = compiled_gradients(output, self.inputs, start, self.start, inside=True)
        if fast is not None:
            self.inside.add(output)
            return fast
        found: dict[Node, Any] = {}
        pathless = False
        for node, g, shares in sweep(output, start, since=self.start):
            found[node] = g
            for x, share in zip(node._inputs, shares):  # noqa: B905  # hot, and equal
                if isinstance(x, Node):
                    if x._born < self.start:
                        return None
                    pathless = pathless or share is None
        if not pathless:
            self.inside.add(output)
        return [x.own(x.fit(found.get(x, 0.0))) for x in self.inputs]

    def zeros(self) -> list[Any]:
        """A zero for each fresh input, in its shape."""
        return [x.fit(0.0) for x in self.inputs]

    def answer(self, numbers: Sequence[Any]) -> Any:
        """Numbers in the structure of the arguments they belong to."""
        return rebuild(self.tree, iter(numbers))


def _positions(f: Function, argnums: int | Sequence[int], args: tuple[Any, ...]) -> list[int]:
    chosen: list[Any] = list(argnums) if isinstance(argnums, (list, tuple)) else [argnums]
    for i in chosen:
        if not isinstance(i, int) or isinstance(i, bool):
            raise TypeError(f"argnums is an int or a tuple of ints, not {describe(argnums)}")
        if not -len(args) <= i < len(args):
            raise ValueError(
                f"argnums {i} asks for an argument that {_name(f)} was not given: it got "
                f"{len(args)} by position (pass what is to be differentiated by position)"
            )
    return [i % len(args) for i in chosen]


def _entered(arg: Any, i: int) -> list[Any]:
    """A fresh node for each leaf of an argument; an error says which leaf it is about."""
    found: list[Any] = []
    try:
        for x in leaves(arg, none=False):
            found.append(Value(x) if x.__class__ is float else _enter(x))
    except (TypeError, ValueError) as error:
        place, _ = list(items(arg, none=False))[len(found)]
        kind = TypeError if isinstance(error, TypeError) else ValueError
        raise kind(f"argument {i}{at(place)}: {error}") from None
    return found


def _enter(x: Any) -> Any:
    """A fresh node for an argument: a leaf for a number, an identity for a node."""
    if isinstance(x, Node):
        return +x  # type: ignore[operator]  # every kind of node has it
    if _has_axes(x):
        return _arrays().enter(x)
    if not is_number(x) and not isinstance(x, (str, bytes)) and _holds_more(x):
        raise TypeError(
            f"{describe(x)} is not a container of a known kind: numbers are found in lists, "
            "tuples, NamedTuples, deques, mappings and arrays, so make one of these of it"
        )
    return Value(x)


def _holds_more(x: Any) -> bool:
    """Return whether x has parts that no tree finds: it is iterable, or a dataclass's instance."""
    kind = type(x)
    parts = hasattr(kind, "__iter__") or hasattr(kind, "__dataclass_fields__")
    return parts and branches(x) is None  # a list in an array of objects is refused as not a number


def _has_axes(x: Any) -> bool:
    """Return whether x is an array, and not one number."""
    return isinstance(getattr(x, "shape", None), tuple) and not is_number(x)


def _is_output(x: Any) -> bool:
    """Return whether x is a node, a number or an array of numbers, but not of truth values."""
    if isinstance(x, Node):
        return True
    if is_number(x):
        return not _is_truth(x)
    return _has_axes(x) and getattr(getattr(x, "dtype", ""), "kind", "f") in "iuf"


def _is_truth(x: Any) -> bool:
    """Return whether x is True or False, or an array of these."""
    return isinstance(x, bool) or "bool" in str(getattr(x, "dtype", ""))


def _arrays() -> Any:
    """The module for arrays; loaded with the first of them, for it imports NumPy."""
    from .arrays import transforms

    return transforms


def _plain(node: Any) -> Any:
    """The number or array of a node; of a Tensor of no axes, the number."""
    return _arrays().plain(node) if node.broadcasts else node._data


def _inner(g: Any, d: Any) -> Any:
    """The sum of all products of two numbers or arrays."""
    product = g * d
    return _arrays().total(product) if _has_axes(product) else product


def _name(f: Function) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _refusal(f: Function, x: Any, place: str = "") -> str:
    """The message for a result that has no derivative."""
    if x is None:
        return f"{_name(f)} returned None{at(place)}: did it forget to return its result?"
    if _is_truth(x):
        return (
            f"{_name(f)} returned {describe(x)}{at(place)}, the result of a comparison, which has "
            "no slope: choose between two results with where(condition, a, b)"
        )
    return (
        f"{_name(f)} returned {describe(x)}{at(place)}, where a number, a Value, a Tensor or an "
        "array of them is due"
    )


def _scalar(f: Function, result: Any) -> Any:
    """A result that has a gradient: one number."""
    x = result[()] if is_objects(result) else result
    if _is_output(x) and (isinstance(x, Node) or getattr(x, "shape", ()) == ()):
        return x
    if branches(result) is None and (not _has_axes(result) or _is_truth(result)):
        raise TypeError(_refusal(f, result))
    raise TypeError(
        f"the gradient is that of a function with one number as its result, but {_name(f)} "
        f"returned {describe(result)}: add its parts up, or take jacobian({_name(f)})"
    )


def _matched(given: Any, expected: Any) -> list[Any]:
    """The numbers of a vector, in the order of `expected`; ValueError for another structure."""
    found: list[Any] = []
    for place, v, x in match(given, expected):
        have, due = (tuple(getattr(t, "shape", ())) for t in (v, x))
        if have != due:
            raise ValueError(f"the vector's shape is {have}{at(place)}, and {due} is wanted")
        if _has_axes(v):
            found += _arrays().fitted(v, x)
        elif x is not None:
            found.append(v)
    return found


# ---- the public functions ------------------------------------------------------------------------


def value_and_grad(
    f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Function:
    """The function that returns (f(...), grad f(...)) at the cost of one call.

    Arguments and errors as for `grad`; with `has_aux` the result is ((f, aux), grad).
    """

    @wraps(f)
    def value_and_gradient(*args: Any, **named: Any) -> tuple[Any, Any]:
        call, result, aux = _called(f, argnums, args, named, has_aux)
        gradient = call.answer(call.pull(result))
        (value,) = call.leave([result])
        return ((value, _aside(call, aux)) if has_aux else value), gradient

    return value_and_gradient


def _called(
    f: Function, argnums: int | Sequence[int], args: tuple[Any, ...], named: Any, has_aux: bool
) -> tuple[_Call, Any, Any]:
    """One call of f, the number that it returned, and what it returned aside."""
    call = _Call(f, argnums, args, named)
    if not has_aux:
        return call, _scalar(f, call.result), None
    if not isinstance(call.result, tuple) or len(call.result) != 2:
        raise TypeError(
            f"with has_aux {_name(f)} returns a pair (result, aux), not {describe(call.result)}"
        )
    result, aux = call.result
    return call, _scalar(f, result), aux


def _aside(call: _Call, aux: Any) -> Any:
    return rebuild(aux, iter(call.leave(leaves(aux, none=False))))


def grad(f: Function, argnums: int | Sequence[int] = 0, has_aux: bool = False) -> Function:
    """The function that returns the gradient of f, in the structure of its arguments.

    f takes numbers, or nested lists, tuples and dicts of them, and returns one number. `argnums`
    says which positional arguments to differentiate by; with a tuple the result is a tuple. With
    `has_aux` f returns (result, aux), and the result is (gradient, aux). TypeError if f returns
    anything else, ValueError if an argument that `argnums` names was not given.

    >>> grad(lambda x: x**3)(2.0)
    12.0
    >>> grad(grad(lambda x: x**3))(2.0)
    12.0
    """

    @wraps(f)
    def gradient(*args: Any, **named: Any) -> Any:
        call, result, aux = _called(f, argnums, args, named, has_aux)
        answer = call.answer(call.pull(result))
        return (answer, _aside(call, aux)) if has_aux else answer

    return gradient


def jacobian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns d f / d argument: f's structure, and in each place the argument's.

    For arrays in either, a result has the shape of the result and then that of the argument.

    >>> jacobian(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0])
    [[3.0, 2.0], [1.0, 1.0]]
    """

    @wraps(f)
    def rows(*args: Any, **named: Any) -> Any:
        call = _Call(f, argnums, args, named)
        call.outputs()
        return replace(call.result, partial(_rows, call))

    return rows


def _rows(call: _Call, output: Any) -> Any:
    """d output / d input for one place of the result, in the structure of the arguments."""
    if is_objects(output) or (_has_axes(output) and output.shape != ()):
        return _arrays().rows(call, output)
    return call.answer(call.pull(output))


def hessian(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function that returns the second derivatives: for each place of the argument, a row.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]
    """
    return jacobian(grad(f, argnums), argnums)


def vjp(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function of (*args, u) that returns u^T J, where u has the structure of f's result.

    >>> vjp(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0], [1.0, 10.0])
    [13.0, 12.0]
    """

    @wraps(f)
    def pulled(*args: Any, **named: Any) -> Any:
        inner, u = _with_vector("vjp", args)
        call = _Call(f, argnums, inner, named)
        outputs = call.outputs()
        return call.answer(_pull_all(call, outputs, _matched(u, call.result)))

    return pulled


def _pull_all(
    call: _Call, outputs: list[Any], seeds: list[Any], create_graph: bool = False
) -> list[Any]:
    """The sum over all outputs of seed * d output / d input."""
    if len(outputs) == 1:
        return call.pull(outputs[0], seeds[0], create_graph)
    with Mode(recording=True):
        total = sum((_inner(seed, y) for seed, y in zip(seeds, outputs, strict=True)), 0.0)
    return call.pull(total, create_graph=create_graph)


def jvp(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function of (*args, v) that returns J v, where v has the structure of the argument.

    u^T J is linear in u, and its derivative by u is J: so J v is the gradient of (u^T J) v by u
    (Townsend 2017, "A new trick for calculating Jacobian vector products").

    >>> jvp(lambda x: [x[0] * x[1], x[0] + x[1]])([2.0, 3.0], [1.0, 10.0])
    [23.0, 11.0]
    """

    @wraps(f)
    def pushed(*args: Any, **named: Any) -> Any:
        inner, v = _with_vector("jvp", args)
        call = _Call(f, argnums, inner, named)
        outputs, direction = call.outputs(), _matched(v, call.tree)
        with Mode(recording=True):
            u = [_arrays().zero(y) if _has_axes(y) else Value(0.0) for y in outputs]
            row = _pull_all(call, outputs, u, create_graph=True)
            along = sum((_inner(g, d) for g, d in zip(row, direction, strict=True)), Value(0.0))
            slopes = gradients(along, u, create_graph=True, since=call.start)
        return rebuild(call.result, iter(call.leave(slopes)))

    return pushed


def hvp(f: Function, argnums: int | Sequence[int] = 0) -> Function:
    """The function of (*args, v) that returns the Hessian times v, without forming the Hessian.

    >>> hvp(lambda x: x[0] ** 2 * x[1])([3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]
    """

    @wraps(f)
    def product(*args: Any, **named: Any) -> Any:
        _with_vector("hvp", args)
        return vjp(grad(f, argnums), argnums)(*args, **named)  # the Hessian is symmetric

    return product


def _with_vector(name: str, args: tuple[Any, ...]) -> tuple[tuple[Any, ...], Any]:
    if len(args) < 2:
        raise TypeError(f"{name}(f) takes f's arguments and then a vector, so at least two")
    return args[:-1], args[-1]
