"""NumPy's names under the one that code written for HIPS autograd imports: `autograd.numpy`.

All are NumPy's own functions, which Tensors and Values take as they stand. `array` alone differs:
of a Tensor it makes another, and of nested lists that hold Tensors one Tensor.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy

__all__ = [*numpy.__all__]
__path__: list[str] = []  # so that `import autograd.numpy.random` asks below
for _part in ("fft", "linalg", "random"):
    sys.modules[f"{__name__}.{_part}"] = getattr(numpy, _part)


def __getattr__(name: str) -> Any:
    return getattr(numpy, name)


def array(x: Any, *args: Any, **named: Any) -> Any:
    """`numpy.array`; a Tensor if x is one, or has one in its lists.

    >>> from autograd import Tensor
    >>> array([Tensor(2.0) * 3.0, 1.0])
    Tensor([6., 1.])
    """
    from .arrays.numpy_arguments import as_array
    from .core.graph import Node

    def holds_tensors(part: Any) -> bool:
        if isinstance(part, (list, tuple)):
            return any(map(holds_tensors, part))
        return isinstance(part, Node) and part.broadcasts

    return +as_array(x) if holds_tensors(x) else numpy.array(x, *args, **named)
