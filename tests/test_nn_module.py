"""Modules, neurons, layers, networks, the perceptron, first weights, data."""

from __future__ import annotations

import ast
import copy
import math
import pickle
import statistics
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

import nn
from autograd import Value, no_grad
from autograd.support.scopes import scopes

BITS = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]
XOR = [0, 1, 1, 0]


class Bump(nn.Module):
    """A user's own module: attributes and `__call__`, nothing registered."""

    def __init__(self) -> None:
        self.centre = Value(1.0)
        self.parts = {"left": nn.Neuron(2, "tanh", seed=1), "right": [nn.Layer(2, 2, seed=2)]}
        self.shared = self.centre
        self.rate = 0.5
        self.words = ["a", "b"]

    def __call__(self, x: Any) -> Any:
        left, (right,) = self.parts["left"], self.parts["right"]
        return left(right(x)) * self.centre


def test_a_module_finds_the_leaves_in_attributes_lists_dicts_and_modules_each_once():
    names = [name for name, _ in Bump().named_parameters()]
    assert names == [
        "centre",
        "parts.left.weight.0", "parts.left.weight.1", "parts.left.bias",
        "parts.right.0.weight.0.0", "parts.right.0.weight.0.1",
        "parts.right.0.weight.1.0", "parts.right.0.weight.1.1",
        "parts.right.0.bias.0", "parts.right.0.bias.1",
    ]  # fmt: skip
    assert len(Bump().parameters()) == len({id(p) for p in Bump().parameters()}) == 10


def test_a_result_kept_in_an_attribute_is_no_parameter():
    bump = Bump()
    bump.last = bump([1.0, 2.0])
    assert len(bump.parameters()) == 10


def test_a_module_that_holds_itself_ends():
    bump = Bump()
    bump.me = bump
    bump.words.append(bump)
    assert len(bump.parameters()) == 10
    assert len(repr(nn.MLP(1, [1])).splitlines()) == 3


def test_calls_open_scopes_by_layer_and_neuron():
    model = nn.MLP(2, [2, 1], "tanh", seed=0)
    found = scopes(model([1.0, -1.0]))
    neurons = ["neuron 1.1", "neuron 1.2", "neuron 2.1"]
    assert sorted({name for name, _, _ in found}) == ["MLP", "layer 1", "layer 2", *neurons]
    first, last = next((a, b) for name, a, b in found if name == "layer 1")
    inside = [name for name, a, b in found if first <= a and b <= last]
    assert sorted(inside) == ["layer 1", "neuron 1.1", "neuron 1.2"]


def test_a_users_module_opens_a_scope_of_its_class_name():
    assert "Bump" in [name for name, _, _ in scopes(Bump()([1.0, 2.0]))]


def test_a_module_without_a_call_says_so():
    class Nothing(nn.Module):
        pass

    with pytest.raises(TypeError, match="Nothing has no __call__ yet"):
        Nothing()(1.0)


def test_repr_shows_the_structure_and_counts_parameters():
    assert repr(nn.MLP(2, [16, 16, 1], output="sigmoid")).splitlines() == [
        "MLP(2 → 16 → 16 → 1, relu, sigmoid): 337 parameters",
        "  layers.0: Layer(2 → 16, relu): 48 parameters",
        "    neurons.0 ... neurons.15, each: Neuron(2 → 1, relu): 3 parameters",
        "  layers.1: Layer(16 → 16, relu): 272 parameters",
        "    neurons.0 ... neurons.15, each: Neuron(16 → 1, relu): 17 parameters",
        "  layers.2: Layer(16 → 1, sigmoid): 17 parameters",
        "    neurons.0: Neuron(16 → 1, sigmoid): 17 parameters",
    ]
    assert repr(Bump()).startswith("Bump: 10 parameters\n  parts.left: Neuron(2 → 1, tanh)")


def test_a_neuron_is_the_activation_of_the_sum_of_products():
    neuron = nn.Neuron(2, "tanh")
    neuron.weight[0].data, neuron.weight[1].data, neuron.bias.data = -3.0, 1.0, 6.8813735870195432
    x1, x2 = Value(2.0), Value(0.0)
    out = neuron([x1, x2])
    out.backward()
    assert out.data == pytest.approx(math.sqrt(0.5), rel=1e-14)  # sinh of 0.88137... is 1
    assert [x1.grad, x2.grad] == pytest.approx([-1.5, 0.5])  # sech^2 is 1/2 there
    assert [w.grad for w in neuron.weight] == pytest.approx([1.0, 0.0])
    assert neuron.bias.grad == pytest.approx(0.5)


