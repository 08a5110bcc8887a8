"""valuegrad: a scalar reverse-mode autograd engine that one can read, step through and trust."""

from __future__ import annotations

import sys as _sys
from importlib import import_module as _import_module

from .core import graph as _graph
from .core import kinds as _kinds
from .core import rules as _rules
from .core import twin as _twin
from .core import value as _value
from .core.functions import abs as abs
from .core.functions import acos as acos
from .core.functions import acosh as acosh
from .core.functions import asin as asin
from .core.functions import asinh as asinh
from .core.functions import atan as atan
from .core.functions import atan2 as atan2
from .core.functions import atanh as atanh
from .core.functions import cbrt as cbrt
from .core.functions import clip as clip
from .core.functions import cos as cos
from .core.functions import cosh as cosh
from .core.functions import digamma as digamma
from .core.functions import dot as dot
from .core.functions import elu as elu
from .core.functions import erf as erf
from .core.functions import erfc as erfc
from .core.functions import erfinv as erfinv
from .core.functions import exp as exp
from .core.functions import expm1 as expm1
from .core.functions import floor as floor
from .core.functions import gammaln as gammaln
from .core.functions import gelu as gelu
from .core.functions import hypot as hypot
from .core.functions import leaky_relu as leaky_relu
from .core.functions import log as log
from .core.functions import log1mexp as log1mexp
from .core.functions import log1p as log1p
from .core.functions import log2 as log2
from .core.functions import log10 as log10
from .core.functions import log_softmax as log_softmax
from .core.functions import logaddexp as logaddexp
from .core.functions import logit as logit
from .core.functions import logsigmoid as logsigmoid
from .core.functions import logsumexp as logsumexp
from .core.functions import maximum as maximum
from .core.functions import mean as mean
from .core.functions import minimum as minimum
from .core.functions import polygamma as polygamma
from .core.functions import relu as relu
from .core.functions import round as round
from .core.functions import sigmoid as sigmoid
from .core.functions import sign as sign
from .core.functions import silu as silu
from .core.functions import sin as sin
from .core.functions import sinh as sinh
from .core.functions import softmax as softmax
from .core.functions import softplus as softplus
from .core.functions import sqrt as sqrt
from .core.functions import step as step
from .core.functions import sum as sum
from .core.functions import tan as tan
from .core.functions import tanh as tanh
from .core.functions import where as where
from .core.graph import Slotted as _Slotted
from .core.graph import gradients as gradients
from .core.graph import nodes as nodes
from .core.graph import zero_grad as zero_grad
from .core.modes import detect_anomaly as detect_anomaly
from .core.modes import no_grad as no_grad
from .core.modes import record_lines as record_lines
from .core.rules import register as register
from .core.value import Value as Value
from .support import names as _names  # noqa: F401  # it adds names to Value
from .support.scopes import scope as scope

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any as _Any

    from .arrays.building import arange as arange
    from .arrays.building import cat as cat
    from .arrays.building import einsum as einsum
    from .arrays.building import eye as eye
    from .arrays.building import linspace as linspace
    from .arrays.building import norm as norm
    from .arrays.building import ones as ones
    from .arrays.building import pad as pad
    from .arrays.building import stack as stack
    from .arrays.building import zeros as zeros
    from .arrays.convolution import avg_pool2d as avg_pool2d
    from .arrays.convolution import conv1d as conv1d
    from .arrays.convolution import conv2d as conv2d
    from .arrays.convolution import max_pool2d as max_pool2d
    from .arrays.crossing import stack_values as stack_values
    from .arrays.tensor import Tensor as Tensor
    from .checking.adjoint import adjoint_check as adjoint_check
    from .checking.check import assert_gradients as assert_gradients
    from .checking.check import gradcheck as gradcheck
    from .checking.culprit import check_graph as check_graph
    from .checking.mutation import mutation_score as mutation_score
    from .checking.student import check_student as check_student
    from .exchange.frameworks import as_jax as as_jax
    from .exchange.frameworks import as_torch as as_torch
    from .exchange.frameworks import from_jax as from_jax
    from .exchange.frameworks import from_torch as from_torch
    from .exchange.onnx import export_onnx as export_onnx
    from .executors import map_gradients as map_gradients
    from .printing.algebra import to_sympy as to_sympy
    from .printing.source import to_source as to_source
    from .replaying.replay import Replay as Replay
    from .replaying.replay import compile as compile
    from .seeing.diagnosing import diagnose as diagnose
    from .seeing.drawing import Drawing as Drawing
    from .seeing.drawing import draw as draw
    from .seeing.linting import lint as lint
    from .seeing.paths import explain as explain
    from .seeing.tracing import trace as trace
    from .transforms import grad as grad
    from .transforms import hessian as hessian
    from .transforms import hvp as hvp
    from .transforms import jacobian as jacobian
    from .transforms import jvp as jvp
    from .transforms import value_and_grad as value_and_grad
    from .transforms import vjp as vjp

# Pickles of earlier versions name these modules by where they stood.
for _moved in (_graph, _rules, _value):
    _sys.modules[__name__ + _moved.__name__.removeprefix(f"{__name__}.core")] = _moved


