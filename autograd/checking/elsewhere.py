"""A check of functions that compute in another library: PyTorch, JAX, the array API standard.

A function that takes doubles is measured in doubles, whatever its arguments are made of; what it
claims is computed in their own dtype. How far the gradient there is from the one in doubles is the
rounding of its dtype.
"""

from __future__ import annotations

import math
import sys
from contextlib import suppress
from copy import deepcopy

from ..core.graph import Node
from ..core.kinds import describe
from ..seeing.abbreviating import plain
from ..trees import items, replace
from .arguments import REAL, Arguments, flat, parameter_names
from .frameworks import (
    ROUNDOFF,
    doubles,
    dtype_of,
    is_elsewhere,
    leaves_of,
    library,
    lower,
    on_host,
    opened,
    raised,
)
from .probing import DOUBLE
from .soundness import ARRIVING
from .subjects import Given, name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Final

    from .check import Direction
    from .large import Along

    Numbers = Sequence[float]

OWNERS = "torch", "jax"  # libraries that differentiate


def carried(f: Callable[..., Any], given: tuple[Any, ...], double: bool) -> Callable[..., Any]:
    """f as a function of NumPy's arrays, which it gets in the libraries of `given`."""

    def call(*numbers: Any) -> Any:
        with doubles(double):
            args = raised(given, numbers, double)
            arrays = [(i, x) for i, x in enumerate(leaves_of(args)) if library(x)]
            before = [on_host(x).copy() for _, x in arrays]
            result = lower(f(*args))
            for (i, x), old in zip(arrays, before, strict=True):
                now, same = on_host(x), sys.modules["numpy"].array_equal
                if not same(now, old, equal_nan=True):
                    leaves_of(numbers)[i][...] = now  # f changed it, as the check shall see
        return result

    call.__name__ = name_of(f)
    call.__wrapped__ = getattr(f, "forward", f)  # type: ignore[attr-defined]  # of a Module
    return call


# ---- who differentiates --------------------------------------------------------------------------


def owner(f: Callable[..., Any], args: tuple[Any, ...]) -> str:
    """Name the library whose arrays f returns, which differentiates f; "" for this engine."""
    elsewhere, of_args = is_elsewhere(args), {library(x) for x in leaves_of(args)} - {""}
    if not elsewhere and not any(name in sys.modules for name in OWNERS):
        return ""
    try:
        answer = f(*args)
    except Exception:
        if of_args & {*OWNERS}:
            raise
        return ""  # it takes this engine's nodes
    found = leaves_of(answer)
    names = sorted({library(x) for x in found} - {""})
    if any(isinstance(x, Node) for x in found) or not (elsewhere or names):
        return ""
    name = name_of(f)
    if len({*names, *of_args}) > 1:
        both = " and ".join(sorted({*names, *of_args}))
        raise TypeError(
            f"{name} mixes arrays of {both}, and neither differentiates the other's: convert them, "
            "or give df="
        )
    if not names:
        raise TypeError(
            f"{name} returned {describe(answer)}, which no library can differentiate: return what "
            f"{' or '.join(sorted(of_args)) or 'the library'} computed, or give df="
        )
    if names[0] not in OWNERS:
        raise TypeError(
            f"{name} returned an array of {names[0]}, which has no derivatives: give df=, or build "
            "f on Tensors"
        )
    return names[0]


def _torch_rows(f: Callable[..., Any], args: tuple[Any, ...]) -> list[list[float]]:
    """The Jacobian that torch.autograd computes: a row for each number of the answer."""
    torch = sys.modules["torch"]
    entered: list[Any] = []

    def enter(x: Any) -> Any:
        x = x.detach().clone() if library(x) else torch.tensor(x, dtype=torch.float64)
        entered.append(x.requires_grad_())
        return entered[-1]

    with torch.inference_mode(False), torch.enable_grad():
        answer = [torch.as_tensor(x) for x in leaves_of(f(*opened(args, enter)))]
    rows = []
    for out in answer:
        for i in range(out.numel()):
            shares = [None] * len(entered)
            if out.requires_grad:
                seed = torch.zeros(out.numel(), dtype=out.dtype, device=out.device)
                seed[i] = ARRIVING
                shares = torch.autograd.grad(
                    out, entered, seed.reshape(out.shape), retain_graph=True, allow_unused=True
                )
            pairs = zip(entered, shares, strict=True)
            rows.append(_row(torch.zeros_like(x) if g is None else g for x, g in pairs))
    return rows


