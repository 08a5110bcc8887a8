"""Losses: the distance of outputs from targets, as one number to make small.

Each takes the outputs of a batch and their targets: a number or a row of numbers for each sample,
in lists (of Values or numbers) or in a Tensor. All but `sse` are means, weighted if there are
`weights`, a number for each sample.
"""

from __future__ import annotations

import math
import operator
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial, wraps
from reprlib import repr as short
from typing import Any, ParamSpec

import autograd
from autograd import (
    Value,
    dot,
    log,
    log1p,
    maximum,
    minimum,
    relu,
    scope,
    softplus,
    step,
    trees,
    where,
)

from .choices import choose
from .pairing import (
    Batch,
    Number,
    Row,
    averaged,
    before,
    each,
    each_row,
    failing,
    is_share,
    largest,
    matched,
    parted,
    rows_of_several,
    weighted,
    weighted_sum,
)  # fmt: skip
from .parameters import Array, flat, is_array, is_node, np, plain

Loss = Callable[[Batch, Batch], Number]
Metric = Callable[[Any, Any], Any]  # of outputs and targets, in lists or arrays

# The smallest p whose log is taken: log p is at least -100 (in float32 -87: the inverse of less
# overflows); and the largest float below 1.
ENDS = math.exp(-100.0), 1.0 - 2.0**-53
ENDS32 = 2.0**-126, 1.0 - 2.0**-24
LOSSES: dict[str, Loss] = {}
# The numbers that a metric is given, and the outputs that they are of: from these a loss in the
# metric knows the logits.
MEASURED: ContextVar[tuple[Any, Any]] = ContextVar("MEASURED", default=(None, None))
FOREIGN = {"torch", "jax", "jaxlib", "optax", "keras", "tensorflow"}
P = ParamSpec("P")


def _listed(loss: Callable[P, Number]) -> Callable[P, Number]:
    """The loss, in the list under its name, and drawn as one box of that name."""

    @wraps(loss)
    def scoped(*args: P.args, **kwargs: P.kwargs) -> Number:
        numbers, outputs = MEASURED.get()
        if numbers is not None and args and args[0] is numbers:
            return plain(loss(outputs, *args[1:], **kwargs))  # type: ignore[arg-type]
        return scope(loss.__name__, loss, *args, **kwargs)

    LOSSES[loss.__name__] = scoped
    return scoped


@_listed
def sse(outputs: Batch, targets: Batch, weights: Batch | None = None) -> Number:
    """The sum of the squared errors."""
    errors = each(operator.sub, outputs, targets)
    return dot(errors, errors if weights is None else weighted(errors, weights, outputs)[0])


@_listed
def mse(outputs: Batch, targets: Batch, weights: Batch | None = None) -> Number:
    """The mean of the squared errors."""
    errors = each(operator.sub, outputs, targets)
    if weights is None:
        return dot(errors, errors) / len(errors)
    parts, total = weighted(errors, weights, outputs)
    return dot(errors, parts) / total


@_listed
def mae(outputs: Batch, targets: Batch, weights: Batch | None = None) -> Number:
    """The mean of the absolute errors."""
    return averaged(each(lambda output, y: abs(output - y), outputs, targets), weights, outputs)


@_listed
def huber(
    outputs: Batch, targets: Batch, delta: float = 1.0, weights: Batch | None = None
) -> Number:
    """Half the squared error up to `delta`, and a straight line beyond it (Huber 1964)."""
    if not delta > 0:
        raise ValueError(f"delta is {delta}, and must be above 0")

    def cost(output: Number, y: Number) -> Number:
        s = abs(output - y)
        return where(s <= delta, 0.5 * s * s, delta * (s - 0.5 * delta))

    return averaged(each(cost, outputs, targets), weights, outputs)


@_listed
def bce(outputs: Batch, targets: Batch, weights: Batch | None = None) -> Number:
    """The mean of -y log(p) - (1 - y) log(1 - p) for probabilities p of class 1.

    If p is the result of a sigmoid, this is `bce_with_logits` of its input; otherwise the log is
    clamped at -100, so that p = 0 and p = 1 cost 100, not infinity.
    """

    def cost(p: Number, y: Number) -> Number:
        z = before("sigmoid", p)
        return _probability_cost(p, y) if z is None else _logit_cost(z, y)

    return averaged(each(cost, outputs, targets), weights, outputs)


@_listed
def bce_with_logits(outputs: Batch, targets: Batch, weights: Batch | None = None) -> Number:
    """`bce` of sigmoid(z) for logits z, exact for large logits too."""
    return averaged(each(_logit_cost, outputs, targets), weights, outputs)


def _logit_cost(z: Number, y: Number) -> Number:
    def against(k: Number) -> Number:
        """The logit of the other class."""
        return (1 - 2 * k).astype(z.dtype) * z if is_array(k) else -z if k else z

    return _between(y, lambda k: softplus(against(k)))


