"""Where a model, its parts, its data and its losses meet: the numbers are those of the formulas."""

from __future__ import annotations

import copy
import pickle
import warnings

import numpy as np
import pytest

import autograd
import nn
from autograd import Tensor, Value, no_grad, softmax

rng = np.random.default_rng(0)
X = 3 * rng.normal(size=(30, 2))
CLASSES = rng.integers(0, 3, 30)


def given(backend, x):
    return x if backend == "tensor" else x.tolist()


def still(model):
    return nn.optim.SGD(model.parameters(), lr=0.0)


# ---- the loss of a softmax or a sigmoid is the same wherever it is computed ----------------------


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("size", [None, 7])
@pytest.mark.parametrize("replayed", [None, False])
@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_all_losses_of_a_training_that_does_not_move_are_one_number(backend, replayed, size, own):
    model = nn.MLP(2, [8, 3], "tanh", "softmax", seed=0, backend=backend)
    x, y = given(backend, X), given(backend, CLASSES)
    loss = (lambda o, t: nn.losses.cross_entropy(o, t)) if own else "cross_entropy"
    history = nn.fit(
        model, x, y, loss, optimizer=still(model), epochs=2, batch_size=size, progress=False,
        validation=(x, y), metrics=["cross_entropy"], compile=replayed,
    ).history  # fmt: skip
    p = np.array([[number(v) for v in model(row)] for row in x]) if backend == "value" else None
    p = model(X).data if p is None else p
    right = -np.log(p[np.arange(30), CLASSES]).mean()
    for name, found in history.items():
        assert found == pytest.approx([right] * 2, rel=1e-12), name


def number(v):
    return v.data


@pytest.mark.parametrize("size", [None, 1])
@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_a_sigmoid_that_has_saturated_has_one_loss_too(backend, own, size):
    model = nn.MLP(1, [1], output="sigmoid", seed=0, backend=backend)
    for p in model.parameters():
        p.data = p.data * 0 + 20.0
    x, y = given(backend, np.ones((2, 1))), given(backend, np.zeros(2, int))
    loss = (lambda o, t: nn.losses.bce(o, t)) if own else "bce"
    history = nn.fit(
        model, x, y, loss, optimizer=still(model), epochs=1, batch_size=size, progress=False,
        validation=(x, y), metrics=["bce"],
    ).history  # fmt: skip
    for name, found in history.items():
        assert found == [40.0], name


def test_patience_keeps_what_was_learnt_by_a_softmax():
    y = (X[:, 0] > 0) * 1 + (X[:, 1] > 0) * 1
    for compile in (None, False):
        model = nn.MLP(2, [8, 3], "tanh", "softmax", seed=1)
        for p in model.parameters():
            p.data = p.data * 2
        history = nn.fit(
            model, X.tolist(), y.tolist(), "cross_entropy", lr=0.02, epochs=60, batch_size=None,
            progress=False, patience=3, seed=0, compile=compile,
        )  # fmt: skip
        assert (history.stopped, history.best_epoch) == ("finished", 60)
        assert history.loss[-1] < 0.2


def test_under_no_grad_a_softmax_that_is_not_known_is_warned_of():
    rows = Tensor([[1.0, 2.0, 3.0]]), [[Value(1.0), Value(2.0), Value(3.0)]]
    with no_grad():
        for row in rows:
            out = softmax(row) if isinstance(row, Tensor) else [softmax(row[0])]
            with pytest.warns(UserWarning, match="under no_grad it does not know") as said:
                nn.losses.cross_entropy(out, [0])
            assert said[0].filename == __file__
            nn.losses.cross_entropy(row, [0])  # logits
    nn.losses.cross_entropy([[0.1, 0.2, 0.7]], [0])