def test_one_output_is_a_value_and_several_are_a_list():
    assert isinstance(nn.MLP(2, [3, 1])([1.0, 2.0]), Value)
    outputs = nn.MLP(2, [3, 2], output="softmax")([1.0, 2.0])
    assert len(outputs) == 2
    assert outputs[0].data + outputs[1].data == pytest.approx(1.0)


def test_the_gradient_of_a_network_is_that_of_its_formula():
    model = nn.MLP(2, [2, 1], "tanh", seed=4)
    (w1, w2), (u,) = (layer.weight for layer in model.layers)
    x = [0.3, -0.7]
    model(x).backward()
    hidden = [math.tanh(sum(w.data * xi for w, xi in zip(row, x, strict=True))) for row in (w1, w2)]
    for row, v, h in zip((w1, w2), u, hidden, strict=True):
        assert v.grad == pytest.approx(h, rel=1e-14)
        for w, xi in zip(row, x, strict=True):
            assert w.grad == pytest.approx(v.data * (1 - h * h) * xi, rel=1e-13)


@pytest.mark.parametrize("name", [a for a in nn.ACTIVATIONS if a != "softmax"])
def test_a_neuron_bends_by_the_activation_of_its_name(name):
    neuron = nn.Neuron(1, name, seed=3)
    for x in (-2.0, 0.0, 1.5):
        expected = nn.ACTIVATIONS[name](neuron.weight[0].data * x)
        assert neuron([x]).data == pytest.approx(expected, abs=1e-15)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    def weights(seed: int) -> dict[str, Any]:
        return nn.MLP(2, [3, 1], seed=seed).state_dict()

    assert weights(1) == weights(1) != weights(2)


def test_a_copy_and_a_pickle_of_a_model_answer_the_same():
    model = nn.MLP(2, [3, 2], "elu", "softmax", seed=1)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert [p.data for p in twin([1.0, 2.0])] == [p.data for p in model([1.0, 2.0])]
        assert not {*map(id, twin.parameters())} & {*map(id, model.parameters())}
        assert twin.layers[0].neurons[0].weight[0] is twin.layers[0].weight[0][0]


def test_state_dict_has_weights_in_rows_and_load_state_dict_takes_them_back():
    model, other = nn.MLP(2, [3, 1], seed=1), nn.MLP(2, [3, 1], seed=2)
    state = model.state_dict()
    assert list(state) == ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias"]
    assert [len(row) for row in state["layers.0.weight"]] == [2, 2, 2]
    other.load_state_dict(state)
    assert other.state_dict() == state
    assert other([1.0, 2.0]).data == model([1.0, 2.0]).data


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("layers.0.bias"), "lacks 'layers.0.bias'"),
        (lambda s: s.update(extra=1.0), "unknown 'extra'"),
        (lambda s: s.update({"layers.1.bias": [1.0, 2.0]}), r"shape \(1,\) here, and \(2,\)"),
        (lambda s: s.update({"layers.1.bias": ["x"]}), "could not convert"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    model = nn.MLP(2, [3, 1], seed=1)
    before, state = model.state_dict(), nn.MLP(2, [3, 1], seed=2).state_dict()
    change(state)
    with pytest.raises(ValueError, match=message):
        model.load_state_dict(state)
    assert model.state_dict() == before


def test_zero_grad_forgets_every_gradient():
    model = nn.MLP(2, [3, 1], "tanh", seed=1)
    model([1.0, 2.0]).backward()
    assert any(p.grad for p in model.parameters())
    model.zero_grad()
    assert not any(p.grad for p in model.parameters())


# ---- what is wrong -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.MLP(2, [3, 0]), "the size of a layer is 0, and must be at least 1"),
        (lambda: nn.MLP(0, [3]), "the number of inputs is 0"),
        (lambda: nn.MLP(2, []), "sizes is a list of layer sizes"),
        (lambda: nn.MLP(2, 3), "sizes is a list of layer sizes"),
        (lambda: nn.MLP(2, [3], "rellu"), "no activation 'rellu': did you mean 'relu'"),
        (lambda: nn.MLP(2, [3, 1], output="sigmod"), "did you mean 'sigmoid'"),
        (lambda: nn.MLP(2, [3], init="xavier_unifrom"), "did you mean 'xavier_uniform'"),
        (lambda: nn.MLP(2, [3], backend="tesnor"), "There are value"),
        (lambda: nn.Neuron(2, "softmax"), "softmax compares the units of a layer"),
        (lambda: nn.MLP(2, [3, 1])([1.0]), "a sample has 1 features, but this Neuron takes 2"),
    ],
)
def test_what_makes_no_network_is_refused_with_a_reason(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_layer_size_that_is_no_whole_number_is_a_type_error():
    with pytest.raises(TypeError, match=r"the size of a layer is a whole number, not 2\.5"):
        nn.MLP(2, [2.5, 1])


# ---- the perceptron ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "truth", [[0, 0, 0, 1], [0, 1, 1, 1], [1, 1, 1, 0]], ids=["and", "or", "nand"]
)
def test_a_perceptron_learns_and_or_and_nand(truth):
    unit = nn.Perceptron(2).fit(BITS, truth)
    assert unit.predict(BITS) == truth
    assert unit.errors_[-1] == 0
    assert len(unit.errors_) < 20


