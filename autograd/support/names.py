"""Names that others use for what a Value has: NumPy, on elements of arrays, and micrograd.

`import autograd` adds these to the nodes of one number. None of them is on the way of a graph that
is recorded or walked.
"""

from __future__ import annotations

from contextvars import ContextVar

from ..core.graph import Node
from ..core.kinds import HANDED_IN, describe
from ..core.value import Scalar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

# Whether Values stand for the elements of an array of floats.
by_element: ContextVar[bool] = ContextVar("by_element", default=False)
# NumPy calls these methods on the elements of an array of objects.
OF_NUMPY = (
    "conjugate", "deg2rad", "degrees", "exp2", "fmod", "logical_xor", "rad2deg", "radians",
)  # fmt: skip
ADVICE = (
    "what a node was made from is in .inputs and .op, an operation of your own is added with "
    "register(), and draw() shows the graph"
)


def _as_numpy(name: str) -> Callable[..., Any]:
    def method(self: Scalar, *others: Any) -> Any:
        return HANDED_IN["numpy"](name, self, *others)

    method.__name__, method.__doc__ = name, f"What `np.{name}` computes."
    return method


def _array_function(self: Scalar, *call: Any) -> Any:
    """NumPy's protocol: `np.stack([v, w])`, and what else is given Values by themselves."""
    return HANDED_IN["function"](*call)


def _array_struct(self: Scalar) -> NoReturn:
    """NumPy asks for this, in vain, before it places a Value of a list in an array of objects.

    Of objects it computes with Python's operators, whose maximum passes over nan: where an array
    of floats is stood for, `Unfit` ends the recording.
    """
    if by_element.get() and not self <= self:
        HANDED_IN["unfit"]("a function of NumPy on a list with nan")
    raise AttributeError("a Value has no __array_struct__")


def _prev(self: Scalar) -> set[Node]:
    """micrograd's: the set of the nodes among `inputs`."""
    return {x for x in self.inputs if isinstance(x, Node)}


def _op(self: Scalar) -> str:
    """micrograd's name of the operation: `+`, `**2`, `ReLU`, `tanh`; "" for a leaf."""
    row, name = self._rule, self.op
    if row is None:
        return ""
    if name == "pow":
        return "**" if isinstance(self.inputs[1], Node) else f"**{self.inputs[1]:g}"
    return "ReLU" if name == "relu" else name if row.symbol.isalpha() else row.symbol


def _backward(self: Scalar) -> NoReturn:
    raise AttributeError(f"a Value has no _backward, for its slopes are in a table: {ADVICE}")


def _refuse(name: str) -> Callable[[Scalar, Any], None]:
    def refuse(self: Scalar, x: Any) -> None:
        raise AttributeError(f"{name} of a Value cannot be assigned: {ADVICE}")

    return refuse


def on_label(label: object) -> str:
    """The message for a wrong label; micrograd has a node's children in its place."""
    said = f"a label is a string, not {describe(label)}"
    return f"{said}: {ADVICE}" if isinstance(label, (tuple, set, list)) else said


for _name in OF_NUMPY:
    setattr(Scalar, _name, _as_numpy(_name))
Scalar.__array_function__ = _array_function  # type: ignore[attr-defined]
Scalar.__array_struct__ = property(_array_struct)  # type: ignore[attr-defined]
for _read in (_prev, _op, _backward):
    _name = _read.__name__
    setattr(Scalar, _name, property(_read, _refuse(_name), doc=_read.__doc__))