def test_a_part_of_a_softmax_or_one_along_another_axis_is_no_softmax():
    z = [0.1, 1.0, -0.5, 2.0]
    of_values, of_tensor = softmax([Value(a) for a in z]), softmax(Tensor([z]))
    cross_entropy = nn.losses.cross_entropy

    def of_logits(row, k):
        return np.log(np.exp(row).sum()) - row[k]

    p = [v.data for v in of_values]
    assert number(cross_entropy([of_values], [3])) == pytest.approx(of_logits(np.array(z), 3))
    for part in (slice(3), slice(1, None), slice(0, 4, 2)):
        right = of_logits(np.array(p[part]), 0)
        assert number(cross_entropy([of_values[part]], [0])) == pytest.approx(right)
        assert number(cross_entropy(of_tensor[:, part], [0])) == pytest.approx(right)
    beside = softmax([Value(0.1), 0, 1.5])  # plain numbers among the logits
    assert number(cross_entropy([beside], [1])) == pytest.approx(
        of_logits(np.array([0.1, 0, 1.5]), 1)
    )
    other = softmax([Value(a) for a in z])
    mixed = [*of_values[:2], *other[2:]]
    assert number(cross_entropy([mixed], [0])) == pytest.approx(of_logits(np.array(p), 0))
    backwards = number(cross_entropy([of_values[::-1]], [0]))
    assert backwards == pytest.approx(of_logits(np.array(z[::-1]), 0))
    a = np.add([[0.0, 1, 2], [2, 0, 1], [1, 2, 0]], [0, 5, -3])  # its columns' rows add up to 1
    columns = softmax(Tensor(a), axis=0)
    right = np.mean([of_logits(row, k) for k, row in enumerate(columns.data)])
    assert number(cross_entropy(columns, [0, 1, 2])) == pytest.approx(right)


# ---- what is assigned to a layer is what it computes with ----------------------------------------


def test_a_layer_computes_with_what_is_assigned_to_it():
    layer = nn.Layer(2, 2, seed=0)
    layer.bias = [Value(5.0), Value(6.0)]
    assert [v.data for v in layer([0.0, 0.0])] == [5.0, 6.0]
    assert layer.state_dict()["bias"] == [5.0, 6.0]
    layer.weight = [[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]]
    layer.bias[0] = Value(9.0)
    assert len(layer.parameters()) == 6
    assert [*layer.state_dict()] == ["weight", "bias"]
    assert [v.data for v in layer([1.0, 1.0])] == [12.0, 13.0]
    assert layer.to("tensor")(np.array([1.0, 1.0])).data.tolist() == [12.0, 13.0]
    layer.activation = "relu"
    assert [v.data for v in layer([-9.0, -9.0])] == [0.0, 0.0]
    assert [v.data for v in pickle.loads(pickle.dumps(layer))([1.0, 1.0])] == [12.0, 13.0]
    assert [v.data for v in copy.deepcopy(layer)([-9.0, -9.0])] == [0.0, 0.0]
    layer.weight = [*layer.weight, [Value(1.0), Value(1.0)]]
    with pytest.raises(ValueError, match="weight of this Layer has 3 rows, and its bias 2"):
        layer([1.0, 1.0])
    layer.bias = [*layer.bias, Value(0.0)]
    assert len(layer([1.0, 1.0])) == len(layer.neurons) == 3


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_units_follow_their_activation(backend):
    neuron = nn.Neuron(2, seed=0, backend=backend)
    layer = nn.Layer(2, 2, seed=0, backend=backend)
    x = [[0.5, -1.0]] if backend == "tensor" else [0.5, -1.0]
    x = np.array(x) if backend == "tensor" else x
    for unit in (neuron, layer):
        before = autograd.trees.leaves(unit(x))
        unit.activation = "tanh"
        after = autograd.trees.leaves(unit(x))
        for a, b in zip(before, after, strict=True):
            assert np.tanh(a.data) == pytest.approx(b.data)


def test_tied_weights_are_those_of_both_backends():
    model = nn.MLP(2, [2, 2], "tanh", seed=0)
    model.layers[1].weight = model.layers[0].weight
    assert len(model.parameters()) == 8
    other = model.to("tensor")(np.array([0.5, -1.0])).data
    assert [v.data for v in model([0.5, -1.0])] == pytest.approx(other.tolist())


# ---- files ---------------------------------------------------------------------------------------


