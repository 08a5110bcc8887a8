"""Outputs and their targets: paired, checked, weighted, in lists one by one, else as arrays."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from typing import Any

import autograd
from autograd import dot, maximum, mean, sigmoid, softmax
from autograd import sum as sum_of

from .parameters import Array, Tensor, as_array, flat, is_array, is_node, is_tensor, np, plain

# The same lines compute with one number or Value, and with all of a batch in an array or a Tensor.
Number = Any
Row = Any  # a list of those, or an array of rows
Batch = Any  # outputs or targets: a list of numbers or rows, or an array of them
Cost = Callable[[Number, Number], Number]

# ---- outputs and their targets, one by one in lists, else as arrays ------------------------------


def matched(outputs: Batch, targets: Batch) -> tuple[Batch, Batch]:
    """Outputs and targets, both as lists or both as arrays; ValueError for other lengths.

    Arrays of whole numbers stay so. A list of Tensors becomes one Tensor.
    """
    if len(outputs) != len(targets):
        raise ValueError(f"there are {len(outputs)} outputs for {len(targets)} targets")
    if not len(outputs):
        raise ValueError("the batch is empty: a loss is taken over at least one sample")
    if not is_array(outputs) and is_tensor(outputs[0]):
        outputs = autograd.stack(outputs)
    if is_array(outputs) and not is_tensor(targets):
        targets = _array(targets)
    return outputs, targets


def _array(x: Batch) -> Array:
    """An array of numbers, whole numbers unchanged; TypeError for anything else."""
    if getattr(getattr(x, "dtype", None), "kind", "O") in "fiub":
        return as_array(x)
    from autograd import Tensor

    found = np.asarray(x)
    return found if found.dtype.kind in "fiub" else Tensor(x).data  # whose error says why not


def each(cost: Cost, outputs: Batch, targets: Batch) -> list[Number] | Array | Tensor:
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


def _in_a_row(x: Array | Tensor) -> Array | Tensor:
    return x if x.ndim == 1 else x.reshape(-1)


def _pairs(outputs: Batch, targets: Batch) -> Iterator[tuple[Number, Number]]:
    """Each number of the outputs with its target."""
    for output, target in zip(outputs, targets, strict=True):
        row, wanted = _row(output), _row(target)
        if len(row) != len(wanted):
            raise ValueError(f"an output has {len(row)} numbers, and its target {len(wanted)}")
        yield from zip(row, wanted, strict=True)


def _row(x: Number | Row) -> Row:
    return x if hasattr(x, "__len__") else [x]


def averaged(costs: Batch, weights: Batch | None, outputs: Batch) -> Number:
    """The mean of the costs, weighted if there are weights; ValueError if these do not fit."""
    if weights is None:
        return mean(costs)
    parts, total = weighted(costs, weights, outputs)
    return sum_of(parts) / total


def weighted(costs: Batch, weights: Batch, outputs: Batch) -> tuple[Batch, float]:
    """The costs times the weights of their samples, and the sum of the weights of all costs."""
    if is_node(weights):
        raise TypeError("weights are data, without a gradient: take weights.data")
    listed = [float(w) for w in flat(weights)]
    fits = len(listed) == len(outputs) and any(listed) and all(0 <= w < math.inf for w in listed)
    if not fits:
        raise ValueError("weights are a number for each sample: not negative, and not all 0")
    once = is_array(outputs) or len(costs) == len(outputs)  # rows in lists may differ in length
    sizes = [len(costs) // len(outputs) if once else len(_row(output)) for output in outputs]
    row = [w for w, n in zip(listed, sizes, strict=True) for _ in range(n)]
    if not is_array(costs):
        return [w * cost for w, cost in zip(row, costs, strict=True)], math.fsum(row)
    return costs * np.array(row, costs.dtype), math.fsum(row)


def failing(x: Number, *tests: Number) -> list[float]:
    """The numbers of x, a number or an array, for which a test is true."""
    if not is_array(x):
        return [x] if any(tests) else []
    hits = reduce(lambda a, b: a | b, tests)
    return plain(x)[hits].tolist() if hits.any() else []


# ---- rows, an output for each class --------------------------------------------------------------


def rows_of_several(outputs: Batch) -> bool:
    """True if a sample has a row of two outputs or more."""
    if is_array(outputs):
        return outputs.ndim > 1 and outputs.shape[-1] > 1
    return isinstance(outputs[0], (list, tuple)) and len(outputs[0]) > 1


def each_row(cost: Cost, outputs: Batch, targets: Batch) -> list[Number] | Array | Tensor:
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
        return cost(rows, _checked_shares(targets.reshape(-1, n)).astype(rows.dtype, copy=False))
    return cost(rows, _checked_classes(n, targets.reshape(-1)))


NO_ROW = "cross_entropy needs an output for each class; or take bce or hinge"


def _checked_class(row: Row, target: Number | Row) -> Number:
    if not isinstance(row, (list, tuple)) or len(row) < 2:
        raise ValueError(NO_ROW)
    if hasattr(target, "__len__"):
        if len(target) != len(row):
            raise ValueError(f"a target has {len(target)} probabilities for {len(row)} outputs")
        return _checked_shares(target)
    if not hasattr(target, "__float__"):
        raise TypeError(f"{target!r} is not a class: it is a whole number or a row of shares")
    if not 0 <= target < len(row) or target != int(target):
        raise ValueError(f"{target!r} is not a class: they are 0 to {len(row) - 1}, one an output")
    return int(target)


def _checked_shares(target: Row) -> Row:
    """A row of probabilities, or an array of such rows."""
    total = sum_of(target, axis=-1)
    for x in (target,) if is_array(target) else target:
        if wrong := failing(x, x < 0, x != x):
            raise ValueError(f"a target is {wrong[0]!r}, and must be a probability or a class")
    if wrong := failing(total, abs(total - 1) > 1e-3):
        raise ValueError(f"the probabilities of a target add up to {wrong[0]:.6g}, and not to 1")
    return target


def _checked_classes(n: int, targets: Array) -> Array:
    """A mask (samples, n), true at the right class of each sample."""
    tests = [targets < 0, targets >= n]
    if targets.dtype.kind == "f":
        tests.append(targets != np.floor(targets))
    if wrong := failing(targets, *tests):
        raise ValueError(f"{wrong[0]!r} is not a class: they are 0 to {n - 1}, one an output")
    return targets[:, None] == np.arange(n)


def is_share(target: Number | Row) -> bool:
    """True for a target that gives each class a probability, rather than the right class."""
    return hasattr(target, "__len__") if not is_array(target) else target.dtype.kind != "b"


def parted(row: Row, k: Number) -> tuple[Number, Row]:
    """The output of the right class, and the others; `k` is its number, or a mask of a batch."""
    if is_array(row):
        return row[k], row[~k].reshape(len(row), -1)
    return row[k], [*row[:k], *row[k + 1 :]]


def largest(row: Row) -> Number:
    """The largest number of a row, or of each row of a batch."""
    return row.max(axis=-1) if is_array(row) else reduce(maximum, row)


def weighted_sum(weights: Row, row: Row) -> Number:
    """The sum of the products of a row, or of each row of a batch."""
    return sum_of(weights * row, axis=-1) if is_array(row) else dot(weights, row)


# A loss of their results looks at their inputs.
ENDS: dict[str, Callable[..., Any]] = {"softmax": softmax, "sigmoid": sigmoid}


def detached(x: Any) -> Any:
    """Outputs without their past, but for a last softmax or sigmoid."""
    if isinstance(x, (list, tuple)) and not (len(x) and all(map(is_node, x))):
        return [detached(item) for item in x]
    found = _behind([x])
    if found is None:
        return [detached(item) for item in x] if isinstance(x, (list, tuple)) else _cut(x)
    end, (z,) = found
    return end([_cut(item) for item in z]) if isinstance(z, list) else _ended(end, _cut(z))


def joined(parts: Sequence[Any]) -> Any:
    """The outputs, or the targets, of several batches as those of one."""
    if is_tensor(parts[0]):
        found = _behind(parts)
        return autograd.cat(parts) if found is None else _ended(found[0], autograd.cat(found[1]))
    if not hasattr(parts[0], "dtype"):
        return [x for part in parts for x in part]
    return np.concatenate(parts)


def _behind(parts: Sequence[Any]) -> tuple[Callable[..., Any], list[Any]] | None:
    """The softmax or sigmoid that made all of these outputs, and its inputs; None if none did."""
    for name, end in ENDS.items():
        inputs: list[Any] = [
            before(name, part) for part in parts if name == "softmax" or not _is_list(part)
        ]
        if inputs and not any(z is None for z in inputs):
            return end, inputs
    return None


def _ended(end: Callable[..., Any], z: Any) -> Any:
    return end(z, axis=-1) if end is softmax else end(z)


def _is_list(x: object) -> bool:
    return isinstance(x, (list, tuple))


def _cut(x: Any) -> Any:
    return x.detach() if is_node(x) else x


def _bag(inputs: Iterable[Any]) -> Counter[Any]:
    """Inputs without their order: nodes by identity, plain numbers by value."""
    return Counter(id(x) if is_node(x) else (float(x),) for x in inputs)


def before(operation: str, x: Number | Row) -> Number | Row | None:
    """The input of the operation of that name if x is its result, else None.

    A row is such a result if each of its numbers is; of a softmax it must be all of it. A Tensor
    may have been reshaped since; a softmax must be along the last axis.
    """
    if isinstance(x, (list, tuple)):
        inner = [before(operation, item) for item in x]
        if any(z is None for z in inner):
            return None
        if operation == "softmax" and any(_bag(item.inputs) != _bag(inner) for item in x):
            return None
        return inner
    source = x
    while is_tensor(source) and source.op == "reshape":
        source = source.inputs[0]
    if getattr(source, "op", "") != operation:
        return None
    inside = source.inputs[0]
    if not is_tensor(x):
        return inside
    inside = inside if inside.shape == x.shape else inside.reshape(x.shape)
    if operation == "softmax" and (abs(softmax(inside.data, axis=-1) - x.data) > 1e-6).any():
        return None  # it was along another axis
    return inside
