"""Every public function of NumPy, with every argument of its own, on Tensors.

What comes back equals NumPy's own answer on plain arrays in value, shape and dtype, and has its
gradient; or an error names the function or the argument. A gradient is never dropped silently.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, gradients
from autograd.arrays.numpy_protocols import FLAT, FUNCTION_TABLE, KNOWN, UNTOLD

pytestmark = pytest.mark.slow

NUMPY_1 = np.__version__ < "2"  # to which numbers of float32 over an int are of float64
RANDOM = np.random.default_rng(7)


def numbers(*shape: int) -> Any:
    """Numbers between 0.2 and 2, none of them twice, or at the edge of a function."""
    return RANDOM.uniform(0.2, 2.0, shape) if shape else np.array(RANDOM.uniform(0.2, 2.0))


SHAPES = [(), (3,), (3, 3), (2, 3, 3)]

# ---- plausible arguments -------------------------------------------------------------------------

ARRAYS = """
    a b x x1 x2 y z m v A arr arr1 ary array values a1 a2 ar ar1 ar2 data object val prototype p u
    fill_value start stop f element test_elements xp fp q src dst vals base X sample seq_of_zeros
    start_or_stop like a_min a_max min max weights prepend append to_end to_begin initial
"""
LISTS = "arrays tup choices choicelist keys"
OTHERS: dict[str, list[Any]] = {
    "axis": [0, -1, None, (0, 1), 1],
    "axes": [1, None, (1, 0), ([0], [0]), [1, 0]],
    "axis1": [0, 1], "axis2": [1, -1], "source": [0], "destination": [-1],
    "shape": [(3, 3), (9,), 9, (-1,), (3,), (2, 3, 3)], "newshape": [(9,)], "new_shape": [(2, 2)],
    "order": ["C", "F", "A", "K"], "dtype": [np.float32, float, int, None], "kind": ["stable"],
    "keepdims": [True], "ddof": [1], "correction": [1], "mean": [0.5], "where": [True, "mask"],
    "out": ["out", None], "mode": ["edge", "reflect", "wrap", "clip", "full"], "offset": [1, -1],
    "indices": [[0, 2, 2], np.zeros((3, 3), int), 1], "obj": [1, [0, 2]], "repeats": [2], "reps": [2, (2, 1)],
    "shift": [1, (1, 2)], "indices_or_sections": [3, [1]], "pad_width": [1, ((0, 1),)], "k": [1, -1],
    "kth": [1], "n": [2, 0], "decimals": [1], "condition": [[True, False, True], "mask"], "mask": ["mask"],
    "ord": [1, 2, np.inf, -np.inf, "fro", "nuc", 3], "initial": [0.5], "casting": ["unsafe", "no"],
    "subok": [True, False], "copy": [True, False], "returned": [True], "include_initial": [True],
    "optimize": [True], "stable": [True], "device": ["cpu"], "to": [np.float32], "num": [4], "right": [True],
    "bins": [np.array([0.5, 1.0]), 3], "func1d": [np.sum], "func": [np.sum], "condlist": [["mask"]],
    "funclist": [[np.sin]], "deg": [1], "q": [0.3], "ind": [[0]], "roll": [1], "side": ["right"],
    "sorter": [[0, 1, 2]], "rtol": [0.5], "atol": [0.5], "equal_nan": [True], "invert": [True],
    "constant_values": [0.5, (0.5, 1.0)], "endpoint": [False], "retstep": [True], "axisa": [0],
    "overwrite_input": [True], "method": ["lower"], "discont": [1.0], "dx": [0.5], "increasing": [True],
    "nan": [0.5], "start": [1], "signature": ["dd->d"], "min": [0.5], "max": [1.0], "decreasing": [True],
    "multi_index": [[0]], "dims": [(3,)], "b": [0.5], "stop": [2.0], "bias": [True], "rowvar": [False],
}  # fmt: skip
EXTRA = {"pad": ["constant_values"], "clip": ["dtype", "where"], "einsum": ["dtype", "order"]}
FIRST: dict[str, list[tuple[Any, ...]]] = {  # what comes before the arguments that have names
    "einsum": [("...i->...",), ("ij,jk->ik",)], "einsum_path": [("i->i",)],
}  # fmt: skip
# Functions of text, files, dates, settings and programs; and those that go on for long.
NOT_OF_NUMBERS = re.compile(
    "^(save.*|load.*|rec.*|from.*|genfromtxt|.*print.*|show_.*|info|test|set.*|get.*|bench|busday.*|"
    "is_busday|datetime.*|asmatrix|bmat|array2string|format_.*|base_repr|binary_repr|iterable|"
    "issubdtype|isdtype|mintypecode|typename|isscalar|nested_iters|promote_types|errstate|"
    "packbits|unpackbits|iscomplexobj|isrealobj|isfortran|result_type|common_type|"
    "min_scalar_type|array_repr|array_str|require|piecewise|apply_.*|put.*|place|fill_diagonal|"
    "copyto|add_.*|deprecate.*|byte_bounds|who|source|lookfor|safe_eval|disp|vectorize|"
    "fastCopy.*|compare_chararrays|obj2sctype|.*sctype.*|find_common_type|cast|maximum_sctype|"
    "tracemalloc_domain|may_share_memory|shares_memory|frompyfunc|empty.*|can_cast|trapz|in1d|"
    "product|cumproduct|sometrue|alltrue|msort|round_|asfarray|row_stack)$"
)


def of_module(module: Any, prefix: str) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = {name: getattr(module, name, None) for name in dir(module) if name[0] != "_"}
    return {
        prefix + name: function
        for name, function in found.items()
        if callable(function) and not isinstance(function, type)
    }


PUBLIC = of_module(np, "") | of_module(np.linalg, "linalg.") | of_module(np.fft, "fft.")
FUNCTIONS = {
    name: function
    for name, function in PUBLIC.items()
    if not isinstance(function, np.ufunc) and not NOT_OF_NUMBERS.match(name.split(".")[-1])
}
UFUNCS = {function: name for name, function in PUBLIC.items() if isinstance(function, np.ufunc)}


def parameters(function: Any) -> list[inspect.Parameter]:
    try:
        told = inspect.signature(UNTOLD.get(function.__name__, function))
    except ValueError:
        return []
    return list(told.parameters.values())


def plausible(name: str, shape: tuple[int, ...]) -> list[Any]:
    """Arguments for a parameter of this name, where the arrays have this shape."""
    if name in LISTS.split():
        return [[numbers(*shape), numbers(*shape)]]
    values = list(OTHERS.get(name, []))
    if name in ARRAYS.split():
        values.insert(0, numbers(*shape))
    values = values or [numbers(*shape), 1]
    mask = np.arange(int(np.prod(shape))).reshape(shape) % 2 == 0
    return [mask if isinstance(x, str) and x == "mask" else x for x in values]


def answers(function: Any, args: Any) -> bool:
    try:
        function(*args)
    except Exception:
        return False
    return True


Call = tuple[list[Any], dict[str, Any], str]


def calls(name: str, function: Any, shape: tuple[int, ...]) -> Iterator[Call]:
    """The function's arguments: what must be given, with each optional one in turn."""
    known = parameters(function)
    short = name.split(".")[-1]
    free: list[tuple[Any, ...]] = FIRST.get(short, [()])
    if any(p.kind is p.VAR_POSITIONAL for p in known) or not known:
        bases = [[*first, *[numbers(*shape) for _ in range(n)]] for first in free for n in (1, 2)]
    else:
        bases = [[]]
        for p in known:
            if (
                p.kind is not p.KEYWORD_ONLY
                and p.default is p.empty
                and p.kind is not p.VAR_KEYWORD
            ):
                bases = [[*base, x] for base in bases for x in plausible(p.name, shape)[:3]]
    given = 0 if not known else sum(p.default is p.empty for p in known)
    for base in bases:
        yield base, {}, ""
    bases.sort(key=lambda base: not answers(function, base))
    named = [
        p.name
        for p in known[given:]
        if p.name != "einsum_call" and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    ]
    for option in [*named, *EXTRA.get(short, [])]:
        for x in plausible(option, shape):
            yield bases[0], {option: x}, option
    for p in known:  # by position, where some come before it
        if p.kind is p.POSITIONAL_ONLY and p.default is not p.empty:
            yield [*bases[0], numbers(*shape), numbers(*shape)], {}, p.name