def test_a_file_has_the_structure_of_the_model_or_says_that_it_has_none(tmp_path):
    path = tmp_path / "m.safetensors"
    layer = nn.Layer(2, 2, seed=0)
    layer.activation = "relu"
    nn.save(layer, path)
    assert [v.data for v in nn.load(path)([-9.0, -9.0])] == [v.data for v in layer([-9.0, -9.0])]
    exchanged = nn.MLP(2, [3, 1], "relu", seed=0)
    exchanged.layers[-1] = nn.Layer(3, 1, "sigmoid", seed=1)
    longer = nn.MLP(2, [3, 1], "relu", seed=0)
    longer.layers.append(nn.Layer(1, 1, seed=1))
    shared = nn.Sequential(layer, layer)
    for model in (exchanged, longer, shared):
        with pytest.warns(UserWarning, match="is not what its arguments would build"):
            nn.save(model, path)
        with pytest.raises(ValueError, match="build the model yourself"):
            nn.load(path)
        twin = copy.deepcopy(model)
        for p in twin.parameters():
            p.data = 0.0
        nn.load(path, twin)
        same = zip(model.parameters(), twin.parameters(), strict=True)
        assert all(a.data == b.data for a, b in same)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nn.save(nn.Sequential(nn.Layer(2, 2), nn.MLP(2, [1])), path)
    nn.load(path)


# ---- data ----------------------------------------------------------------------------------------


def test_a_model_of_float32_standardises_numbers_with_all_of_their_digits():
    x, y = 1.7e9 + np.arange(64.0)[:, None], (np.arange(64) - 32) / 64  # seconds
    scaled = nn.Standardize([x.mean()], [x.std()])
    net = nn.MLP(1, [8, 1], "tanh", seed=0, backend="tensor", dtype="float32")
    model = nn.Sequential(scaled, net)
    for compile in (None, False):
        history = nn.fit(
            model, x, y, optimizer=still(model), epochs=1, batch_size=None, progress=False,
            compile=compile,
        )  # fmt: skip
        assert history.loss[0] == pytest.approx(float(nn.losses.mse(model(x), y).data), rel=1e-6)
    assert {p.dtype.name for p in model.parameters()} == {"float32"}


def test_a_class_of_samples_without_weight_is_a_class():
    pytest.importorskip("sklearn")
    y = np.arange(30) % 3
    model = nn.MLPClassifier(epochs=2, random_state=0).fit(X, y, sample_weight=(y != 1) * 1.0)
    assert model.classes_.tolist() == [0, 1, 2]
    assert model.predict_proba(X).shape == (30, 3)


# ---- tables --------------------------------------------------------------------------------------


def table(path, rows):
    path.write_text("\n".join(["a,k,y", *rows]) + "\n")
    return str(path)


def run(capsys, *words):
    from autograd.commands.main import main

    code = main(["train", *words, "--target", "y", "--epochs", "2"])
    return code, "".join(capsys.readouterr())


def test_a_missing_number_is_missing_however_it_is_written(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written = ["-999", "-999.0", "-999.00", "\u2212999", "-9.99e2"]
    rows = [f"{i / 7:.3f},{written[i % 5] if i % 3 == 0 else i},{i % 2}" for i in range(60)]
    code, said = run(capsys, table(tmp_path / "t.csv", rows), "--missing=-999")
    assert code == 0
    assert "filled 20 missing cells" in said


@pytest.mark.parametrize("k", [2**60 + 1, 10**17 + 1, -(2**53) - 1])
def test_a_whole_number_that_no_float_is_is_refused(tmp_path, capsys, monkeypatch, k):
    monkeypatch.chdir(tmp_path)
    rows = [f"{i / 7:.3f},{k if i == 5 else i},{i % 2}" for i in range(60)]
    code, said = run(capsys, table(tmp_path / "t.csv", rows))
    assert code != 0
    assert f"line 7, column 'k': '{k}' is a whole number of more digits than a float holds" in said
    code, said = run(capsys, table(tmp_path / "t.csv", rows), "--ignore", "k")
    assert code == 0
    rows = [f"{i / 7:.3f},{2**60 + 1024 * i},{i % 2}" for i in range(60)]
    assert run(capsys, table(tmp_path / "t.csv", rows))[0] == 0
