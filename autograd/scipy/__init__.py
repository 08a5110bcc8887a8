"""SciPy's `special` and `stats` under the names that code written for HIPS autograd imports.

Values and Tensors go through compositions of functions that have rules. Plain numbers, and names
that have no composition, go to SciPy itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..arrays.crossing import stack_values
from ..arrays.numpy_arguments import as_array, holds_nodes
from ..arrays.tensor import Tensor
from ..arrays.value_arrays import stands_for_floats, values_of
from ..core.value import Value
from ..trees import leaves


def of_nodes(ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    """A function of SciPy's, which is `ours` where an argument is or holds a Value or a Tensor."""

    @wraps(theirs)
    def call(*args: Any, **named: Any) -> Any:
        given = (*args, *named.values())
        if not any(map(_holds_nodes, given)):
            return theirs(*args, **named)
        are_values = _are_values_beside_arrays(given)
        taken = _tensor_of if are_values else _joined
        found = ours(*map(taken, args), **{key: taken(x) for key, x in named.items()})
        return values_of(found) if are_values else found

    return call


def _are_values_beside_arrays(given: Any) -> bool:
    """Whether Values meet arrays of numbers, of which a ufunc of SciPy's takes no Values."""
    if stands_for_floats() or any(isinstance(x, Tensor) for x in given):
        return False
    has_array = any(isinstance(x, (list, tuple)) or getattr(x, "ndim", 0) for x in given)
    return has_array and any(isinstance(x, Value) for x in given)


def _tensor_of(x: Any) -> Any:
    return stack_values(x) if isinstance(x, Value) else _joined(x)


def _holds_nodes(x: Any) -> bool:
    return holds_nodes(x) or getattr(getattr(x, "dtype", None), "kind", "") == "O"


def _joined(x: Any) -> Any:
    """An argument, in which a list or an array of Values is a Tensor of them."""
    is_list = isinstance(x, (list, tuple))
    if not _holds_nodes(x) or not (is_list or hasattr(x, "tolist")) or hasattr(x, "of_values"):
        return x
    values = any(isinstance(part, Value) for part in leaves(x if is_list else x.tolist()))
    return stack_values(x) if values else as_array(x)