def _hand_in(to: str, room: str, name: str) -> None:
    """Hand the core a function of a module that is imported when the function is first called."""

    def call(*args: _Any, **settings: _Any) -> _Any:
        found = _kinds.HANDED_IN[to] = getattr(_import_module(room, __name__), name)
        return found(*args, **settings)

    _kinds.HANDED_IN[to] = call


# The core knows no kind of number but its own: what computes on others is handed in.
for _to, _room, _name in (
    ("arrays", ".arrays.functions", "compute"),
    ("over_axes", ".arrays.building", "on_plain"),
    ("matmul", ".arrays.building", "product"),
    ("each", ".arrays.value_protocols", "at_each"),
    ("ufunc", ".arrays.value_protocols", "on_values"),
    ("function", ".arrays.value_arrays", "on_function"),
    ("unfit", ".arrays.value_arrays", "unfit"),
    ("mixed", ".arrays.methods", "record"),
    ("others", ".support.numbers", "compute"),
    ("special", ".support.special", "compute"),
    ("label", ".support.names", "on_label"),
    ("numpy", ".arrays.compositions", "on_element"),
    ("within", ".support.decorating", "within"),
    ("check_result", ".support.errors", "check_result"),
    ("check_shares", ".support.errors", "check_shares"),
    ("advice", ".support.errors", "advice"),
    ("bend", ".support.kinks", "bend"),
    ("place", ".support.errors", "place"),
    ("note", ".support.comparisons", "note"),
):
    _hand_in(_to, _room, _name)

# What not every program needs is imported where it is first used (PEP 562).
_LATER = {
    "arrays.building": (
        "arange", "cat", "einsum", "eye", "linspace", "norm", "ones", "pad", "stack", "zeros",
    ),
    "checking.adjoint": ("adjoint_check",),
    "exchange.frameworks": ("as_jax", "as_torch", "from_jax", "from_torch"),
    "exchange.onnx": ("export_onnx",),
    "checking.check": ("gradcheck", "assert_gradients"),
    "arrays.convolution": ("avg_pool2d", "conv1d", "conv2d", "max_pool2d"),
    "arrays.crossing": ("stack_values",),
    "checking.culprit": ("check_graph",),
    "checking.student": ("check_student",),
    "executors": ("map_gradients",),
    "seeing.diagnosing": ("diagnose",),
    "seeing.drawing": ("draw", "Drawing"),
    "seeing.paths": ("explain",),
    "seeing.linting": ("lint",),
    "checking.mutation": ("mutation_score",),
    "printing.algebra": ("to_sympy",),
    "printing.source": ("to_source",),
    "replaying.replay": ("compile", "Replay"),
    "arrays.tensor": ("Tensor",),
    "seeing.tracing": ("trace",),
    "transforms": ("grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"),
}  # fmt: skip
_ROOM = {name: room for room, names in _LATER.items() for name in names}


# Of these rooms, those that cannot be imported without NumPy.
_ON_NUMPY = (
    "arrays", "checking.adjoint", "checking.mutation", "exchange", "executors", "printing.source",
    "replaying",
)  # fmt: skip
_HIDING = {"abs", "max", "min", "pow", "round", "sum"}


def _public() -> list[str]:
    """`__all__`: all public names but those that would hide Python's own.

    A star import binds them all, and so loads NumPy, of which Tensor is made; where NumPy is not
    installed, it brings what does without.
    """
    names = {name for name, x in globals().items() if name[0] != "_" and callable(x)} | {*_ROOM}
    try:
        import numpy as numpy
    except ImportError:
        names -= {name for name, room in _ROOM.items() if room.startswith(_ON_NUMPY)}
    return sorted(names - _HIDING)


def __getattr__(name: str) -> object:
    if name == "__all__":
        return _public()
    if name not in _ROOM:
        raise AttributeError(f"module 'autograd' has no attribute {name!r}")
    room = _import_module(f".{_ROOM[name]}", __name__)
    for other in _LATER[_ROOM[name]]:
        globals()[other] = getattr(room, other)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOM})


def engine() -> str:
    """Which engine records: "compiled" or "pure"."""
    return "pure" if issubclass(Value, _Slotted) else "compiled"


def _warn_of_namesake() -> None:
    """Say so when PyPI's other `autograd` shares this environment: each hides parts of both."""
    import os
    import sys

    here = os.path.dirname(__file__)
    for folder in [here, *(os.path.join(path, "autograd") for path in sys.path)]:
        if os.path.exists(os.path.join(folder, "tracer.py")):
            import warnings

            from .extras import APART

            warnings.warn(
                f"another distribution named 'autograd' (HIPS) is installed in {folder}; it has "
                f"the import name of valuegrad, and the two overwrite each other: {APART}",
                RuntimeWarning,
                stacklevel=3,
            )
            return


def _warn_of_twin() -> None:
    """Say so when a compiled engine is there and cannot run: it is old or foreign."""
    if _twin.refused:
        import warnings

        warnings.warn(
            f"{_twin.refused} (meanwhile the engine in Python runs, with the same answers)",
            RuntimeWarning,
            stacklevel=3,
        )


_warn_of_namesake()
_warn_of_twin()