def _probability_cost(p: Number, y: Number) -> Number:
    if wrong := failing(p, p < 0, p > 1):
        raise ValueError(
            f"bce takes probabilities, and an output is {wrong[0]:.6g}: end the network in "
            "output='sigmoid', or take loss='bce_with_logits'"
        )

    low, high = ENDS32 if is_array(p) and p.dtype == "f4" else ENDS

    def cost(k: Number) -> Number:
        if is_array(k):
            return where(k, cost(1), cost(0))
        return -log(maximum(p, low)) if k else where(p < 1, -log1p(-minimum(p, high)), 100.0)

    return _between(y, cost)


def _between(y: Number, cost: Callable[[Number], Number]) -> Number:
    """y cost(1) + (1 - y) cost(0); at y = 0 and 1 only the cost of that class is computed."""
    if wrong := failing(y, y < 0, y > 1, y != y):
        raise ValueError(f"the targets of bce are 0, 1 or between, not {wrong[0]!r}")
    k = y > 0.5
    hard = y == k
    if hard.all() if is_array(hard) else hard:
        return cost(k)
    mixed = y * cost(1) + (1 - y) * cost(0)
    return where(hard, cost(k), mixed) if is_array(hard) else mixed


@_listed
def cross_entropy(outputs: Batch, targets: Batch, weights: Batch | None = None) -> Number:
    """The mean of -log(softmax(row)[k]) for rows of logits; k is the number of the right class.

    A target may also be a row of probabilities, which add up to 1. For the result of a softmax its
    input, the logits, is used; under `no_grad` that is not known, and rows of it are taken for
    logits, with a warning. In a Tensor, rows may stand along several axes.
    """
    _warn_of_probabilities(outputs)
    return averaged(each_row(_entropy, outputs, targets), weights, outputs)


def _warn_of_probabilities(outputs: Batch) -> None:
    """Warn of a softmax that is not known to be one, for under `no_grad` nothing is recorded."""
    if (+Value(1.0)).op or not all(map(is_node, trees.leaves(outputs))):
        return
    rows = np.asarray(trees.replace(outputs, plain), float)
    if rows.ndim > 1 and (rows > 0.0).all() and (abs(rows.sum(axis=-1) - 1.0) < 1e-6).all():
        warnings.warn(
            "cross_entropy takes logits, and under no_grad it does not know the result of a "
            "softmax, as these rows seem to be: leave no_grad out, or pass the softmax's input",
            stacklevel=5,
        )


def _entropy(row: Row, target: Number | Row) -> Number:
    logits = before("softmax", row)
    row = row if logits is None else logits
    if is_share(target):
        return -weighted_sum(target, autograd.log_softmax(row))
    right, others = parted(row, target)
    # log(1 + (the others' e^x) / e^x_k): exact in its digits when the right class has won by far
    return softplus(autograd.logsumexp(others, axis=-1) - right)


@_listed
def hinge(outputs: Batch, targets: Batch, weights: Batch | None = None) -> Number:
    """The mean of max(0, 1 - y s) for scores s and classes -1 and 1."""

    def cost(s: Number, y: Number) -> Number:
        if wrong := failing(y, abs(y) != 1):
            raise ValueError(f"the classes of the hinge loss are -1 and 1, not {wrong[0]!r}")
        return relu(1 - s * y)

    return averaged(each(cost, outputs, targets), weights, outputs)


@_listed
def zero_one(
    outputs: Batch, targets: Batch, threshold: float | None = None, weights: Batch | None = None
) -> Number:
    """The share of samples on the wrong side. Its gradient is 0, so it is for reports only.

    The largest output of a row wins, the first of those that tie. A single output above the
    threshold is class 1; by default the threshold is half-way between the classes of the batch: 0
    for -1 and 1, and 1/2 for 0 and 1.
    """
    outputs, targets = matched(outputs, targets)
    if rows_of_several(outputs):
        return averaged(each_row(_is_beaten, outputs, targets), weights, outputs)
    low = min(0, *flat(plain(targets)))
    middle = (low + 1) / 2 if threshold is None else threshold

    def cost(s: Number, y: Number) -> Number:
        if wrong := failing(y, (y != low) * (y != 1)):
            raise ValueError(f"the classes are 0 and 1, or -1 and 1, not {short(wrong[0])}")
        return abs(step(s - middle) - 1.0 * (y == 1))

    return averaged(each(cost, outputs, targets), weights, outputs)


def _is_beaten(row: Row, k: Number) -> Number:
    """1 if another output is larger than that of the right class, or as large and before it."""
    if is_share(k):
        raise ValueError("zero_one takes the number of the right class, not a row of probabilities")
    if is_array(row):
        gap = row - row[k][:, None]
        return largest(where(k.cumsum(axis=-1) == 0, 1 - step(-gap), step(gap)))
    before_it, after = row[:k], row[k:]
    return largest([*(1 - step(row[k] - x) for x in before_it), *(step(x - row[k]) for x in after)])


