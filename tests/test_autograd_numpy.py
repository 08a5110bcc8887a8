"""`autograd.numpy`, the name under which code written for HIPS autograd imports NumPy."""

from __future__ import annotations

import importlib

import autograd.numpy.random as npr
import numpy
import pytest
from autograd.numpy.linalg import norm

import autograd.numpy as np
from autograd import Tensor, Value, grad, jacobian


def test_every_name_but_array_is_numpys_own():
    assert all(getattr(np, name) is getattr(numpy, name) for name in set(np.__all__) - {"array"})
    assert npr is numpy.random
    assert norm is numpy.linalg.norm
    assert importlib.import_module("autograd.numpy.fft") is numpy.fft
    with pytest.raises(AttributeError, match="numpy"):
        np.make_diagonal  # noqa: B018


def test_array_joins_what_tensors_hold_and_is_numpys_else():
    def rows(x):
        return np.array([x[0] * x[1], np.sin(x[0]), 1.0])

    x = np.array([0.5, 2.0])
    assert jacobian(rows)(x) == pytest.approx(np.array([[2.0, 0.5], [np.cos(0.5), 0.0], [0, 0]]))
    assert grad(lambda x: np.array([[x, x * 2.0], [x, 0.0]]).sum())(np.array(3.0)) == 4.0
    t = Tensor([1.0])
    assert np.array(t) is not t
    assert np.array([True, False]).dtype == bool
    assert np.array([1, 2], dtype="float32").dtype == numpy.float32
    assert np.array([Value(1.0), 2.0]).dtype == object


def test_a_logistic_regression_as_it_is_written_for_hips_autograd_runs_unchanged():
    inputs = np.array([[0.52, 1.12, 0.77], [0.88, -1.08, 0.15], [0.52, 0.06, -1.30], [0.74, -2, 1]])
    targets = np.array([True, True, False, True])

    def predictions(w):
        return 0.5 * (np.tanh(np.dot(inputs, w) / 2.0) + 1)

    def loss(w):
        p = predictions(w)
        return -np.sum(np.log(p * targets + (1 - p) * (1 - targets)))

    w = np.array([0.1, -0.2, 0.3])
    exact = (predictions(w) - targets) @ inputs
    assert grad(loss)(w) == pytest.approx(exact, rel=1e-12)