def test_a_perceptron_cannot_learn_xor():
    unit = nn.Perceptron(2).fit(BITS, XOR, epochs=200)
    assert unit.predict(BITS) != XOR
    assert len(unit.errors_) == 200
    assert min(unit.errors_) > 0


def test_a_mistake_moves_the_weights_by_rosenblatts_rule():
    unit = nn.Perceptron(2).fit([[2.0, -1.0]], [1], lr=0.5, epochs=1)
    assert ([w.data for w in unit.weight], unit.bias.data) == ([1.0, -0.5], 0.5)
    assert unit.errors_ == [1]


@pytest.mark.parametrize("y", [[0, 2, 0, 1], [0, 0, 0.5, 1], [-1, 0, 1, 1], [-1, 1, 2, 1]])
def test_a_perceptron_refuses_other_classes(y):
    unit = nn.Perceptron(2)
    with pytest.raises(ValueError, match="classes of a Perceptron are 0 and 1, or -1 and 1, not"):
        unit.fit(BITS, y)
    assert (unit.low, [w.data for w in unit.weight]) == (0, [0.0, 0.0])


def test_a_perceptron_learns_the_same_from_minus_one_and_one_and_returns_them(tmp_path):
    plain, signed = nn.Perceptron(2), nn.Perceptron(2)
    plain.fit(BITS, [0, 0, 0, 1])
    signed.fit(BITS, [-1, -1, -1, 1])
    assert signed.state_dict() == plain.state_dict()
    assert signed.errors_ == plain.errors_
    assert signed.predict(BITS) == [-1, -1, -1, 1]
    nn.save(signed, tmp_path / "p.safetensors")
    for other in (nn.load(tmp_path / "p.safetensors"), pickle.loads(pickle.dumps(signed))):
        assert other.predict(BITS) == [-1, -1, -1, 1]
    assert signed.fit(BITS, [1, 1, 1, 1]).predict(BITS) == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="does not fire is 0 or -1, not 5"):
        nn.Perceptron(2, low=5)


def test_a_perceptron_checks_what_it_predicts_from_as_what_it_learns_from():
    unit = nn.Perceptron(2).fit(BITS, [0, 0, 0, 1])
    frame = pytest.importorskip("pandas").DataFrame(BITS, columns=["a", "b"])
    assert unit.predict(frame) == unit.predict(iter(BITS)) == unit.predict(BITS)
    for X, message in (
        ([1.0, 2.0], "X is a list of samples"),
        ([[1.0, float("nan")]], r"X\[0\]\[1\] is nan"),
        ([["a", 1.0]], r"X\[0\]\[0\] is 'a', and must be a real number"),
        ({1.0, 2.0}, "X is a set"),
        ([[1.0]], "a sample has 1 features, but this Perceptron takes 2"),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            unit.predict(X)


@pytest.mark.parametrize("x", ["ab", {1.0, 2.0}, {1.0: 1, 2.0: 2}, 5, iter([1.0, 2.0]), None])
def test_what_is_no_sample_is_refused_with_the_same_words_on_both_engines(x):
    for model in (nn.MLP(2, [2, 1]), nn.Neuron(2), nn.Layer(2, 2), nn.Perceptron(2)):
        with pytest.raises(TypeError, match="a sample is a list of numbers or Values, not "):
            model(x)


@pytest.mark.parametrize("sizes", [5, "ab", None, {3}, {3: 1}, np.array(3), iter([3]), []])
def test_what_is_no_list_of_sizes_is_refused(sizes):
    with pytest.raises(ValueError, match=r"sizes is a list of layer sizes such as \[16, 1\], not "):
        nn.MLP(2, sizes)
    assert nn.MLP(2, np.array([3, 1])).widths == [2, 3, 1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_a_network_learns_xor_from_any_seed(seed):
    model = nn.MLP(2, [8, 1], "tanh", seed=seed)
    nn.fit(model, BITS, XOR, "bce_with_logits", epochs=100, batch_size=None, lr=0.1, progress=False)
    with no_grad():
        assert [int(model(x).data > 0) for x in BITS] == XOR


# ---- first weights -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("uniform", 1 / 3), ("normal", 1.0), ("xavier_uniform", 2 / 150),
        ("xavier_normal", 2 / 150), ("he_uniform", 2 / 100), ("he_normal", 2 / 100),
    ],
)  # fmt: skip
def test_first_weights_have_the_variance_of_their_paper(name, variance):
    rows = getattr(nn.init, name)(100, 50, Random(0))
    weights = [w for row in rows for w in row]
    assert (len(rows), len(rows[0])) == (50, 100)
    # the standard error of a variance from 5,000 draws is 2 % at most
    assert statistics.pvariance(weights, 0.0) == pytest.approx(variance, rel=0.08)
    assert abs(statistics.fmean(weights)) < 4 * math.sqrt(variance / 5000)


