"""valuegrad: a scalar reverse-mode autograd engine that one can read, step through and trust."""

from __future__ import annotations

from .functions import abs as abs
from .functions import acos as acos
from .functions import acosh as acosh
from .functions import asin as asin
from .functions import asinh as asinh
from .functions import atan as atan
from .functions import atan2 as atan2
from .functions import atanh as atanh
from .functions import cbrt as cbrt
from .functions import clip as clip
from .functions import cos as cos
from .functions import cosh as cosh
from .functions import dot as dot
from .functions import elu as elu
from .functions import erf as erf
from .functions import exp as exp
from .functions import expm1 as expm1
from .functions import floor as floor
from .functions import gelu as gelu
from .functions import hypot as hypot
from .functions import leaky_relu as leaky_relu
from .functions import log as log
from .functions import log1p as log1p
from .functions import log2 as log2
from .functions import log10 as log10
from .functions import log_softmax as log_softmax
from .functions import logaddexp as logaddexp
from .functions import logsigmoid as logsigmoid
from .functions import logsumexp as logsumexp
from .functions import maximum as maximum
from .functions import mean as mean
from .functions import minimum as minimum
from .functions import relu as relu
from .functions import round as round
from .functions import sigmoid as sigmoid
from .functions import sign as sign
from .functions import silu as silu
from .functions import sin as sin
from .functions import sinh as sinh
from .functions import softmax as softmax
from .functions import softplus as softplus
from .functions import sqrt as sqrt
from .functions import step as step
from .functions import sum as sum
from .functions import tan as tan
from .functions import tanh as tanh
from .functions import where as where
from .graph import Slotted as _Slotted
from .graph import gradients as gradients
from .graph import nodes as nodes
from .graph import scope as scope
from .graph import zero_grad as zero_grad
from .recording import detect_anomaly as detect_anomaly
from .recording import no_grad as no_grad
from .recording import record_lines as record_lines
from .rules import register as register
from .value import Value as Value

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
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
    from .checking.check import assert_gradients as assert_gradients
    from .checking.check import gradcheck as gradcheck
    from .checking.culprit import check_graph as check_graph
    from .checking.mutation import mutation_score as mutation_score
    from .replaying.replay import Replay as Replay
    from .replaying.replay import compile as compile
    from .seeing.diagnosing import diagnose as diagnose
    from .seeing.drawing import Drawing as Drawing
    from .seeing.drawing import draw as draw
    from .seeing.explaining import explain as explain
    from .seeing.linting import lint as lint
    from .seeing.tracing import trace as trace
    from .transforms import grad as grad
    from .transforms import hessian as hessian
    from .transforms import hvp as hvp
    from .transforms import jacobian as jacobian
    from .transforms import jvp as jvp
    from .transforms import value_and_grad as value_and_grad
    from .transforms import vjp as vjp

# What not every program needs is imported where it is first used (PEP 562).
_LATER = {
    "arrays.building": (
        "arange", "cat", "einsum", "eye", "linspace", "norm", "ones", "pad", "stack", "zeros",
    ),
    "checking.check": ("gradcheck", "assert_gradients"),
    "arrays.convolution": ("avg_pool2d", "conv1d", "conv2d", "max_pool2d"),
    "arrays.crossing": ("stack_values",),
    "checking.culprit": ("check_graph",),
    "seeing.diagnosing": ("diagnose",),
    "seeing.drawing": ("draw", "Drawing"),
    "seeing.explaining": ("explain",),
    "seeing.linting": ("lint",),
    "checking.mutation": ("mutation_score",),
    "replaying.replay": ("compile", "Replay"),
    "arrays.tensor": ("Tensor",),
    "seeing.tracing": ("trace",),
    "transforms": ("grad", "hessian", "hvp", "jacobian", "jvp", "value_and_grad", "vjp"),
}  # fmt: skip
_ROOM = {name: room for room, names in _LATER.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _ROOM:
        raise AttributeError(f"module 'autograd' has no attribute {name!r}")
    from importlib import import_module

    room = import_module(f".{_ROOM[name]}", __name__)
    for other in _LATER[_ROOM[name]]:
        globals()[other] = getattr(room, other)
    return globals()[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOM})


def engine() -> str:
    """Which engine records: "compiled" or "pure"."""
    return "pure" if issubclass(Value, _Slotted) else "compiled"


# What `from autograd import *` brings: all public names but those that would hide Python's own.
# It loads the rooms of all of them, and so NumPy.
_HIDING = {"abs", "max", "min", "pow", "round", "sum"}
__all__ = sorted({name for name, x in globals().items() if callable(x)} | _ROOM.keys())
__all__ = [name for name in __all__ if name[0] != "_" and name not in _HIDING]


def _warn_of_namesake() -> None:
    """Say so when PyPI's other `autograd` shares this environment: each hides parts of both."""
    import os
    import sys

    here = os.path.dirname(__file__)
    for folder in [here, *(os.path.join(path, "autograd") for path in sys.path)]:
        if os.path.exists(os.path.join(folder, "tracer.py")):
            import warnings

            warnings.warn(
                f"another distribution named 'autograd' (HIPS) is installed in {folder}; it has "
                "the import name of valuegrad, and the two overwrite each other: keep them in "
                "separate virtual environments, or run `pip uninstall autograd valuegrad` and "
                "then `pip install valuegrad`",
                RuntimeWarning,
                stacklevel=3,
            )
            return


_warn_of_namesake()