def _jax_rows(f: Callable[..., Any], args: tuple[Any, ...]) -> list[list[float]]:
    """The Jacobian that jax.vjp computes: a row for each number of the answer."""
    jax = sys.modules["jax"]

    def of(*entered: Any) -> Any:
        source = iter(entered)
        return leaves_of(f(*opened(args, lambda _: next(source))))

    outs, pull = jax.vjp(of, *map(jax.numpy.asarray, leaves_of(args)))
    rows = []
    for k, out in enumerate(outs):
        for i in range(out.size):
            seeds = [jax.numpy.zeros(x.size, x.dtype) for x in outs]
            seeds[k] = seeds[k].at[i].set(ARRIVING)
            rows.append(_row(pull([s.reshape(x.shape) for s, x in zip(seeds, outs, strict=True)])))
    return rows


ROWS = {"torch": _torch_rows, "jax": _jax_rows}


def _row(shares: Any) -> list[float]:
    return [float(g) / ARRIVING + 0.0 for g in flat([on_host(g) for g in shares])]


# ---- the subject ---------------------------------------------------------------------------------


class Elsewhere(Given):
    """A function of arrays of other libraries; its gradient is df's, or that of the `owner`."""

    def __init__(
        self, f: Callable[..., Any], df: Callable[..., Any] | None, args: tuple[Any, ...],
        owned: str = "", double: bool | None = None,
    ) -> None:  # fmt: skip
        self.there: Callable[..., Any] = f
        self.claims: Callable[..., Any] | None = df
        self.given: tuple[Any, ...] = args
        self.owned: str = owned
        self.precisely: Final = _in_doubles(f)
        own, lowered = _dtypes(f, args), lower(args)
        first = carried(f, args, False)
        here = [_outcome(x, place) for place, x in items(first(*lowered), name_of(f))]
        kinds = own + [x.dtype.name for x in here if hasattr(x, "dtype")]
        precise = double is not False and self._takes_doubles(kinds, lowered)
        self.double = precise
        super().__init__(
            carried(self.precisely, args, True) if precise else first, df or first,
            replace(lowered, _as_double) if precise else lowered,
        )  # fmt: skip
        coarse = max([DOUBLE, *(ROUNDOFF.get(kind, DOUBLE) for kind in kinds)])
        self.coarseness, self.arguments.roundoff = coarse, DOUBLE if precise else coarse
        self.both: tuple[list[list[float]], list[list[float]]] | None = None

    def _takes_doubles(self, kinds: list[str], lowered: Any) -> bool:
        """True if arrays of less than doubles enter or leave f, and it computes in doubles too."""
        if all(ROUNDOFF.get(kind, DOUBLE) == DOUBLE for kind in kinds):
            return False
        with suppress(Exception):  # weights of float32 in a closure, say
            answer = carried(self.precisely, self.given, True)(*replace(lowered, _as_double))
            return all(_dtype(x) in ("", "float64") for x in leaves_of(answer))
        return False

    def claimed(self) -> list[list[float]]:
        return self._gradient(self.arguments.numbers, False)

    def gradient(self, numbers: Numbers) -> list[list[float]]:
        return self._gradient(numbers, self.double)

    def _gradient(self, numbers: Numbers, double: bool) -> list[list[float]]:
        if self.claims is not None:
            self.df: Callable[..., Any] = carried(self.claims, self.given, double)
            return super().gradient(numbers)
        with doubles(double):
            args = raised(self.given, self.arguments.filled(numbers), double)
            return ROWS[self.owned](self.precisely if double else self.there, args)

    def claim_rounding(self, output: int, line: Direction | Along) -> float:
        """How far the gradient in the arguments' own dtype is from the one in doubles."""
        noise = super().claim_rounding(output, line)
        if not self.double:
            return noise
        if self.both is None:
            own = self.claimed()
            self.both = own, own
            with suppress(Exception):  # df need not take what f takes
                self.both = own, self.gradient(self.arguments.numbers)
        here, there = (line.along(rows[output]) for rows in self.both)
        return noise + abs(here - there) if math.isfinite(here - there) else noise

    def sparse_claim(self) -> None:
        """None: the result of df is made dense here."""

    def coarsely(self) -> Elsewhere | None:
        """The same in the arguments' own dtype, which has kinks where doubles have none."""
        if not self.double:
            return None
        return Elsewhere(self.there, self.claims, self.given, self.owned, double=False)


