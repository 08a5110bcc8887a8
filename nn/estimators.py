"""MLPClassifier and MLPRegressor: the networks of this package as scikit-learn estimators.

They work in pipelines, cross-validation and grid search like any other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import (
    _check_sample_weight,
    check_is_fitted,
    column_or_1d,
    validate_data,
)

from autograd import sigmoid, softmax

from .choices import sizes
from .data import moments, outputs_of, standardize
from .layers import MLP
from .losses import Loss, bce_with_logits, cross_entropy, mse
from .module import Part
from .optim import Optimizer, optimizer_of
from .training.fit import fit

MOST = 1e5  # the samples up to which a weight is as many copies, rather than few of some weight


class _Estimator(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no annotations
    """Parameters, training and outputs, for a classifier and a regressor."""

    def __init__(
        self, layers: Sequence[int] = (16,), activation: str = "relu",
        optimizer: str | Callable[..., Optimizer] = "adam", lr: float = 0.02, epochs: int = 40,
        batch_size: int | None = 16, weight_decay: float = 1e-3, patience: int | None = 10,
        standardize: bool = True, random_state: Any = None, progress: bool = False,
        backend: str = "tensor", watch: bool | int = False,
    ) -> None:  # fmt: skip
        self.layers, self.activation = layers, activation
        self.optimizer, self.lr = optimizer, lr
        self.epochs, self.batch_size = epochs, batch_size
        self.weight_decay, self.patience = weight_decay, patience
        self.standardize, self.random_state = standardize, random_state
        self.progress, self.backend, self.watch = progress, backend, watch

    def _train(self, X: Any, targets: Any, weights: Any, outputs: int, loss: Loss) -> None:
        rows = X.tolist()
        if self.standardize:
            self._means, self._scales = _moments(X, weights)
            rows = standardize(rows, self._means, self._scales)[0]
        if (weights != weights[0]).any():
            targets, loss = np.column_stack([targets, weights]), partial(_of_weighted, loss)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        widths = [*sizes("layers", self.layers, "(16,)"), outputs]
        self.model_ = MLP(X.shape[1], widths, self.activation, seed=seed, backend=self.backend)
        params = self.model_.parameters()
        mover = optimizer_of(self.optimizer, params, self.lr, self.weight_decay)
        self.history_ = fit(
            self.model_, rows, targets.tolist(), loss, mover, self.epochs, self.batch_size,
            patience=self.patience, seed=seed, progress=self.progress, watch=self.watch,
        )  # fmt: skip
        self.n_iter_ = max(self.history_.epochs, 1)

    def _checked(self, X: Any, y: Any, sample_weight: Any, **checks: Any) -> tuple[Any, ...]:
        """X, y and weights in an order of their own, a weight of 3 as the same sample three times.

        What is left of the weights has the mean 1. So it makes no difference in which order, and
        how, the samples are given.
        """
        for what, given in (("X", X), ("y", y)):
            if np.ma.is_masked(given):
                raise ValueError(f"{what} is a masked array: fill in or leave out what is missing")
        X, y = validate_data(self, X, y, dtype=float, **checks)
        weights = _check_sample_weight(sample_weight, X, dtype=float)
        if (weights < 0).any() or not weights.any():
            raise ValueError("sample weights are not negative, and not all 0")
        columns = y[:, None] if y.ndim == 1 else y
        codes = [np.unique(column, return_inverse=True)[1] for column in columns.T]
        _, first, place = np.unique(
            np.column_stack([X, *codes]), axis=0, return_index=True, return_inverse=True
        )
        total = np.bincount(place.ravel(), weights)
        copies = np.ceil(total * min(1.0, MOST / total.sum())).astype(int)
        chosen = first.repeat(copies)
        weights = (total / np.maximum(copies, 1)).repeat(copies)
        return X[chosen], y[chosen], weights / weights.mean()  # of all samples, not of each batch

    def _anatomy(self) -> Part:
        """The facts for a picture of the fitted network."""
        check_is_fitted(self)
        return self.model_._anatomy()

    def _outputs(self, X: Any) -> Any:
        """The outputs of the model for each sample."""
        check_is_fitted(self)
        rows = validate_data(self, X, reset=False, dtype=float).tolist()
        if self.standardize:
            rows = standardize(rows, self._means, self._scales)[0]
        return np.array(outputs_of(self.model_, rows))


def _moments(columns: Any, weights: Any) -> tuple[list[float], list[float]]:
    """The means and the deviations of columns of weighted samples."""
    means, scales = zip(*(moments(x.tolist(), weights.tolist()) for x in columns.T), strict=True)
    return list(means), list(scales)


def _of_weighted(loss: Any, outputs: Any, targets: Any) -> Any:
    """The sum of w times the loss of each sample over their number; the last column has the w."""
    columns = np.asarray(targets)
    y = columns[:, 0] if columns.shape[1] == 2 else columns[:, :-1]
    return loss(outputs, y, weights=columns[:, -1]) * columns[:, -1].mean()


class MLPClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A multi-layer perceptron that predicts the class of a sample.

    `layers` are the sizes of the hidden layers. `standardize` standardises the features with the
    means and deviations of the training data. Training stops after `epochs`, or when the loss has
    not fallen for `patience` epochs. `activation`, `optimizer`, `lr`, `batch_size` and
    `weight_decay` are those of `nn.MLP`, `nn.fit` and `nn.optim`. `random_state` decides the first
    weights and the order of the samples. Tensors hold the weights, or Values if `backend` is
    "value", which is slower and gives the same results. With `watch` the training is a film,
    `history_.play()`.

    Fitted: `classes_`, `model_` (the `nn.MLP`, whose outputs are logits), `history_` (the
    `nn.History`), `n_iter_` (epochs).
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from samples and their classes; a sample of weight 3 counts as three.

        A class whose samples all have the weight 0 is one of `classes_` too.
        """
        given = y
        X, y, weights = self._checked(X, y, sample_weight)
        check_classification_targets(y)
        self.classes_: Any = np.unique(np.asarray(given))
        numbered, n = np.searchsorted(self.classes_, y), len(self.classes_)
        if len(np.unique(y)) < 2:
            raise ValueError("a classifier needs two classes at least, and y has one class only")
        outputs, loss = (1, bce_with_logits) if n == 2 else (n, cross_entropy)
        self._train(X, numbered, weights, outputs, loss)
        return self

    def predict_proba(self, X: Any) -> Any:
        """For each sample a row with the probability of each class, in the order of `classes_`."""
        outputs = self._outputs(X)
        if len(self.classes_) == 2:
            return np.stack([sigmoid(-outputs), sigmoid(outputs)], axis=1)
        return softmax(outputs, axis=1)

    def predict(self, X: Any) -> Any:
        """The most probable class of each sample."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class MLPRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A multi-layer perceptron that predicts a number, or a row of numbers.

    The parameters are those of `MLPClassifier`; with `standardize` the targets are standardised
    too. Fitted: `model_`, `history_`, `n_iter_`.
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learn from samples and their targets; a sample of weight 3 counts as three."""
        X, y, weights = self._checked(X, y, sample_weight, multi_output=True, y_numeric=True)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        self._single = y.ndim == 1
        targets = y.reshape(len(y), -1).astype(float)
        if self.standardize:
            self._centres, self._spreads = _moments(targets, weights)
            targets = np.array(standardize(targets, self._centres, self._spreads)[0])
        outputs = targets.shape[1]
        self._train(X, targets[:, 0] if outputs == 1 else targets, weights, outputs, mse)
        return self

    def predict(self, X: Any) -> Any:
        """The number, or the row of numbers, for each sample."""
        outputs = self._outputs(X)
        rows = outputs.reshape(len(outputs), -1)
        if self.standardize:
            rows = rows * self._spreads + self._centres
        return rows[:, 0] if self._single else rows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
