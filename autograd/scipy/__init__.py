"""SciPy's `special` and `stats` under the names that code written for HIPS autograd imports.

Values and Tensors go through compositions of functions that have rules. Plain numbers, and names
that have no composition, go to SciPy itself.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from ..arrays.tensor import Tensor
from ..arrays.value_arrays import tensors_of, values_of
from ..core.graph import Node
from ..trees import is_objects, leaves


def of_nodes(ours: Callable[..., Any], theirs: Callable[..., Any]) -> Callable[..., Any]:
    """A function of SciPy's, which is `ours` where an argument is or holds a Value or a Tensor.

    Values in lists, in arrays or beside them are computed as Tensors, and come back as Values.
    """

    @wraps(theirs)
    def call(*args: Any, **named: Any) -> Any:
        given = [*args, *named.values()]
        parts = leaves([x.tolist() if is_objects(x) else x for x in given])
        if not any(isinstance(part, Node) for part in parts):
            return theirs(*args, **named)
        is_recorded = any(hasattr(x, "of_values") for x in given)
        has_array = any(isinstance(x, (list, tuple)) or getattr(x, "ndim", 0) for x in given)
        if is_recorded or not has_array or any(isinstance(part, Tensor) for part in parts):
            return ours(*args, **named)
        return values_of(ours(*tensors_of(args), **tensors_of(named)))

    return call
