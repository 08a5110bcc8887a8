"""The types of a user's program, for mypy and pyright: `assert_type` fails if one sees another."""

import operator
from typing import Any, assert_type

import numpy as np

import autograd
from autograd import Tensor, Value, atan2, clip, exp, gradients, logaddexp, maximum, sigmoid

v, w = Value(2.0, label="v"), Value(3)
assert_type((v * 3).exp(), Value)
assert_type((v * 3).exp().data, float)
assert_type(-((2 - v) ** 2) / w + abs(v) // 2 % w, Value)
assert_type(v.tanh().maximum(w).hypot(1.0), Value)
assert_type(v.leaky_relu().clip(0.0, 1.0).round(2), Value)
assert_type(v < w, bool)
assert_type(v == 2.0, bool)
assert_type(v.grad, float)
assert_type(v * np.ones(3), Any)  # an array of Values
assert_type(exp(v), Value)
assert_type(exp(2), float)
assert_type(maximum(v, 0.0), Value)
assert_type(sigmoid(v), Value)
assert_type(logaddexp(v, w), Value)
assert_type(clip(v, 0.0, 1.0), Value)
assert_type(atan2(1.0, v), Value)
assert_type(atan2(1, 2.0), float)
assert_type(gradients(v, [w]), list[Any])
sum([v, w])
v.backward()
with autograd.no_grad():
    v.data -= 0.1 * v.grad

t = Tensor(np.ones((2, 2)))
assert_type((t @ t + 1.0).exp().sum(axis=0), Tensor)
assert_type(t.T.reshape(-1)[0] * np.ones(2), Tensor)
assert_type(exp(t), Tensor)
assert_type(t.softmax(), Tensor)
print(t.shape, (t > 0).any(), operator.add(t, 1))
