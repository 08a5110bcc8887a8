"""Convolutions, pooling, embeddings and what chains them: their numbers, their files, bad input."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

import nn
from autograd import Tensor
from nn.files.safetensors_format import FileError

RNG = np.random.default_rng(0)
PICTURES = RNG.normal(size=(2, 3, 6, 5))


def by_hand(x, weight, bias, stride, padding):
    """Cross-correlation, place by place."""
    x = np.pad(x, ((0, 0), (0, 0), (padding[0],) * 2, (padding[1],) * 2))
    n_out, _, h, w = weight.shape
    rows, columns = (x.shape[2] - h) // stride[0] + 1, (x.shape[3] - w) // stride[1] + 1
    out = np.empty((len(x), n_out, rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride[0], j * stride[1]
            window = x[:, :, top : top + h, left : left + w]
            out[:, :, i, j] = np.einsum("bchw,ochw->bo", window, weight) + bias
    return out


@pytest.mark.parametrize(
    ("size", "stride", "padding"),
    [(3, 1, 0), ((2, 3), (2, 1), (1, 0)), (1, 2, 0), ([3, 3], 1, 1)],
)
def test_a_convolution_is_the_products_of_every_window(size, stride, padding):
    layer = nn.Conv2d(3, 4, size, stride=stride, padding=padding, seed=1)
    layer.bias.data += RNG.normal(size=4)
    found = layer(PICTURES)
    expected = by_hand(PICTURES, layer.weight.data, layer.bias.data, layer.stride, layer.padding)
    assert found.data == pytest.approx(expected, rel=1e-12, abs=1e-12)


def small(**settings):
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, "tanh", seed=1, **settings),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Layer(4, 3, seed=2, backend="tensor", **settings),
    )


def test_the_gradients_of_a_convolutional_network_are_those_of_differences():
    model = small()

    def loss():
        return nn.losses.cross_entropy(model(PICTURES[:, :1]), [0, 2])

    loss().backward()
    for p in model.parameters():
        direction = RNG.normal(size=p.shape)
        slope, h = (p.grad * direction).sum(), 1e-4
        sides = []
        for step in (-h, 2 * h, 2 * h, -6 * h):  # to -h, h, 3h and -3h
            p.data += step * direction
            sides.append(loss().item())
        p.data += 3 * h * direction
        left, right, far_right, far_left = sides
        found = (27 * (right - left) - (far_right - far_left)) / (48 * h)  # of fourth order
        assert found == pytest.approx(slope, rel=1e-8, abs=1e-11)


def test_pooling_takes_the_largest_of_each_window():
    x = np.arange(16.0).reshape(1, 1, 4, 4)
    assert nn.MaxPool2d(2)(x).tolist() == [[[[5.0, 7.0], [13.0, 15.0]]]]
    assert nn.MaxPool2d((2, 1), stride=(2, 3))(Tensor(x)).data.tolist() == [[[[4, 7], [12, 15]]]]
    assert nn.Flatten()(x).shape == (1, 16)


def test_first_weights_of_a_convolution_have_the_variance_of_their_paper():
    relu = nn.Conv2d(10, 40, 3, "relu", seed=0)
    assert relu.weight.data.var() == pytest.approx(2 / 90, rel=0.1)
    tanh = nn.Conv2d(10, 40, 3, "tanh", seed=0)
    assert tanh.weight.data.var() == pytest.approx(2 / (90 + 360), rel=0.1)


def test_an_embedding_looks_up_rows_and_its_gradient_goes_to_them():
    table = nn.Embedding(4, 2, seed=0)
    words = np.array([[1, 3, 1], [0, 1, 1]])
    rows = table(words)
    assert rows.shape == (2, 3, 2)
    assert (rows.data == table.weight.data[words]).all()
    rows.sum().backward()
    assert table.weight.grad.tolist() == [[1, 1], [4, 4], [0, 0], [1, 1]]
    for same in (words.tolist(), words.astype(float), Tensor(words)):
        assert (table(same).data == rows.data).all()


def test_a_network_of_embeddings_is_trained_on_whole_numbers():
    """A word is followed by the next one; a table of rows, compared with all of them, learns it."""
    model = nn.Sequential(nn.Embedding(5, 8, seed=0), nn.Layer(8, 5, seed=1, backend="tensor"))
    words = np.array([0, 1, 2, 3, 4] * 4)
    settings = {"epochs": 60, "lr": 0.1, "seed": 0, "progress": False}
    nn.fit(model, words, (words + 1) % 5, "cross_entropy", **settings)
    assert model([0, 1, 2, 3, 4]).data.argmax(axis=1).tolist() == [1, 2, 3, 4, 0]
    sentences = np.array([[0, 1, 2], [3, 4, 0]])
    nn.fit(model, sentences, (sentences + 1) % 5, "cross_entropy", **settings)
    assert model(sentences).data.argmax(axis=2).tolist() == [[1, 2, 3], [4, 0, 1]]


@pytest.mark.slow
def test_a_convolutional_network_reads_handwritten_digits():
    datasets = pytest.importorskip("sklearn.datasets")
    images, digits = datasets.load_digits(return_X_y=True)
    images = (images / 16).reshape(-1, 1, 8, 8)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, "relu", padding=1, seed=0, dtype="float32"),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Layer(128, 10, seed=1, backend="tensor", dtype="float32"),
    )
    settings = {"epochs": 5, "lr": 0.01, "seed": 0, "progress": False}
    held_out = np.arange(len(digits)) % 5 == 0
    nn.fit(model, images[~held_out], digits[~held_out], "cross_entropy", **settings)
    right = model(images[held_out]).data.argmax(axis=1) == digits[held_out]
    assert right.mean() > 0.93
    assert {p.dtype for p in model.parameters()} == {np.dtype("float32")}


def test_a_chain_of_layers_is_a_network_on_either_backend():
    layers = [nn.Layer(2, 3, "tanh", seed=1), nn.Layer(3, 2, "softmax", seed=2)]
    chain = nn.Sequential(*layers)
    x = [0.5, -1.0]
    assert [p.data for p in chain(x)] == [p.data for p in layers[1](layers[0](x))]
    assert chain.to("tensor")(x).data == pytest.approx([p.data for p in chain(x)], rel=1e-14)
    assert [name for name, _ in chain.to("tensor").named_parameters()] == [
        "parts.0.weight", "parts.0.bias", "parts.1.weight", "parts.1.bias",
    ]  # fmt: skip


def test_repr_shows_the_windows_and_the_precision():
    assert repr(small(dtype="float32")).splitlines() == [
        "Sequential: 35 parameters",
        "  parts.0: Conv2d(1 → 2, 3×3, tanh, float32 tensors): 20 parameters",
        "  parts.1: MaxPool2d(2×2): 0 parameters",
        "  parts.2: Flatten: 0 parameters",
        "  parts.3: Layer(4 → 3, linear, float32 tensors): 15 parameters",
    ]
    assert repr(nn.Embedding(5, 2)) == "Embedding(5 → 2, float64 tensors): 10 parameters"


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        small,
        lambda: small(dtype="float32"),
        lambda: nn.Conv2d(2, 3, (1, 2), "elu", stride=(2, 1), padding=(0, 1), seed=1),
        lambda: nn.Embedding(5, 2, seed=1, dtype="float32"),
        lambda: nn.Sequential(nn.Sequential(nn.Embedding(5, 2, seed=1)), nn.MLP(2, [3, 1])),
        lambda: nn.Sequential(),
    ],
)
def test_a_chain_comes_back_from_a_file_with_every_bit(make, tmp_path):
    model = make()
    nn.save(model, tmp_path / "m.safetensors")
    loaded = nn.load(tmp_path / "m.safetensors")
    assert repr(loaded) == repr(model)
    state = model.state_dict()
    assert list(loaded.state_dict()) == list(state)
    for name, block in loaded.state_dict().items():
        assert np.array_equal(block, state[name])
    for a, b in zip(loaded.modules(), model.modules(), strict=True):
        assert getattr(a, "settings", None) == getattr(b, "settings", None)


def rewritten(raw, change):
    """A file with another structure."""
    length = struct.unpack("<Q", raw[:8])[0]
    header, body = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    structure = json.loads(header["__metadata__"]["structure"])
    header["__metadata__"]["structure"] = json.dumps(change(structure) or structure)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def deep(structure, levels):
    for _ in range(levels):
        structure = {"module": "Sequential", "parts": [structure]}
    return structure


def part(i, **changes):
    return lambda s: s["parts"][i].update(changes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (part(0, module="os.system"), "no module 'os.system' here"),
        (part(0, module="Mine"), "none is imported because a file says so"),
        (part(0, widths=[1, 2, 3]), "too few or too many for Conv2d"),
        (part(0, widths=[1, 2, 3, 10**9]), "parameters, but the file has 35"),
        (part(0, settings={"stride": 1}), "no stride 1 here"),
        (part(0, settings={"stride": [1, -1]}), "no stride"),
        (part(0, settings={"stride": [0, 1]}), "stride is 0"),
        (part(0, settings={"dtype": "object"}), "no dtype 'object' here"),
        (part(0, settings={"seed": 1}), "the settings of its Conv2d"),
        (part(3, settings={"backend": "__import__"}), "no backend '__import__' here"),
        (part(1, settings={}), "MaxPool2d"),
        (lambda s: {"module": "Sequential", "parts": 3}, "no module 'Sequential' here"),
        (lambda s: {"module": "Sequential", "parts": ["x"]}, "no module None here"),
        (lambda s: deep(s, 400), "m.safetensors"),
    ],
)
def test_a_structure_that_is_not_right_is_an_error_that_builds_nothing(change, message, tmp_path):
    path = tmp_path / "m.safetensors"
    nn.save(small(), path)
    path.write_bytes(rewritten(path.read_bytes(), change))
    with pytest.raises(FileError, match=message):
        nn.load(path)


# ---- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.Conv2d(0, 1, 3), ValueError, "the number of inputs is 0"),
        (lambda: nn.Conv2d(1, 1, (3, 3, 3)), ValueError, "one whole number, or two for height"),
        (lambda: nn.Conv2d(1, 1, 3, stride=0), ValueError, "the stride is 0"),
        (lambda: nn.Conv2d(1, 1, 2.5), TypeError, "whole number"),
        (lambda: nn.Conv2d(1, 1, 3, "softmax"), ValueError, "it is not for a convolution"),
        (lambda: nn.Conv2d(1, 1, 3, "rellu"), ValueError, "did you mean 'relu'"),
        (lambda: nn.Conv2d(1, 1, 3)(PICTURES), ValueError, r"\(2, 3, 6, 5\) and \(1, 1, 3, 3\)"),
        (lambda: nn.Conv2d(3, 1, 7)(PICTURES), ValueError, "larger than the array"),
        (lambda: nn.Conv2d(3, 1, 3)("picture"), TypeError, "takes an array or a Tensor"),
        (lambda: nn.Conv2d(3, 1, 3).to("value"), TypeError, "it holds Tensors, no Values"),
        (lambda: nn.Embedding(3, 2).to("value"), TypeError, "it holds Tensors, no Values"),
        (lambda: nn.Embedding(3, 0), ValueError, "the width of a row is 0"),
        (lambda: nn.Embedding(3, 2)([0, 3]), ValueError, r"whole numbers 0 to 2, and not \[0, 3\]"),
        (lambda: nn.Embedding(3, 2)([-1]), ValueError, "whole numbers 0 to 2"),
        (lambda: nn.Embedding(3, 2)([0.5]), ValueError, "whole numbers 0 to 2"),
        (lambda: nn.Embedding(3, 2)(["a"]), ValueError, "whole numbers 0 to 2"),
        (lambda: nn.Sequential(nn.Flatten), TypeError, "the parts of a Sequential are modules"),
    ],
)
def test_what_makes_no_network_is_refused_with_a_reason(call, error, message):
    with pytest.raises(error, match=message):
        call()
