"""Data: checked, cut into batches, split, coded, standardised, and given to a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from random import Random
from reprlib import repr as short
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from autograd import no_grad, trees

from .choices import count, number
from .parameters import Array, DType, cast, is_tensor, np, plain

if TYPE_CHECKING:
    from .module import Module

LARGEST = 2.0**1020  # that can be standardised
Row = list[float]
MISSING = ("None", "<NA>", "NaT")  # as pandas and masked arrays show what is missing


class Samples(Protocol):
    """A list of samples, an array, a data frame or a Tensor."""

    def __len__(self) -> int: ...
    def __getitem__(self, places: Any, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...


Data = tuple[Samples, Samples]  # samples and their targets
Xs = TypeVar("Xs", bound=Samples)
Ys = TypeVar("Ys", bound=Samples)


def taken(xs: Samples, places: slice | list[int]) -> Any:
    """The samples at these places: an array from an array, else a list."""
    if hasattr(xs, "ndim"):
        return bare(xs)[places]
    return list(xs[places]) if isinstance(places, slice) else [xs[i] for i in places]


def batches(
    X: Samples, y: Samples, batch_size: int | None = None, shuffle: bool = True,
    seed: int | Random | None = None,
) -> Iterator[Data]:  # fmt: skip
    """The samples in batches (X, y) of that size; the last batch may be smaller.

    None is all samples in one batch, 1 is one sample at a time. Each call shuffles anew; the same
    seed gives the same order. Batches of lists are lists; batches of arrays and Tensors are arrays
    (data need no gradient), and views where nothing is shuffled.
    """
    check_lengths(X, y)
    size = len(X) if batch_size is None else count("batch_size", batch_size)
    order = _shuffled(len(X), seed) if shuffle else None
    for start in range(0, len(X), size):
        places = slice(start, start + size)
        chosen = places if order is None else order[places]
        yield taken(X, chosen), taken(y, chosen)


def _shuffled(n: int, seed: int | Random | None) -> list[int]:
    order = list(range(n))
    (seed if isinstance(seed, Random) else Random(seed)).shuffle(order)
    return order


def split(
    X: Xs, y: Ys, share: float, seed: int | Random | None = None
) -> tuple[tuple[Xs, Ys], tuple[Xs, Ys]]:
    """((X, y) to learn from, (X, y) held out); `share` of the samples is held out."""
    order = _shuffled(len(X), seed)
    n = round(number("the share to hold out", share, below=1.0) * len(X))
    if not 0 < n < len(X):
        raise ValueError(f"a share of {share:g} of {len(X)} samples leaves one side empty")
    learn, hold = ((taken(X, part), taken(y, part)) for part in (order[n:], order[:n]))
    return learn, hold


def one_hot(labels: Sequence[int], classes: int | None = None) -> list[Row]:
    """For each label a row of zeros with a 1 at the label.

    >>> one_hot([0, 2])
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    found = numbers("labels", labels)
    if isinstance(found[0], list):
        raise ValueError("labels are a list of numbers, one for each sample, and not of rows")
    size = int(max(found)) + 1 if classes is None else count("the number of classes", classes)
    for label in found:
        if not (0 <= label < size and label == int(label)):
            raise ValueError(
                f"{label:g} is not a class: they are the whole numbers 0 to {size - 1}"
            )
    return [[1.0 if i == label else 0.0 for i in range(size)] for label in found]


def standardize(
    X: Any, means: Sequence[float] | None = None, scales: Sequence[float] | None = None
) -> tuple[list[Row], Row, Row]:
    """(X with mean 0 and standard deviation 1 in each column, the means, the scales).

    For new data give the means and scales of the training data. A constant column has scale 1.
    ValueError for a scale that is not above 0, and for means or scales of other columns.

    >>> standardize([[1.0, 5.0], [3.0, 5.0]])
    ([[-1.0, 0.0], [1.0, 0.0]], [2.0, 5.0], [1.0, 1.0])
    """
    rows = table("X", X)
    columns = list(zip(*rows, strict=True))
    if means is None or scales is None:
        centres, spreads = zip(*map(moments, columns), strict=True)
        means = centres if means is None else means
        scales = spreads if scales is None else scales
    check_scales(means, scales)
    if len(scales) != len(columns):
        raise ValueError(f"X has {len(columns)} features, but the scales are for {len(scales)}")
    scaled = [[(x - m) / s for x, m, s in zip(row, means, scales, strict=True)] for row in rows]
    return scaled, list(means), list(scales)


