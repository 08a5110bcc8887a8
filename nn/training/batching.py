"""Outputs and their targets brought together: one by one where they are in lists, else as arrays.

A loss is written once, as a cost of an output and its target that reads the same for two numbers
and for two arrays. What differs between the two is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from typing import Any

from autograd import dot, maximum
from autograd import sum as sum_of

from ..parameters import is_array, is_tensor, plain

Cost = Callable[[Any, Any], Any]


def matched(outputs: Any, targets: Any) -> tuple[Any, Any]:
    """Outputs and targets, both as lists or both as arrays; ValueError for other lengths.

    Arrays of whole numbers stay what they are. A list of Tensors becomes one.
    """
    if len(outputs) != len(targets):
        raise ValueError(f"there are {len(outputs)} outputs for {len(targets)} targets")
    if not len(outputs):
        raise ValueError("the batch is empty: a loss is taken over at least one sample")
    if not is_array(outputs) and is_tensor(outputs[0]):
        import autograd

        outputs = autograd.stack(outputs)
    if is_array(outputs) and not is_tensor(targets):
        targets = _array(targets)
    return outputs, targets


def _array(x: Any) -> Any:
    """An array of numbers, whole numbers as they are; TypeError for anything else."""
    if hasattr(x, "dtype") and x.dtype.kind in "fiub":
        return x
    import numpy as np

    from autograd import Tensor

    found = np.asarray(x)
    return found if found.dtype.kind in "fiub" else Tensor(x).data  # which says what is wrong


def each(cost: Cost, outputs: Any, targets: Any) -> Any:
    """The cost of every number: a list, or an array with one axis."""
    outputs, targets = matched(outputs, targets)
    if not is_array(outputs):
        return [cost(output, y) for output, y in _pairs(outputs, targets)]
    n = len(outputs)
    row, wanted = outputs.shape[1:] or (1,), targets.shape[1:] or (1,)
    if row != wanted:
        raise ValueError(
            f"an output has {outputs.size // n} numbers, and its target {targets.size // n}: "
            f"the outputs are of shape {outputs.shape}, the targets of shape {targets.shape}"
        )
    if targets.dtype != outputs.dtype:
        targets = targets.astype(outputs.dtype if outputs.dtype.kind == "f" else float)
    return cost(_in_a_row(outputs), _in_a_row(targets))


def _in_a_row(x: Any) -> Any:
    return x if x.ndim == 1 else x.reshape(-1)


def _pairs(outputs: Sequence[Any], targets: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    """Each output with its target, rows taken apart."""
    for output, target in zip(outputs, targets, strict=True):
        row, wanted = _row(output), _row(target)
        if len(row) != len(wanted):
            raise ValueError(f"an output has {len(row)} numbers, and its target {len(wanted)}")
        yield from zip(row, wanted, strict=True)


def _row(x: Any) -> Sequence[Any]:
    return x if hasattr(x, "__len__") else [x]


def failing(x: Any, *tests: Any) -> list[Any]:
    """Those of x, a number or an array, for which a test came out true."""
    if not is_array(x):
        return [x] if any(tests) else []
    hits = reduce(lambda a, b: a | b, tests)
    return plain(x)[hits].tolist() if hits.any() else []


# ---- rows, an output for each class --------------------------------------------------------------


def each_row(cost: Cost, outputs: Any, targets: Any) -> Any:
    """The cost of every row of outputs, by its class or its row of probabilities."""
    outputs, targets = matched(outputs, targets)
    if not is_array(outputs):
        return [cost(row, _checked_class(row, k)) for row, k in zip(outputs, targets, strict=True)]
    targets = plain(targets)
    if outputs.ndim < 2 or outputs.shape[-1] < 2:
        raise ValueError(NO_ROW)
    if targets.ndim == outputs.ndim and targets.shape[-1] != outputs.shape[-1]:
        raise ValueError(
            f"a target has {targets.shape[-1]} probabilities for {outputs.shape[-1]} outputs"
        )
    if targets.shape not in (outputs.shape, outputs.shape[:-1]):
        raise ValueError(
            f"outputs of shape {outputs.shape} have classes of shape {outputs.shape[:-1]}, or "
            f"probabilities of their own shape, and not targets of shape {targets.shape}"
        )
    n = outputs.shape[-1]
    rows = outputs if outputs.ndim == 2 else outputs.reshape(-1, n)
    if targets.ndim == outputs.ndim:
        return cost(rows, targets.reshape(-1, n).astype(rows.dtype, copy=False))
    return cost(rows, _checked_classes(n, targets.reshape(-1)))


NO_ROW = "cross_entropy needs an output for each class; or take bce or hinge"


def _checked_class(row: Any, target: Any) -> Any:
    if not isinstance(row, (list, tuple)) or len(row) < 2:
        raise ValueError(NO_ROW)
    if hasattr(target, "__len__"):
        if len(target) != len(row):
            raise ValueError(f"a target has {len(target)} probabilities for {len(row)} outputs")
        return target
    if not 0 <= target < len(row) or target != int(target):
        raise ValueError(f"{target!r} is no class: they are 0 to {len(row) - 1}, one an output")
    return int(target)


def _checked_classes(n: int, targets: Any) -> Any:
    """A mask of the outputs (samples, n) that are those of the right class."""
    import numpy as np

    tests = [targets < 0, targets >= n]
    if targets.dtype.kind == "f":
        tests.append(targets != np.floor(targets))
    if wrong := failing(targets, *tests):
        raise ValueError(f"{wrong[0]!r} is no class: they are 0 to {n - 1}, one an output")
    return targets[:, None] == np.arange(n)


def is_share(target: Any) -> bool:
    """Whether a target gives every class a probability, rather than name one."""
    return hasattr(target, "__len__") if not is_array(target) else target.dtype.kind != "b"


def parted(row: Any, k: Any) -> tuple[Any, Any]:
    """The output of the right class, and all others; `k` is its number, or a mask of a batch."""
    if is_array(row):
        return row[k], row[~k].reshape(len(row), -1)
    return row[k], [*row[:k], *row[k + 1 :]]


def largest(row: Any) -> Any:
    """The largest number of a row, or of each row of a batch."""
    return row.max(axis=-1) if is_array(row) else reduce(maximum, row)


def weighted_sum(weights: Any, row: Any) -> Any:
    """The sum of the products of a row, or of each row of a batch."""
    return sum_of(weights * row, axis=-1) if is_array(row) else dot(weights, row)


def before(operation: str, x: Any) -> Any:
    """What went into the operation of that name, where x is its result; else None.

    A row is such a result if each of its numbers is. Another shape makes no difference to a Tensor;
    a softmax along another axis does.
    """
    if isinstance(x, (list, tuple)):
        inner = [before(operation, item) for item in x]
        return None if any(z is None for z in inner) else inner
    source = x
    while is_tensor(source) and source.op == "reshape":
        source = source.inputs[0]
    if getattr(source, "op", "") != operation:
        return None
    if operation == "softmax" and is_tensor(x) and (abs(x.data.sum(axis=-1) - 1) > 1e-3).any():
        return None
    inside = source.inputs[0]
    return inside.reshape(x.shape) if is_tensor(x) and inside.shape != x.shape else inside
