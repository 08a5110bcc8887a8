"""Value: a node whose data is one number."""

from __future__ import annotations

import operator

from . import functions, modes
from .graph import Node, Slotted, apply, birth, hand_back, new, refuse_stale
from .kinds import FUNCTIONS, HANDED_IN, TOO_LARGE, describe, is_number
from .modes import active, look_at, recorder_of, watched
from .rules import RULES, altered
from .twin import REQUIRED, engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, SupportsFloat

    from ..support.operators import Operators
    from .rules import Rule

    Base = Operators["Value", "Value | float", bool, float]
else:
    Base = Node

UNLIKE = (Node, str, bytes, list, tuple, dict, set, type(None))  # no number equals one of these
UNARY = tuple(f.name for f in FUNCTIONS.values() if f.public and f.arity == 1)
BINARY = ("atan2", "hypot", "logaddexp", "minimum", "maximum")
_rows: dict[Any, str] = {}  # the methods that record a row of the table, and which


def _unary(name: str) -> Callable[[Any], Value]:
    """The method that records the operation of that name."""
    operation = RULES[name]
    compute = operation.fact.floats

    def method(self: Value) -> Value:
        node: Value = new(Value)
        node._data = compute(self._data)
        node._inputs = (self,)
        node._rule = operation
        node._born = birth()
        return watched(node) if active else node

    _rows[method] = name
    return _named(method, name)


def _binary(name: str) -> Callable[[Any, Any], Value]:
    """The method that records the operation with its other operand on the right."""
    operation = RULES[name]
    compute = operation.fact.floats

    def method(self: Value, other: Any) -> Value:
        if other.__class__ is Value:
            y = other._data
        elif other.__class__ is float:
            y = other
        else:
            return _slow(operation, self, other, other)
        node: Value = new(Value)
        node._data = compute(self._data, y)
        node._inputs = (self, other)
        node._rule = operation
        node._born = birth()
        return watched(node) if active else node

    _rows[method] = name
    return _named(method, name)


def _reflected(name: str) -> Callable[[Any, Any], Value]:
    """The method that records the operation with its other operand on the left."""
    operation = RULES[name]

    def method(self: Value, other: Any) -> Value:
        return _slow(operation, other, self, other)

    return _named(method, name)


def _slow(operation: Rule, left: Any, right: Any, other: Any) -> Any:
    """Record an operation whose `other` operand is not a Value or a float as it stands."""
    if isinstance(other, Node) or is_number(other):
        return apply(operation, left, right)
    if isinstance(other, (str, bytes, complex, list, tuple, dict, set, type(None))):
        raise TypeError(
            f"{operation.name} takes real numbers and Values, not {describe(other)}: "
            f"{HANDED_IN['advice'](other)}"
        )
    if operation.fact.symbol == operation.name:  # a method: Python does not ask the other operand
        return operation.compute(left, right)
    return NotImplemented  # an array, or another library's number, computes it


def _comparison(name: str) -> Callable[[Any, Any], Any]:
    """The method that compares numbers and returns a bool, or what acts as one for a recorder.

    Anything else is compared with the number: `v == pytest.approx(0.3)` asks `approx`.
    """
    compare = getattr(operator, name)

    def method(self: Value, other: Any) -> Any:
        number = other._data if isinstance(other, Scalar) else other
        if number is other and not is_number(other):
            if isinstance(other, UNLIKE) or getattr(other, "__array_ufunc__", None) is not None:
                return NotImplemented
            return compare(self.data, other)  # a look, which a recorder is told of
        if active and (recorder := recorder_of(self, other)) is not None:
            return recorder.compare(name, self, other)
        return HANDED_IN["note"](name, self, other, bool(compare(self._data, number)))

    return _named(method, name)


def _named(method: Any, name: str) -> Any:
    method.__name__ = name
    method.__qualname__ = f"Value.{name}"
    method.__doc__ = FUNCTIONS[name].call.__doc__ if name in FUNCTIONS else None
    return method