def _in_doubles(f: Callable[..., Any]) -> Callable[..., Any]:
    """A copy of a PyTorch Module with weights of doubles; any other function itself."""
    return deepcopy(f).double() if isinstance(f, _modules()) else f


def _modules() -> Any:
    """The class of PyTorch's modules; () where it is not loaded."""
    return getattr(getattr(sys.modules.get("torch"), "nn", None), "Module", ())


def _as_double(x: Any) -> Any:
    return plain(x).astype(float) if _dtype(x) in ("float16", "float32") else x


def _dtype(x: Any) -> str:
    """The name of the dtype of a leaf, "" for a number of Python."""
    x = plain(x) if isinstance(x, Node) else x
    return dtype_of(x) if hasattr(x, "dtype") else ""


def _dtypes(f: Callable[..., Any], args: tuple[Any, ...]) -> list[str]:
    """The dtypes of the arguments' arrays; TypeError for one that is not of real numbers."""
    found = []
    named = zip(parameter_names(f, len(args)), args, strict=True)
    names = {id(x): place for name, arg in named for place, x in items(arg, name)}
    for x in leaves_of(args):
        kind, place = _dtype(x), names.get(id(x), "an argument")
        if not library(x):
            found.append(kind)
            continue
        if kind not in ROUNDOFF:
            raise TypeError(f"{place} is an array of {kind}{REAL}")
        if library(x) == "torch" and x.device.type == "meta":
            raise ValueError(f"{place} is a tensor on the device meta, which holds no numbers")
        found.append(kind)
    return found


def _outcome(x: Any, place: str) -> Any:
    """An item of f's answer; TypeError where it is complex."""
    if getattr(getattr(x, "dtype", None), "kind", "") == "c":
        raise TypeError(
            f"{place} returned {x.dtype} numbers, and a derivative here is that of real ones: "
            "return the real and the imaginary part, such as view_as_real(y) or (y.real, y.imag)"
        )
    return x


def in_another_library(
    f: Callable[..., Any], df: Callable[..., Any] | None, args: tuple[Any, ...]
) -> Elsewhere | None:
    """The subject of a function of other libraries' arrays; None for any other function."""
    if sys.modules.get("numpy") is None:  # no library has arrays without it
        return None
    coarse = any(ROUNDOFF.get(_dtype(x), DOUBLE) > DOUBLE for x in leaves_of(args))
    there = is_elsewhere(args) or (df is not None and coarse)
    if there:  # what cannot be checked is told before f meets it
        _dtypes(f, args)
        Arguments(f, lower(args))
    if isinstance(f, _modules()):
        f = deepcopy(f)  # a call may change what it holds, as that of BatchNorm does
    if df is not None:
        return Elsewhere(f, df, args) if there else None
    owned = owner(f, args)
    return Elsewhere(f, None, args, owned) if owned else None


def on_this_engine(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments, with Tensors in the places of other libraries' arrays."""
    if not is_elsewhere(args):
        return args
    from ..arrays.tensor import Tensor  # imports NumPy

    held: tuple[Any, ...] = opened(args, lambda x: Tensor(x) if library(x) else x)
    return held
