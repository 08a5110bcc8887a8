"""Files and pickles that an earlier version wrote, when modules stood elsewhere, are read."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value

STORED = {
    name: base64.b64decode(text)
    for name, text in json.loads(Path(__file__).with_name("earlier.json").read_text()).items()
}


def test_a_graph_of_values():
    x, y = pickle.loads(STORED["value"])
    assert (type(x), x.label, x.grad) == (Value, "x", pytest.approx(4.0 + np.cos(2.0)))
    (slope,) = autograd.gradients(y, [x])
    assert slope == pytest.approx(4.0 + np.cos(2.0))


def test_a_graph_of_tensors():
    t, u = pickle.loads(STORED["tensor"])
    assert (type(t), t.label, u.item()) == (Tensor, "t", 5.0)
    (slope,) = autograd.gradients(u, [t])
    assert slope.tolist() == [2.0, 4.0]


def test_a_row_of_the_table():
    assert pickle.loads(STORED["rule"]) is autograd.core.rules.RULES["relu"]


@pytest.mark.parametrize("name", ["mlp", "mlp_tensor", "conv", "adam", "history", "estimator"])
def test_what_trains(name):
    kinds = {
        "mlp": nn.MLP, "mlp_tensor": nn.MLP, "conv": nn.Sequential, "adam": nn.optim.Adam,
        "history": nn.History, "estimator": nn.MLPClassifier,
    }  # fmt: skip
    assert type(pickle.loads(STORED[name])) is kinds[name]


def test_a_model_and_a_replay(tmp_path):
    for name in ("model.safetensors", "replay"):
        (tmp_path / name).write_bytes(STORED[name])
    model = nn.load(tmp_path / "model.safetensors")
    assert [p.data for p in model.parameters()] == [
        p.data for p in pickle.loads(STORED["mlp"]).parameters()
    ]
    with pytest.raises(ValueError, match=r"of version 1 of the format.* record the function again"):
        autograd.Replay.load(tmp_path / "replay")
