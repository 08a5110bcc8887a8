"""Models for others: the same numbers in ONNX Runtime and in PyTorch.

Most is not part of the ordinary run: `python -m pytest -m peers tests/test_nn_export.py`, with onnx
and onnxruntime, or with torch.
"""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import nn
from autograd import no_grad

RNG = np.random.default_rng(0)
X = RNG.normal(size=(7, 3)) * 4
PICTURES = RNG.normal(size=(5, 2, 7, 6))
TOLERANCE = {"float64": 1e-12, "float32": 1e-6}
BENDS = [name for name in nn.ACTIVATIONS if name != "softmax"]


def convolutional(dtype):
    return nn.Sequential(
        nn.Conv2d(2, 3, (3, 2), "tanh", stride=(1, 2), padding=(1, 0), seed=1, dtype=dtype),
        nn.MaxPool2d(2, stride=(2, 1)),
        nn.Flatten(),
        nn.MLP(18, [4, 3], "elu", "softmax", seed=2, backend="tensor", dtype=dtype),
    )


def reading(dtype):
    return nn.Sequential(
        nn.Embedding(6, 4, seed=1, dtype=dtype),
        nn.Layer(4, 5, "silu", seed=2, backend="tensor", dtype=dtype),
    )


def cases(dtype):
    """Models with something to call them on."""
    on_tensors = {"backend": "tensor", "dtype": dtype}
    for bend in BENDS:
        yield f"MLP {bend}", nn.MLP(3, [5, 4, 2], bend, seed=3, **on_tensors), X
    yield "one output", nn.MLP(3, [4, 1], "tanh", "sigmoid", seed=3, **on_tensors), X
    yield "softmax", nn.Layer(3, 4, "softmax", seed=3, **on_tensors), X
    yield "neuron", nn.Neuron(3, "sigmoid", seed=3, **on_tensors), X
    yield "words", reading(dtype), RNG.integers(0, 6, (5, 3))
    yield "convolutional", convolutional(dtype), PICTURES
    if dtype == "float64":
        yield "Values", nn.MLP(3, [4, 2], "silu", seed=3), X
        yield "Value neuron", nn.Neuron(3, "tanh", seed=3), X
        unit = nn.Perceptron(3).fit(X.tolist(), [0, 1, 1, 0, 1, 0, 1], epochs=3)
        yield "perceptron", unit, X


CASES = [(dtype, *case) for dtype in TOLERANCE for case in cases(dtype)]
parametrize = pytest.mark.parametrize(
    ("dtype", "name", "model", "x"), CASES, ids=[f"{case[1]} {case[0]}" for case in CASES]
)


def ours(model: Any, x: Any) -> Any:
    with no_grad():
        if type(model.parameters()[0]).__name__ == "Tensor":
            return model(x).data
        return nn.data.outputs_of(model, x.tolist())


def inputs(x: Any, dtype: str) -> Any:
    return x if x.dtype.kind == "i" else x.astype(dtype)


@pytest.mark.peers
@parametrize
def test_onnx_runtime_gives_the_same_numbers(dtype, name, model, x, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    path = tmp_path / "m.onnx"
    nn.export_onnx(model, path, x.shape[1:] if name == "convolutional" else None)
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"input": inputs(x, dtype)})
    one = session.run(None, {"input": inputs(x[:1], dtype)})[0]  # a batch of another length
    assert one == pytest.approx(found[:1], rel=1e-5)
    expected = np.array(ours(model, x))
    assert found.dtype == expected.dtype == dtype
    assert found.shape == expected.shape
    tolerance = TOLERANCE[dtype]
    assert found == pytest.approx(
        expected, rel=tolerance, abs=tolerance * max(1.0, float(abs(found).max()))
    )


@pytest.mark.peers
@parametrize
def test_pytorch_gives_the_same_numbers_and_can_go_on_learning(dtype, name, model, x):
    torch = pytest.importorskip("torch")
    theirs = nn.to_torch(model)
    outputs = theirs(torch.from_numpy(inputs(x, dtype)))
    expected = np.array(ours(model, x))
    assert tuple(outputs.shape) == expected.shape
    found = outputs.detach().numpy()
    assert found.dtype == dtype
    tolerance = TOLERANCE[dtype]
    assert found == pytest.approx(
        expected, rel=tolerance, abs=tolerance * max(1.0, float(abs(found).max()))
    )
    again = ours(nn.from_torch(theirs), inputs(x, dtype))
    assert (again.dtype, again.shape) == (dtype, expected.shape)
    assert again == pytest.approx(found, rel=10 * tolerance, abs=10 * tolerance)
    before = np.array(ours(model, x))
    outputs.sum().backward()
    for p in theirs.parameters():
        assert p.grad is not None
        p.data += 1.0  # their weights are copies
    assert (np.array(ours(model, x)) == before).all()


@pytest.mark.peers
def test_what_the_first_layer_does_not_know_is_told(tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    model = nn.Sequential(nn.Flatten(), nn.MLP(6, [2], backend="tensor"))
    for first in (model, convolutional("float32")):
        with pytest.raises(ValueError, match=r"give that of one sample, as shape=\(8, 8\)"):
            nn.export_onnx(first, tmp_path / "m.onnx")
    with pytest.raises(ValueError, match="no weights"):
        nn.export_onnx(nn.Sequential(nn.Flatten()), tmp_path / "m.onnx", (2,))
    assert os.listdir(tmp_path) == []
    words = reading("float32")
    for made, shape, x in ((model, (2, 3), X[:6].reshape(3, 2, 3)), (words, (), np.array([1, 5]))):
        nn.export_onnx(made, tmp_path / "m.onnx", shape)
        session = runtime.InferenceSession(str(tmp_path / "m.onnx"))
        assert list(session.get_inputs()[0].shape) == ["batch", *shape]
        assert session.run(None, {"input": x})[0] == pytest.approx(ours(made, x), rel=1e-6)


@pytest.mark.peers
def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    path = tmp_path / "m.onnx"
    path.write_bytes(b"old")

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        nn.export_onnx(nn.Neuron(1), path)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["m.onnx"])


def test_a_missing_library_says_what_to_install(monkeypatch, tmp_path):
    for name, call in (
        ("onnx", lambda: nn.export_onnx(nn.Neuron(1), tmp_path / "m.onnx")),
        ("torch", lambda: nn.to_torch(nn.Neuron(1))),
    ):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError, match=f"needs {name}: python -m pip install {name}"):
            call()
    assert os.listdir(tmp_path) == []


def test_a_module_of_ones_own_is_not_written_down():
    class Mine(nn.Module):
        pass

    class Other(nn.Layer):
        """A layer whose meaning may be another."""

    torch = SimpleNamespace(nn=SimpleNamespace(Flatten=object))
    for model in (Mine(), nn.Sequential(nn.Flatten(), Mine()), Other(1, 1)):
        with pytest.raises(TypeError, match=r"computes in Python only.*MLP, Sequential, Layer"):
            nn.files.torch._converted(torch, model)