def loss_of(loss: str | Loss) -> Loss:
    """The loss of that name, or the user's own function of outputs and targets."""
    if not callable(loss):
        return choose("loss", loss, LOSSES)
    _refuse_foreign("loss", loss)
    return loss


def _refuse_foreign(what: str, function: Any) -> None:
    """TypeError for a function or a module of a library that computes on arrays of its own."""
    names = [getattr(x, "__module__", None) or "" for x in (function, *type(function).__mro__)]
    for name in (name.split(".")[0] for name in names):
        if name in FOREIGN:
            raise TypeError(
                f"the {what} is {short(function)} of {name}, which computes on arrays of its own: "
                f"take one of {', '.join(LOSSES)}, or write a function with autograd's"
            )


# ---- metrics: the accuracy, and losses as numbers to look at -------------------------------------


def accuracy(
    outputs: Any, targets: Any, loss: Loss | None = None, threshold: float | None = None
) -> float:
    """The share of right classes, for numbers in lists or arrays; `loss` is what trains the model.

    The largest output of a row wins, the first of those that tie; for `bce`, `bce_with_logits` and
    `hinge` each output of a row is a mark of its own. A single output above the threshold is class
    1: by default 1/2, but 0 if it is a logit or a score (`bce_with_logits`, `hinge`), or if a class
    is -1. nan if an output is; ValueError for targets that are no such classes.
    """
    found, classes = predicted(outputs, targets, loss, threshold)
    return math.nan if np.isnan(outputs).any() else float((found == classes).mean())


def predicted(
    outputs: Any, targets: Any, loss: Loss | None = None, threshold: float | None = None
) -> tuple[Array, Array]:
    """The predicted classes and the right ones, as `accuracy` compares them."""
    scores, classes = np.asarray(outputs), np.asarray(targets)
    single = loss in MARKS or scores.ndim == 1 or scores.shape[-1] == 1
    if single:  # a column is a row
        scores, classes = (x[..., 0] if x.ndim > 1 == x.shape[-1] else x for x in (scores, classes))
    if classes.shape != scores.shape and (single or classes.shape != scores.shape[:-1]):
        raise ValueError(f"outputs of shape {scores.shape} have no classes of {classes.shape}")
    if single:
        low = -1 if (classes < 0).any() else 0
        between = (classes >= 0) & (classes <= 1) & (loss in (bce, bce_with_logits))
        _check(classes, between | (classes == low) | (classes == 1), "0 and 1, or -1 and 1")
        middle = threshold_of(classes, loss) if threshold is None else threshold
        return scores > middle, classes > 0.5
    n = scores.shape[-1]
    if classes.ndim < scores.ndim:
        right = (classes % 1 == 0) & (classes >= 0) & (classes < n)
        _check(classes, right, f"0 to {n - 1}, one an output")
        return scores.argmax(axis=-1), classes
    if loss is not cross_entropy:
        hot = (classes == 1).sum(axis=-1, keepdims=True) == 1
        _check(classes, ((classes == 0) | (classes == 1)) & hot, "a single 1 in each row")
    return scores.argmax(axis=-1), classes.argmax(axis=-1)


def _check(classes: Array, right: Array, what: str) -> None:
    if not right.all():
        wrong = classes[~right].flat[0]
        raise ValueError(f"accuracy is of classes, {what}, and a target is {wrong:g}")


def threshold_of(targets: Any, loss: Loss | None) -> float:
    """The score between two classes: 0 for logits, and for -1 and 1; else 1/2."""
    lowest = targets.min() if hasattr(targets, "min") else min(flat(targets))
    loss = getattr(loss, "func", loss)  # of a partial
    return 0.0 if loss in (bce_with_logits, hinge) or lowest < 0 else 0.5


METRICS: dict[str, Metric] = {"accuracy": accuracy, **LOSSES}
MARKS = (bce, bce_with_logits, hinge)  # of an output each
CLASSIFIES = (*MARKS, cross_entropy)


def metrics_of(metrics: Any, loss: Loss, threshold: float) -> dict[str, Metric]:
    """The metrics by name, told what classes are; ValueError if two have one name."""
    listed = [metrics] if isinstance(metrics, str) or callable(metrics) else metrics or ()
    pairs = [(m, m) if isinstance(m, str) else (getattr(m, "__name__", repr(m)), m) for m in listed]
    if isinstance(metrics, Mapping):
        pairs = list(metrics.items())
    if len(found := dict(pairs)) < len(pairs) or "loss" in found:
        raise ValueError("each metric has a name of its own: give them as {name: function}")
    for name, m in found.items():
        _refuse_foreign("metric", m)
        if m in ("accuracy", accuracy):
            found[name] = partial(accuracy, loss=loss, threshold=threshold)
        elif m in ("zero_one", zero_one):
            found[name] = partial(zero_one, threshold=threshold)
        elif isinstance(m, str):
            found[name] = choose("metric", m, METRICS)
    return found