UFUNC_OPTIONS = {
    "__call__": ["out", "where", "casting", "order", "dtype", "subok", "axis", "keepdims", "axes"],
    "reduce": ["axis", "dtype", "out", "keepdims", "initial", "where"],
    "accumulate": ["axis", "dtype", "out"],
    "reduceat": ["axis", "dtype", "out"],
    "outer": ["dtype", "order", "where", "casting"],
    "at": [],
}


def ufunc_calls(ufunc: Any, method: str, shape: tuple[int, ...]) -> Iterator[Call]:
    n = {"__call__": ufunc.nin, "outer": 2}.get(method, 1)
    base = [numbers(*shape) for _ in range(n)]
    if method == "outer":
        base[1] = numbers(2, 4)
    if method in ("reduceat", "at"):
        base.append([0, 2])
    if method == "at" and ufunc.nin == 2:
        base.append(numbers(2, *shape[1:]))
    yield base, {}, ""
    for option in UFUNC_OPTIONS[method] if len(shape) == 2 else []:
        for x in plausible(option, shape):
            yield base, {option: x}, option


# ---- what is right -------------------------------------------------------------------------------


def places(x: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the arrays of floats are among some arguments; an `out` is none of them."""
    if isinstance(x, np.ndarray) and x.dtype.kind == "f":
        yield path
    elif isinstance(x, (list, tuple)):
        for i, part in enumerate(x):
            yield from places(part, (*path, i))
    elif isinstance(x, dict):
        for key, part in x.items():
            if key != "out":
                yield from places(part, (*path, key))


def changed(x: Any, change: Callable[[Any, Any], Any], path: tuple[Any, ...] = ()) -> Any:
    """The arguments with every array of floats changed."""
    if isinstance(x, (list, tuple)):
        return type(x)([changed(part, change, (*path, i)) for i, part in enumerate(x)])
    if isinstance(x, dict):
        return {
            k: part if k == "out" else changed(part, change, (*path, k)) for k, part in x.items()
        }
    return change(path, x) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x


def flat_list(x: Any) -> list[Any]:
    if isinstance(x, (list, tuple)):
        return [item for part in x for item in flat_list(part)]
    return [x]


def run(function: Any, arguments: Any) -> Any:
    args, named = arguments
    return function(*args, **named)


def total(answer: Any, like: list[Any]) -> Any:
    """One number that every element of an answer has a say in; inf and nan have none."""
    parts = [
        (
            np.asarray(part, float) * np.cos(1.0 + np.arange(np.size(part)).reshape(np.shape(part)))
        ).sum()
        for part, model in zip(flat_list(answer), like, strict=True)
        if np.asarray(part).dtype.kind in "fiub"
    ]
    return sum(part for part in parts if np.isfinite(part))


def fault(title: str, function: Any, call: Call, chosen: set[Any]) -> str | None:
    """What is wrong with a function of Tensors in the chosen places, if anything is."""
    args, named, option = call
    arguments = (args, named)
    try:
        if named.get("out", None) is not None:
            named = {**named, "out": np.array(run(function, (args, {})))}
            arguments = (args, named)
        expected = run(function, changed(arguments, lambda path, x: x.copy()))
    except Exception:
        return ""  # no call that NumPy has an answer to
    tensors: dict[Any, Any] = {}

    def held(path: Any, x: Any) -> Any:
        if path in chosen:
            tensors[path] = Tensor(x)
            return tensors[path]
        return x.copy()

    try:
        answer = run(function, changed(arguments, held))
    except (TypeError, ValueError, IndexError) as error:
        text = f"{error} {error.__cause__ or error.__context__}"
        words = {
            title.split(".")[0],
            title.split(".")[-1],
            function.__name__,
            option,
            ".data",
            "dtype=",
        }
        return None if any(w and w in text for w in words) else f"unnamed: {error}"
    ours, theirs = flat_list(answer), flat_list(expected)
    if len(ours) != len(theirs) or type(answer) not in (
        type(expected),
        Tensor,
        np.ndarray,
        np.bool_,
    ):
        return f"{type(answer)} for {type(expected)}"
    for x, y in zip(ours, theirs, strict=True):
        plain = x.data if isinstance(x, Tensor) else x
        if isinstance(y, (np.ndarray, np.generic, float)):
            y = np.asarray(y)
            kept = np.asarray(plain).dtype == y.dtype or (y.ndim == 0 and NUMPY_1)
            if np.shape(plain) != y.shape or not kept:
                return f"{np.shape(plain)} {np.asarray(plain).dtype} for {y.shape} {y.dtype}"
            tolerance = 1e-5 if y.dtype == np.float32 else 1e-13
            if not np.allclose(plain, y, rtol=tolerance, atol=tolerance, equal_nan=True):
                return f"{plain} for {y}"
        elif plain != y:
            return f"{plain} for {y}"
    return slopes_differ(function, arguments, tensors, answer, theirs)


def slopes_differ(function: Any, arguments: Any, tensors: Any, answer: Any, like: list[Any]) -> Any:
    """Whether the gradient is not what finite differences of plain NumPy say."""
    ways = {path: np.sin(1.0 + np.arange(x.size)).reshape(x.shape) for path, x in tensors.items()}
    h = 1e-6
    if any(np.asarray(y).dtype == np.float32 for y in like):
        return None  # a difference of numbers as coarse as these says little

    def moved(step: float) -> Any:
        there = changed(arguments, lambda path, x: np.asarray(x + step * ways.get(path, 0.0)))
        return total(run(function, there), like)

    numeric = (moved(h) - moved(-h)) / (2 * h)
    nodes = [x for x in flat_list(answer) if isinstance(x, Tensor)]
    slope = 0.0
    if nodes:
        weighted = sum(
            (x * np.cos(1.0 + np.arange(x.size).reshape(x.shape))).sum()
            for x in nodes
            if np.isfinite(x.data).all()
        )
        if isinstance(weighted, Tensor):
            for g, way in zip(
                gradients(weighted, list(tensors.values())), ways.values(), strict=True
            ):
                slope += float(np.sum(g * way))
    if abs(slope - numeric) > 1e-5 * (1 + abs(numeric)):
        return f"slope {slope} for {numeric}"
    return None


def faults_of(title: str, function: Any, given: Iterator[Call]) -> tuple[list[str], int]:
    """All that is wrong with a function, and in how many calls NumPy has an answer."""
    found, answered = [], 0
    for call in given:
        where = list(places((call[0], call[1])))
        for chosen in [set(where), *([{one} for one in where] if len(where) > 1 else [])]:
            if not chosen:
                continue
            said = fault(title, function, call, chosen)
            answered += said != ""
            if said:
                found.append(f"{title}{call[0]} {call[1]} at {chosen}: {said}")
    return found, answered


@pytest.fixture(autouse=True)
def quietly() -> Iterator[None]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def shapes_for(function: Any) -> list[tuple[int, ...]]:
    """All shapes for what has an answer; what is refused is refused whatever its shape."""
    return SHAPES if function in KNOWN or function in FLAT else SHAPES[:3]


def all_faults(
    title: str, function: Any, shapes: list[Any], given: Callable[..., Iterator[Call]], *args: Any
) -> tuple[list[str], int]:
    done = [faults_of(title, function, given(*args, shape)) for shape in shapes]
    return [said for found, _ in done for said in found], sum(n for _, n in done)


# Functions that need arguments that nobody can guess from their parameters' names.
UNANSWERED = {
    "bincount", "broadcast_shapes", "choose", "diag_indices", "indices", "mask_indices",
    "ravel_multi_index", "select", "unravel_index", "linalg.cholesky", "linalg.tensorinv",
}  # fmt: skip


def test_each_argument_of_each_function_means_what_it_means_to_numpy_or_is_refused() -> None:
    faults = []
    for name, function in FUNCTIONS.items():
        found, answered = all_faults(name, function, shapes_for(function), calls, name, function)
        faults += found
        assert answered or name in UNANSWERED or not parameters(function), (
            f"NumPy has no answer to any call of {name}"
        )
    assert not faults, f"{len(faults)} faults:\n" + "\n\n".join(faults[:12])


@pytest.mark.parametrize("method", UFUNC_OPTIONS)
def test_each_argument_of_each_method_of_a_ufunc_does_so_too(method: str) -> None:
    faults = []
    for ufunc, name in UFUNCS.items():
        function = ufunc if method == "__call__" else getattr(ufunc, method)
        title = name if method == "__call__" else f"{name}.{method}"
        faults += all_faults(title, function, SHAPES[::2], ufunc_calls, ufunc, method)[0]
    assert not faults, f"{len(faults)} faults:\n" + "\n\n".join(faults[:12])


@pytest.mark.parametrize("name", FUNCTION_TABLE)
def test_a_rule_has_the_parameters_and_the_defaults_of_the_function_it_stands_for(
    name: str,
) -> None:
    function = next((f for f, rule in KNOWN.items() if rule is FUNCTION_TABLE[name]), None)
    theirs = {p.name: p.default for p in parameters(function)} if function else {}
    for p in inspect.signature(FUNCTION_TABLE[name]).parameters.values():
        if (
            p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
            and theirs.get(p.name) is not p.empty
        ):
            assert theirs.get(p.name, p.default) in (p.default, np._NoValue), p
