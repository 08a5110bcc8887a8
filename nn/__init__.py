"""Perceptrons and multi-layer perceptrons on `autograd`, and their training."""

from __future__ import annotations

import sys as _sys
from typing import TYPE_CHECKING

from . import data as data
from . import init as init
from . import losses as losses
from . import optim as optim
from .boundaries import plot_decision_boundary as plot_decision_boundary
from .boundaries import plot_perceptron as plot_perceptron
from .choices import ACTIVATIONS as ACTIVATIONS
from .convolution import Conv2d as Conv2d
from .convolution import Flatten as Flatten
from .convolution import MaxPool2d as MaxPool2d
from .diagnose import Diagnosis as Diagnosis
from .diagnose import LayerReport as LayerReport
from .diagnose import TrainingReport as TrainingReport
from .diagnose import diagnose_training as diagnose_training
from .embedding import Embedding as Embedding
from .files.onnx import export_onnx as export_onnx
from .files.serialize import load as load
from .files.serialize import save as save
from .files.torch import from_torch as from_torch
from .files.torch import to_torch as to_torch
from .layers import MLP as MLP
from .layers import Layer as Layer
from .layers import Neuron as Neuron
from .layers import Sequential as Sequential
from .layers import Standardize as Standardize
from .module import Module as Module
from .perceptron import Perceptron as Perceptron
from .plotting import plot_activation as plot_activation
from .plotting import plot_history as plot_history
from .plotting import plot_losses as plot_losses
from .plotting import plot_training as plot_training
from .surface import plot_surface as plot_surface
from .training.fit import History as History
from .training.fit import fit as fit
from .training.fit import latest as latest

# Pickles of earlier versions look for classes here.
_sys.modules |= {
    "nn.networks": _sys.modules["nn.layers"],
    "nn.history": _sys.modules["nn.training.fit"],
}

if TYPE_CHECKING:
    from .estimators import MLPClassifier as MLPClassifier
    from .estimators import MLPRegressor as MLPRegressor


def __getattr__(name: str) -> object:
    if name not in ("MLPClassifier", "MLPRegressor"):
        raise AttributeError(f"module 'nn' has no attribute {name!r}")
    try:  # scikit-learn takes a second to import, and is needed for nothing else
        from . import estimators
    except ImportError:
        from autograd import extras

        raise extras.missing(f"nn.{name}", "scikit-learn") from None
    return getattr(estimators, name)