def check_scales(means: Sequence[float], scales: Sequence[float]) -> None:
    """ValueError unless each feature has a finite mean, and a finite scale above 0."""
    if not len(means) or len(means) != len(scales):
        raise ValueError(f"there are {len(means)} means and {len(scales)} scales")
    if not (all(map(math.isfinite, means)) and all(0.0 < s < math.inf for s in scales)):
        raise ValueError("means are finite numbers, and scales finite numbers above 0")


def moments(column: Sequence[float], weights: Sequence[float] | None = None) -> tuple[float, float]:
    """The mean and the standard deviation of numbers; a constant column has the deviation 1.

    So has one whose numbers differ by their rounding alone. `weights` count each number. Huge and
    tiny numbers are scaled by a power of two first, so that no square overflows or vanishes.
    ValueError for a number above 2**1020.
    """
    largest = max(map(abs, column))
    if largest > LARGEST:
        raise ValueError(f"{largest:.3g} is too large a number to standardise: use other units")
    ordinary = largest == 0.0 or 2.0**-400 < largest < 2.0**400
    unit = 1.0 if ordinary else math.ldexp(1.0, math.frexp(largest)[1])
    scaled = column if unit == 1.0 else [x / unit for x in column]
    each = [1.0] * len(scaled) if weights is None else weights
    total = math.fsum(each)
    mean = math.fsum(w * x for w, x in zip(each, scaled, strict=True)) / total
    spread = math.sqrt(
        math.fsum(w * (x - mean) ** 2 for w, x in zip(each, scaled, strict=True)) / total
    )
    spread = spread if spread > 2.0**-51 * abs(mean) else 1.0 / unit  # the rounding of a constant
    return mean * unit, spread * unit


def two_moons(
    samples: int = 100, noise: float = 0.1, seed: int | None = None
) -> tuple[list[Row], list[int]]:
    """Points of two interleaved half circles with normal noise, and their classes 0 and 1."""
    rng, noise = Random(seed), number("noise", noise)
    rows, classes = [], []
    for i in range(count("samples", samples)):
        angle = rng.uniform(0.0, math.pi)
        x, y = math.cos(angle), math.sin(angle)
        if i % 2:
            x, y = 1.0 - x, 0.5 - y
        rows.append([x + rng.gauss(0.0, noise), y + rng.gauss(0.0, noise)])
        classes.append(i % 2)
    return rows, classes


# ---- checks --------------------------------------------------------------------------------------


def checked(X: Samples, y: Samples) -> tuple[list[Row], list[Any]]:
    """X as rows of floats and y as floats or rows of floats.

    X is a list of samples, each a list of features, or anything with rows: an array, a data frame.
    ValueError if one is empty, has a nan, an infinity or a ragged row, or if the lengths differ.
    """
    rows = table("X", X)
    targets = numbers("y", y)
    check_lengths(rows, targets)
    return rows, targets


def table(what: str, X: Samples) -> list[Row]:
    """X as rows of finite floats, all of one length."""
    rows = numbers(what, X)
    if not isinstance(rows[0], list):
        raise ValueError(f"{what} is a list of samples, each a list of features: write [[x] ...]")
    return rows


def numbers(what: str, xs: Samples) -> list[Any]:
    """A list of finite floats, or of rows of them, all of one length."""
    refuse_unordered(what, xs)
    listed = list(listed_of(what, bare(xs)))
    if not listed:
        raise ValueError(f"{what} is empty: there is nothing to learn from")
    result = [_floats(what, i, x) for i, x in enumerate(listed)]
    lengths = [len(x) if isinstance(x, list) else None for x in result]
    for i, length in enumerate(lengths):
        if length != lengths[0]:
            raise ValueError(f"{what}[{i}] has {length} numbers, and {what}[0] has {lengths[0]}")
    if lengths[0] == 0:
        raise ValueError(f"{what}[0] has 0 numbers, and must have at least one")
    return result


def refuse_unordered(what: str, xs: object) -> None:
    """TypeError for what cannot be read row by row in an order: a set, a dict, a sparse matrix."""
    if hasattr(xs, "toarray"):
        raise TypeError(f"{what} is a sparse matrix: make an array of it, {what}.toarray()")
    if isinstance(xs, (Mapping, Set, str)) or not hasattr(xs, "__iter__"):
        raise TypeError(f"{what} is a {type(xs).__name__}, and must be a list, an array or a frame")


def listed_of(what: str, x: Any) -> Any:
    """An array as nested lists, anything else unchanged; TypeError for dates and durations."""
    if getattr(getattr(x, "dtype", None), "kind", "") in ("M", "m"):
        raise TypeError(
            f"{what} holds dates or durations, and must hold numbers: subtract a date, and divide "
            "by a unit such as np.timedelta64(1, 'D')"
        )
    return x.tolist() if hasattr(x, "tolist") else x