def test_uniform_first_weights_stay_within_their_bound():
    bound = math.sqrt(6 / 100)
    assert max(abs(w) for row in nn.init.he_uniform(100, 50, Random(0)) for w in row) <= bound


def test_relu_starts_with_he_and_tanh_with_xavier():
    def largest(activation: str) -> float:
        return max(abs(w.data) for row in nn.Layer(600, 5, activation, seed=0).weight for w in row)

    assert largest("relu") == pytest.approx(math.sqrt(6 / 600), rel=0.01)
    assert largest("tanh") == pytest.approx(math.sqrt(6 / 605), rel=0.01)
    assert {w.data for w in nn.Neuron(3, init="zeros").weight} == {0.0}


# ---- data ----------------------------------------------------------------------------------------


def test_batches_cover_every_sample_once_the_last_with_what_is_left():
    X, y = [[float(i)] for i in range(10)], list(range(10))
    sizes = {
        size: [len(b) for b, _ in nn.data.batches(X, y, size)] for size in (None, 1, 4, 10, 99)
    }
    assert sizes == {None: [10], 1: [1] * 10, 4: [4, 4, 2], 10: [10], 99: [10]}
    pairs = [
        (x, t) for xs, ys in nn.data.batches(X, y, 4, seed=3) for x, t in zip(xs, ys, strict=True)
    ]
    assert all(x == [float(t)] for x, t in pairs)
    assert sorted(t for _, t in pairs) == y
    assert [t for _, t in pairs] != y


def test_the_same_seed_shuffles_the_same_and_no_shuffle_keeps_the_order():
    def order(**settings: Any) -> list[int]:
        return [t for _, ys in nn.data.batches(range(20), range(20), 7, **settings) for t in ys]

    assert order(seed=5) == order(seed=5) != order(seed=6)
    assert order(shuffle=False) == list(range(20))


def test_standardised_columns_have_mean_0_and_deviation_1_and_new_data_the_same_scale():
    X = [[1.0, 7.0, 1e9], [2.0, 7.0, 3e9], [6.0, 7.0, 2e9]]
    Z, means, scales = nn.data.standardize(X)
    for j in (0, 2):
        column = [row[j] for row in Z]
        assert statistics.fmean(column) == pytest.approx(0.0, abs=1e-15)
        assert statistics.pstdev(column) == pytest.approx(1.0)
    assert [row[1] for row in Z] == [0.0, 0.0, 0.0]
    assert nn.data.standardize([[3.0, 8.0, 2e9]], means, scales)[0][0] == pytest.approx([0, 1, 0])


def column(*xs):
    return [[x] for x in xs]


@pytest.mark.parametrize("n", [3, 1000])
@pytest.mark.parametrize("base", [0.0, 1.0, -1e15, 1.7e12, 2.0**1000, 2.0**-1000])
def test_a_column_is_constant_only_if_its_numbers_are_equal_but_for_rounding(base, n):
    step = math.ulp(base) * 8 if base else 1e-300
    X = [base + i * step for i in range(n)]
    found = [z for (z,) in nn.data.standardize(column(*X))[0]]
    exact = [Fraction(x) for x in X]
    mean = sum(exact) / n
    scale = math.sqrt(sum(((x - mean) / Fraction(step)) ** 2 for x in exact) / n)
    expected = [float((x - mean) / Fraction(step)) / scale for x in exact]
    assert found == pytest.approx(expected, abs=0.1 if base else 1e-9)  # a mean is rounded
    for equal in ([base] * n, [base, math.nextafter(base, math.inf), base]):
        if base:
            assert nn.data.standardize(column(*equal))[2] == [1.0]