class Scalar(Base):
    """The operators, functions and protocols of a node of one number."""

    if not TYPE_CHECKING:
        __slots__ = ()
    kind: type[Value]

    def __init__(self, data: SupportsFloat, label: str = "", *more: Any) -> None:
        self._data: float = data if data.__class__ is float else self.admit(data)
        self._inputs = ()
        self._rule = None
        self._born = birth()
        if label.__class__ is not str or label or more:
            self.label = (label, *more) if more else label  # type: ignore[assignment]

    @classmethod
    def admit(cls, x: Any) -> float:
        """`x` as a float; TypeError, with what to do, for what is not one real number."""
        if not is_number(x):
            raise TypeError(
                f"a Value holds one real number, not {describe(x)}: {HANDED_IN['advice'](x)}"
            )
        try:
            return float(x)
        except OverflowError:
            raise ValueError(TOO_LARGE) from None

    @property
    def partials(self) -> tuple[float | None, ...]:
        """The local derivative for each input, None for a plain number; computed when asked."""
        if not self._inputs:
            return ()
        refuse_stale(self)
        for x in (self, *self._inputs):
            if isinstance(x, Node):
                look_at(x)
        return tuple(
            0.0 if share is None and isinstance(x, Node) else share
            for x, share in zip(self._inputs, hand_back(self, 1.0), strict=True)
        )

    # ---- operators, and the functions of the table: `Operators` declares their types ----

    if not TYPE_CHECKING:
        __add__, __radd__ = _binary("add"), _reflected("add")
        __sub__, __rsub__ = _binary("sub"), _reflected("sub")
        __mul__, __rmul__ = _binary("mul"), _reflected("mul")
        __truediv__, __rtruediv__ = _binary("div"), _reflected("div")
        __floordiv__, __rfloordiv__ = _binary("floordiv"), _reflected("floordiv")
        __mod__, __rmod__ = _binary("mod"), _reflected("mod")
        __pow__, __rpow__ = _binary("pow"), _reflected("pow")
        __neg__, __pos__, __abs__ = _unary("neg"), _unary("identity"), _unary("abs")

        __lt__, __le__ = _comparison("lt"), _comparison("le")
        __gt__, __ge__ = _comparison("gt"), _comparison("ge")
        __eq__, __ne__ = _comparison("eq"), _comparison("ne")
        __hash__ = object.__hash__  # identity, in C: a node is a key, and equal numbers are not one

        vars().update({name: _unary(name) for name in UNARY})
        vars().update({name: _binary(name) for name in BINARY})
        # NumPy calls these by its own names on the elements of an array of Values.
        arcsin, arccos, arctan, arctan2 = *map(_unary, ("asin", "acos", "atan")), _binary("atan2")
        arcsinh, arccosh, arctanh = map(_unary, ("asinh", "acosh", "atanh"))
        fabs, absolute, conjugate, __floor__ = map(_unary, ("abs", "abs", "identity", "floor"))

    def __divmod__(self, other: Any) -> tuple[Value, Value]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Value, Value]:
        return other // self, other % self

    def __bool__(self) -> bool:
        if active and (recorder := recorder_of(self)) is not None:
            return bool(recorder.truth(self))
        return HANDED_IN["note"]("ne", self, 0.0, self._data != 0)

    # ---- functions with settings ----

    def leaky_relu(self, slope: Value | float = 0.01) -> Value:
        """x where it is positive, slope * x elsewhere."""
        return functions.leaky_relu(self, slope)

    def elu(self, alpha: Value | float = 1.0) -> Value:
        """x where it is positive, alpha * (e^x - 1) elsewhere."""
        return functions.elu(self, alpha)

    def clip(self, low: Value | float, high: Value | float) -> Value:
        """x, but no less than `low` and no more than `high`."""
        return functions.clip(self, low, high)  # type: ignore[return-value]

    def where(self, condition: Any, other: Value | float) -> Value:
        """This number where the condition holds, else `other`."""
        return functions.where(condition, self, other)

    def round(self, digits: int = 0) -> Value:
        """Rounded to `digits` decimals, halves to even."""
        return functions.round(self, digits)

    def polygamma(self, n: int) -> Value:
        """The n-th derivative of `digamma` here."""
        return functions.polygamma(n, self)

    rint = round

    # ---- Python's other protocols ----

    def __round__(self, digits: int | None = None) -> Value:
        return self.round(digits or 0)

    def __ceil__(self) -> Value:
        return -(-self).floor()

    def __trunc__(self) -> Value:
        return self.floor() if self >= 0.0 else self.__ceil__()

    def __float__(self) -> float:
        raise TypeError(
            "a Value is not turned into a plain float silently, for that would cut the graph: "
            "write v.data for the number, and autograd.exp(v) or v.exp() instead of math.exp(v)"
        )

    __int__ = __float__

    def __format__(self, spec: str) -> str:
        return format(self.data, spec) if spec else str(self)

    def __repr__(self) -> str:
        grad = f", grad={self._grad!r}" if hasattr(self, "_grad") else ""
        label = f", label={self.label!r}" if self.label else ""
        return f"Value({self.data!r}{grad}{label})"

    @classmethod
    def __autograd_function__(cls, name: str, args: tuple[Any, ...]) -> Any:
        try:
            return apply(RULES[name], *args)
        except TypeError:
            if not any(hasattr(x, "ndim") and not isinstance(x, Node) for x in args):
                raise
        return HANDED_IN["each"](FUNCTIONS[name].call, args)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return HANDED_IN["ufunc"](ufunc, method, inputs, options)


def _in_c(pure: type[Value]) -> type[Value]:
    """The same class in C, where it was built; C asks Scalar for whatever is not usual."""
    if engine is None:
        return pure
    complaint = "the compiled engine was built from another table: install valuegrad again"
    if not RULES.keys() >= set(engine.ROWS):
        if REQUIRED:
            raise ImportError(complaint)
        import warnings

        warnings.warn(complaint, RuntimeWarning, stacklevel=2)
        return pure
    lock, watching = modes.lock, modes.watching
    value: type[Value] | None = engine.value(
        Scalar, RULES, altered, active, watching, watched, lock.acquire, lock.release
    )
    if value is None:  # this package was imported before, and removed from sys.modules
        return pure
    value.__doc__ = pure.__doc__
    for name, method in vars(Scalar).items():
        if not name.startswith("__") and method in _rows:
            setattr(value, name, engine.operation(_rows[method], method, "method"))
    return value


@_in_c
class Value(Scalar, Slotted):
    """A number that remembers how it was computed.

    `data` is any real number, kept as a float; `label` is shown in pictures and messages.
    TypeError for a str, a complex number, an array, a tensor, None or another Value.

    >>> a = Value(2.0, label="a")
    >>> b = Value(-3.0, label="b")
    >>> loss = (a * b + a.tanh()) ** 2
    >>> loss.backward()
    >>> round(a.grad, 4), round(b.grad, 4)
    (29.5042, -20.1439)
    """

    __slots__ = ()


Scalar.kind = Value