def _floats(what: str, i: int, x: Any, level: int = 0) -> Any:
    x = listed_of(what, x)
    if isinstance(x, (list, tuple)):
        level = trees.deeper(level)
        return [_floats(f"{what}[{i}]", j, item, level) for j, item in enumerate(x)]
    if isinstance(x, (str, bytes, complex)) or not hasattr(x, "__float__"):
        cure = "fill in or leave out what is missing" if str(x) in MISSING else "code or convert it"
        raise TypeError(f"{what}[{i}] is {short(x)}, and must be a real number: {cure}")
    if not math.isfinite(x):
        raise ValueError(f"{what}[{i}] is {x}: fill in or leave out what is missing first")
    return float(x)


def bare(xs: Samples) -> Any:
    """The array in a Tensor or a data frame; anything else unchanged."""
    if is_tensor(xs):
        return xs.data
    found = xs if isinstance(xs, dict) else getattr(xs, "values", xs)
    return xs if callable(found) else found


def arrays(X: Samples, y: Samples, dtype: DType = None) -> tuple[Array, Array]:
    """X and y as arrays: whole numbers unchanged, others in that precision.

    Arrays of that precision are not copied. ValueError as for `checked`; X may have any number of
    axes, but one axis only if it has whole numbers, such as words by their number.
    """
    found = array("X", X, dtype), array("y", y, dtype)
    if found[0].ndim == 1 and found[0].dtype.kind == "f":
        table("X", found[0])  # whose error says why not
    check_lengths(*found)
    return found


def array(what: str, xs: Samples, dtype: DType = None) -> Array:
    """An array of finite numbers; the errors are those of `numbers`."""
    refuse_unordered(what, xs)
    xs = bare(xs)
    try:
        found = np.asarray(xs)
    except (ValueError, TypeError, RuntimeError):  # ragged rows; torch's with a gradient, bfloat16
        found = np.empty(0)
    masked = np.ma.isMaskedArray(xs)
    if masked or not (found.size and found.dtype.kind in "fiub" and np.isfinite(found).all()):
        found = np.array(numbers(what, xs))
    return cast(found, dtype) if found.dtype.kind == "f" and dtype else found


def check_lengths(X: Samples, y: Samples) -> None:
    """ValueError unless every sample has one target."""
    for what, xs in (("X", X), ("y", y)):
        if not hasattr(xs, "__len__"):
            raise TypeError(f"{what} is a {type(xs).__name__}, without a length: make a list of it")
    if len(X) != len(y):
        raise ValueError(f"X has {len(X)} samples and y has {len(y)}: every sample has one target")


# ---- samples and models --------------------------------------------------------------------------


def on_tensors(model: Module) -> bool:
    """True for a model of Tensors, which takes a batch."""
    return any(map(is_tensor, model.parameters()))


def ready(model: Module, X: Samples, y: Samples) -> Data:
    """Samples and targets, checked, as lists or as arrays in the model's precision."""
    if not on_tensors(model):
        return checked(X, y)
    dtypes = [p.dtype for p in model.parameters() if is_tensor(p)]
    if any(hasattr(module, "means") for module in model.modules()):
        X, y = arrays(X, y)  # it is to take the means from numbers with all of their digits
        return X, array("y", y, dtypes[0])
    return arrays(X, y, dtypes[0])


def forward_of(model: Module) -> Callable[[Samples], Any]:
    """A function that maps samples to a list of outputs, or to a Tensor."""
    return model if on_tensors(model) else lambda xs: [model(x) for x in bare(xs)]


def outputs_of(model: Module, xs: Samples) -> list[Any]:
    """The outputs for samples as numbers: for each sample a float, or a list of them."""
    with no_grad():
        outputs = forward_of(model)(xs)
    return outputs.data.tolist() if is_tensor(outputs) else [_plainly(out) for out in outputs]


def _plainly(output: Any) -> Any:
    if isinstance(output, (list, tuple)):
        return [_plainly(z) for z in output]
    return number_of(output)


def number_of(output: object) -> float:
    """The number of a loss or an output, recorded or not."""
    x = plain(output)
    return float(x.item() if hasattr(x, "item") else x)


def is_finite(g: Any) -> bool:
    """True if a number, or each number of an array, is finite."""
    if not hasattr(g, "ravel"):
        return math.isfinite(g)
    return bool(np.isfinite(g).all())