def test_means_or_scales_may_be_given_alone_and_are_checked():
    X = column(1.0, 2.0, 6.0)
    assert nn.data.standardize(X, means=[0.0])[1] == [0.0]
    assert nn.data.standardize(X, scales=[2.0]) == ([[-1.0], [-0.5], [1.5]], [3.0], [2.0])
    for given in ({"scales": [0.0]}, {"scales": [-1.0]}, {"means": [math.nan]}, {"means": []},
                  {"means": [0.0, 1.0]}, {"means": [0.0, 1.0], "scales": [1.0, 1.0]}):  # fmt: skip
        with pytest.raises(ValueError, match="scales"):
            nn.data.standardize(X, **given)


@pytest.mark.parametrize("kind", ["M8", "m8"])
@pytest.mark.parametrize("unit", ["ns", "s", "D"])
@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_dates_and_durations_are_no_numbers_in_any_unit(kind, unit, backend):
    times, model = np.arange(3).astype(f"{kind}[{unit}]"), nn.MLP(1, [1], backend=backend)
    for dated in (times, list(times)):
        with pytest.raises(TypeError, match="dates or durations"):
            nn.data.standardize([dated])
        with pytest.raises(TypeError, match="dates or durations"):
            nn.fit(model, [[0.0]] * 3, dated, progress=False)
    with pytest.raises(TypeError, match="dates or durations"):
        nn.fit(model, times[:, None], [0.0] * 3, progress=False)
    with pytest.raises(TypeError):
        model(times[:1])


def test_one_hot_refuses_what_is_no_class():
    for labels in ([], [math.nan], [[1]], ["b"]):
        with pytest.raises((ValueError, TypeError), match="labels"):
            nn.data.one_hot(labels)
    assert nn.data.one_hot([1, 0], 3) == [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
    for labels in ([3], [-1], [0.5]):
        with pytest.raises(ValueError, match="whole numbers 0 to 2"):
            nn.data.one_hot(labels, 3)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[1.0], [2.0]], [1.0], "X has 2 samples and y has 1"),
        ([], [], "X is empty"),
        ([[1.0], [math.nan]], [0, 1], r"X\[1\]\[0\] is nan: fill in"),
        ([[1.0], [math.inf]], [0, 1], r"X\[1\]\[0\] is inf"),
        ([[1.0], [2.0]], [0, math.nan], r"y\[1\] is nan"),
        ([[1.0], [2.0, 3.0]], [0, 1], r"X\[1\] has 2 numbers, and X\[0\] has 1"),
        ([1.0, 2.0], [0, 1], "X is a list of samples, each a list of features"),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused_by_place(X, y, message):
    with pytest.raises(ValueError, match=message):
        nn.fit(nn.MLP(1, [1]), X, y, progress=False)


def test_texts_in_the_data_are_a_type_error():
    with pytest.raises(TypeError, match=r"X\[0\]\[0\] is 'red', and must be a real number"):
        nn.fit(nn.MLP(1, [1]), [["red"]], [0], progress=False)


ONE_SIDED = ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus")
OTHERS = ("tanh", "sigmoid", "linear", "softmax", "step", None)


@pytest.mark.parametrize("name", [*ONE_SIDED, *OTHERS])
def test_weights_before_what_passes_one_side_begin_as_he_says_and_others_as_xavier(name):
    expected = nn.init.he_uniform if name in ONE_SIDED else nn.init.xavier_uniform
    assert nn.init.initializer(None, name) is expected


# ---- the package ---------------------------------------------------------------------------------


def sources() -> list[Path]:
    return sorted(Path(nn.__file__).parent.rglob("*.py"))


def test_the_package_uses_public_names_of_autograd_only():
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "autograd":
                assert node.module == "autograd", path
                assert not any(name.name.startswith("_") for name in node.names), path
                exec(ast.unparse(node), {})  # a name of the package, or a module in it


def test_each_part_is_one_file_of_under_400_lines():
    lengths = {path.name: len(path.read_text().splitlines()) for path in sources()}
    assert {name: n for name, n in lengths.items() if n >= 400} == {}


def test_importing_the_package_loads_no_library_that_it_can_do_without():
    libraries = ("numpy", "matplotlib", "sklearn", "scipy", "tqdm", "safetensors")
    code = f"import nn, sys; print([name for name in {libraries} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
