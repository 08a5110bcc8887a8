"""ONNX files of functions and graphs: ONNX Runtime finds our numbers, and their gradients.

Not part of the ordinary run: `python -m pytest -m peers tests/test_onnx.py`, with onnx and
onnxruntime.
"""

from __future__ import annotations

import itertools
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd
import nn
from autograd import (
    Tensor,
    Value,
    cat,
    einsum,
    export_onnx,
    gradients,
    max_pool2d,
    no_grad,
    stack,
    where,
)  # fmt: skip
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))

pytestmark = pytest.mark.peers
RNG = np.random.default_rng(0)
LACKING = {"erfinv", "gammaln", "digamma", "polygamma"}
PRECISIONS = {"float64": (1e-9, 1e-14), "float32": (2e-5, 1e-7)}  # its sigmoid has no tail
EDGES = (0.0, -0.0, 1.0, -1.0, 2.0, -2.5, 0.5, 1e-9, -1e-5, 30.0, -30.0, 800.0, -800.0,
         math.inf, -math.inf, math.nan)  # fmt: skip


def session(path: Any) -> Any:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    runtime.set_default_logger_severity(3)  # it warns of weights that are inputs
    return runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def run(path: Any, **given: Any) -> dict[str, Any]:
    """The outputs of a file by name."""
    found = session(path)
    return dict(zip([x.name for x in found.get_outputs()], found.run(None, given), strict=True))


def same(found: Any, expected: Any, relative: float, absolute: float) -> None:
    """Equal to a tolerance, infinities, nans and shapes too."""
    assert found.shape == np.shape(expected)
    near = np.isclose(found, expected, relative, absolute, equal_nan=True)
    assert near.all(), (found[~near][:5], np.asarray(expected)[~near][:5])


# ---- every row ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", PRECISIONS)
@pytest.mark.parametrize("name", [name for name in TABLE if name not in LACKING])
def test_every_row_and_its_columns_are_the_same_in_a_file_at_edges_too(name, dtype, tmp_path):
    fact = RULES[name].fact
    n = 3 if fact.variadic else fact.arity - fact.settings
    settings = [0.0 if name == "round" else 1.0] * fact.settings
    points = itertools.product(EDGES if n < 3 else EDGES[::3], repeat=n)
    xs = [np.array(x, dtype) for x in zip(*points, strict=True)]
    condition = [xs.pop(0) > 0.0] if name == "where" else []

    def f(*xs: Any) -> Any:
        return FUNCTIONS[name].call(*condition, *xs, *settings)

    export_onnx(f, tmp_path / "f.onnx", xs, gradient=True)
    given = {f"input_{i}": x for i, x in enumerate(xs)}
    seed = np.ones(len(xs[0]), dtype)
    found = run(tmp_path / "f.onnx", grad_output=seed, **given)
    leaves = list(map(Tensor, xs))
    y = f(*leaves)
    tolerance = PRECISIONS[dtype]
    same(found["output"], y.data, *tolerance)
    for x, g in zip(given, gradients(y, leaves, seed), strict=True):
        with np.errstate(invalid="ignore"):
            same(found[f"grad_{x}"], g, *tolerance)


@pytest.mark.parametrize("name", ["log1p", "expm1", "sinh", "asinh", "atanh", "atan", "asin"])
def test_small_numbers_keep_their_digits(name, tmp_path):
    xs = np.array([1e-12, -3e-9, 2e-5, 0.1])
    export_onnx(FUNCTIONS[name].call, tmp_path / "f.onnx", {"x": (4,)})
    expected = list(map(getattr(math, name), xs))
    assert run(tmp_path / "f.onnx", x=xs)["output"] == pytest.approx(expected, rel=1e-14)


def test_what_onnx_lacks_is_named_with_its_line_and_its_node(tmp_path):
    pytest.importorskip("onnx")
    for name in LACKING:
        settings = [1.0] * RULES[name].fact.settings
        with pytest.raises(TypeError, match=rf"cannot have {name}, at .*test_onnx.py:\d+.*counter"):
            export_onnx(lambda x: FUNCTIONS[name].call(x, *settings), tmp_path / "f.onnx", [(2,)])  # noqa: B023
    with pytest.raises(TypeError, match=r"cannot have solve, at .*test_onnx.py"):
        export_onnx(lambda x: np.linalg.solve(x, x), tmp_path / "f.onnx", [(2, 2)])
    x = Value(0.5, "x")
    with autograd.record_lines():
        y = autograd.gammaln(x)
    y.label = "y"
    with pytest.raises(TypeError, match="gammaln") as error:
        export_onnx(y * x, tmp_path / "f.onnx")
    assert "the node 'y' of gammaln, made at" in error.value.__notes__[0]
    assert "y = autograd.gammaln(x)" in error.value.__notes__[0]
    assert os.listdir(tmp_path) == []


# ---- arrays -------------------------------------------------------------------------------------

W = Tensor(RNG.normal(size=(4, 5)), "W")
K = Tensor(RNG.normal(size=(2, 3, 2, 2)), "K")
E = Tensor(RNG.normal(size=(6, 4)), "E")
BY_NAME = {"W": W, "K": K, "E": E}
N = "n"
# fmt: off
CASES: dict[str, Any] = {
    "sum":          (lambda x: x.sum(0), (N, 4)),
    "mean":         (lambda x: x.mean(), (N, 4)),
    "means":        (lambda x: x.mean(1, keepdims=True), (N, 4)),
    "var":          (lambda x: x.var(0), (N, 4)),
    "ddof":         (lambda x: x.var(1, ddof=1), (N, 4)),
    "std":          (lambda x: x.std(1), (N, 4)),
    "norm":         (lambda x: x.norm(), (N, 4)),
    "3-norm":       (lambda x: autograd.norm(x, 3, axis=1), (N, 4)),
    "max":          (lambda x: x.max(1), (N, 4)),
    "min":          (lambda x: x.min(0), (N, 4)),
    "prod":         (lambda x: x.prod((1, 2)), (N, 2, 3)),
    "softmax":      (lambda x: x.softmax(0), (N, 4)),
    "log_softmax":  (lambda x: x.log_softmax(-1), (N, 4)),
    "logsumexp":    (lambda x: x.logsumexp(1), (N, 4)),
    "cumsum":       (lambda x: x.cumsum(0), (N, 4)),
    "reshape":      (lambda x: x.reshape(-1, 2), (N, 4)),
    "whole shape":  (lambda x: x.reshape(x.shape[0], 2, 2), (N, 4)),
    "two free":     (lambda x, y: (x @ y.T).sum(1), (N, 4), ("m", 4)),
    "products":     (lambda x: (x.T @ x).flatten(), (N, 4)),
    "outer":        (lambda x: x @ x.T, (N, 4)),
    "broadcast_to": (lambda x: x.reshape(-1, 1, 4).broadcast_to(x.shape[0], 3, 4), (N, 4)),
    "astype":       (lambda x: x.astype("float32"), (N, 4)),
    "row":          (lambda x: x[0] * x[-1], (N, 4)),
    "columns":      (lambda x: x[:, 1:3], (N, 4)),
    "last column":  (lambda x: x[:, -1], (N, 4)),
    "turned":       (lambda x: x[:, ::-1] * x[..., 1][:, None], (N, 4)),
    "every other":  (lambda x: x[:, 1::2], (N, 4)),
    "new axis":     (lambda x: x[:, None, 1:], (N, 4)),
    "list":         (lambda x: x[:, [0, 2, 0]], (N, 4)),
    "mask":         (lambda x: x[:, np.array([True, False, True, True])], (N, 4)),
    "pairs":        (lambda x: x[[0, 1, 0], [2, 3, 2]], (3, 4)),
    "picked":       (lambda x, i: x[np.arange(5), i], (5, 4), np.arange(5) % 4),
    "rows":         (lambda i: (E[i] @ W).tanh().sum(), np.arange(6).reshape(2, 3) % 4),
    "cross entropy":(lambda x, i: -x.log_softmax(1)[np.arange(5), i].mean(), (5, 4), np.arange(5) % 4),
    "matmul":       (lambda x: x @ W, (N, 4)),
    "vector":       (lambda x: x @ W, (4,)),
    "to a vector":  (lambda x: x @ W[:, 0], (N, 4)),
    "matrices":     (lambda x, y: x @ y, (N, 2, 4), (N, 4, 3)),
    "cat":          (lambda x, y: cat([x, y], 1), (N, 4), (N, 2)),
    "stack":        (lambda x, y: stack([x, y], 1), (N, 4), (N, 4)),
    "pad":          (lambda x: autograd.pad(x, ((0, 0), (1, 2))), (N, 4)),
    "einsum":       (lambda x: einsum("ij,jk->ik", x, W), (N, 4)),
    "diagonals":    (lambda x: einsum("nii->n", x), (N, 4, 4)),
    "heads":        (lambda x, y: einsum("nhqd,nhkd->nhqk", x, y), (N, 2, 3, 4), (N, 2, 3, 4)),
    "conv2d":       (lambda x: autograd.conv2d(x, K, None, (2, 1), (1, 0), (1, 2)), (N, 3, 5, 6)),
    "conv1d":       (lambda x: autograd.conv1d(x, K[:, :, 0]), (N, 3, 7)),
    "max_pool2d":   (lambda x: max_pool2d(x, 2), (N, 3, 4, 6)),
    "avg_pool2d":   (lambda x: autograd.avg_pool2d(x, 2, 1), (N, 3, 4, 6)),
    "where":        (lambda x: where(x > 0, autograd.sqrt(x), x * 2.0), (N, 4)),
    "one path":     (lambda x: where(x[:, :1] > 0, x, 0.0) @ W, (N, 4)),
    "NumPy's":      (lambda x: np.maximum(x, 0.5) + np.exp(x) - np.mean(x, axis=0), (N, 4)),
    "constants":    (lambda x: x * np.arange(4.0) - np.ones((1, 4)), (N, 4)),
    "attention":    (lambda q, k: (q @ k.swapaxes(1, 2) / 2.0).softmax(-1) @ k, (N, 3, 4), (N, 3, 4)),
    "layer norm":   (lambda x: (x - x.mean(-1, keepdims=True)) / (x.var(-1, keepdims=True) + 1e-5).sqrt(), (N, 4)),
    "batch norm":   (lambda x: (x - x.mean(0)) / (x.var(0) + 1e-5).sqrt(), (N, 4)),
    "numbers":      (lambda a, b: a * autograd.sin(b) / a, (), ()),
}
# fmt: on


@pytest.mark.parametrize("case", CASES)
def test_operations_on_arrays_hold_for_free_lengths_with_their_gradients(case, tmp_path):
    f, *forms = CASES[case]
    export_onnx(f, tmp_path / "f.onnx", forms, gradient=True)
    found = session(tmp_path / "f.onnx")
    names = [x.name for x in found.get_inputs()]
    outputs = [x.name for x in found.get_outputs()]
    for n in (5, 1, 4) if any(isinstance(s, tuple) and N in s for s in forms) else (5,):
        lengths = {N: n, "m": n + 3}
        xs = [
            RNG.normal(size=[lengths.get(i, i) for i in s]) if isinstance(s, tuple) else s
            for s in forms
        ]
        entered = [Tensor(x) if x.dtype.kind == "f" else x for x in xs]
        y = f(*entered)
        feed, seed = dict(zip(names, xs, strict=False)), 1.0
        if "grad_output" in names:
            feed["grad_output"] = seed = RNG.normal(size=y.shape).astype(y.dtype)
        of = {f"grad_{name}": x for name, x in zip(names, entered, strict=False)}
        of |= {f"grad_{name}": x for name, x in BY_NAME.items()}
        first, *others = found.run(None, feed)
        tolerance = (1e-6, 1e-6) if y.dtype == np.float32 else (1e-11, 1e-12)
        same(first, y.data, *tolerance)
        expected = gradients(y, [of[name] for name in outputs[1:]], seed)
        assert len(expected) >= sum(isinstance(x, Tensor) for x in entered)
        for g, theirs in zip(others, expected, strict=True):
            same(g, theirs, *tolerance)


def test_derivatives_of_every_order_can_be_in_a_file(tmp_path):
    def f(x: Any) -> Any:
        return (x**3).sum() + (x.tanh() ** 2).mean()

    x = np.array([0.5, -1.0, 2.0])
    for transform, form in ((autograd.grad, ("n",)), (autograd.hessian, (3,))):
        export_onnx(lambda x: transform(f)(x), tmp_path / "f.onnx", [form])  # noqa: B023
        found = run(tmp_path / "f.onnx", x=x)["output"]
        same(found, transform(f)(x), 1e-12, 1e-14)
    with autograd.detect_anomaly(), autograd.record_lines():
        export_onnx(f, tmp_path / "f.onnx", [("n",)], gradient=True)


def test_a_file_has_each_step_once_and_only_what_its_outputs_need(tmp_path):
    onnx = pytest.importorskip("onnx")

    def f(x: Any) -> Any:
        x.exp().sum()  # of no use
        return x.tanh() * x.tanh() + W.sum()

    export_onnx(f, tmp_path / "f.onnx", [(2,)])
    graph = onnx.load(tmp_path / "f.onnx").graph
    assert [x.op_type for x in graph.node] == ["Tanh", "Mul", "ReduceSum", "Add", "Identity"]
    assert {x.name for x in graph.initializer} >= {"W"}
    assert [x.name for x in graph.input] == ["x"]


def test_convolutions_and_pools_are_those_of_onnx_in_single_precision(tmp_path):
    onnx = pytest.importorskip("onnx")
    model = nn.Sequential(nn.Conv2d(1, 2, 3, seed=0, dtype="float32"), nn.MaxPool2d(2))
    nn.export_onnx(model, tmp_path / "m.onnx", (1, 6, 6))
    kinds = [x.op_type for x in onnx.load(tmp_path / "m.onnx").graph.node]
    assert kinds == ["Conv", "MaxPool", "Identity"]


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: x * float(len(x)), "depends on the length 'n'"),
        (lambda x: np.concatenate([x, x]), "depends on the length 'n'"),
        (lambda x: x[1:] - x[:-1], "part of an axis whose length is free"),
        (lambda x: x if x.sum() > 0 else -x, r"looks at the numbers.*choose with where"),
        (lambda x: x * x.max().item(), "looks at the numbers"),
        (lambda x: x[x > 0], "a computed mask"),
        (lambda x: np.sort(x), "cannot have np.argsort"),
        (lambda x: x.reshape(-1, 2, 2)[0, :, [1, 1]], "several arrays that are not in front"),
        (lambda x: x.data * 1.0, "has Tensors as results"),
        (lambda x: None, "has Tensors as results"),
        (lambda x: x.sum() * Value(2.0), "kinds do not mix"),
        (lambda x: x @ x, "the last size on the left"),
        (lambda x: Tensor([1.0]), "depends on an input"),
        (lambda x: (x, x), "one result, and there are 2"),
    ],
)
def test_what_a_file_cannot_say_is_refused_and_the_old_file_stays(f, said, tmp_path):
    pytest.importorskip("onnx")
    path = tmp_path / "f.onnx"
    path.write_bytes(b"old")
    with pytest.raises((TypeError, ValueError), match=said):
        export_onnx(f, path, [("n", 4)], gradient=True)
    assert (path.read_bytes(), os.listdir(tmp_path)) == (b"old", ["f.onnx"])
    assert isinstance(W.data, np.ndarray)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([np.zeros(3, complex)], "x is of complex128"),
        ([np.zeros(3, np.float16)], "x is of float16"),
        ([(2.0,)], r"the shape of x is of lengths and names, not 2.0"),
        ([(-1,)], "not -1"),
        ([("",)], "not ''"),
        ("n", "inputs is a list"),
        ({"": (2,)}, "cannot have the name ''"),
        ({"a\n": (2,)}, r"cannot have the name 'a\\n'"),
        ({"x": ((2,), "float16")}, "x is of float16"),
        ([tuple("abcde")], "at most 4 lengths are free"),
        ([], "missing 1 required positional argument"),
    ],
)
def test_inputs_that_are_none_are_refused(inputs, said, tmp_path):
    pytest.importorskip("onnx")
    with pytest.raises((TypeError, ValueError), match=said):
        export_onnx(lambda x: x, tmp_path / "f.onnx", inputs)
    with pytest.raises(TypeError, match="takes a function or a node, not 3"):
        export_onnx(3, tmp_path / "f.onnx")  # type: ignore[arg-type]


def test_inputs_have_names_and_dtypes_and_the_file_notes(tmp_path):
    onnx = pytest.importorskip("onnx")
    export_onnx(
        lambda x, i: x[i] * W[0, 0], tmp_path / "f.onnx", {"a": (("n",), "float32"), "b": ((3,), int)},
        gradient=True, names={W: "weight"}, metadata={"author": "me"},
    )  # fmt: skip
    file = onnx.load(tmp_path / "f.onnx")
    assert [(p.key, p.value) for p in file.metadata_props] == [("author", "me")]
    assert [x.name for x in file.graph.input] == ["a", "b", "weight", "grad_output"]
    found = run(
        tmp_path / "f.onnx", a=np.ones(4, np.float32), b=np.array([3, 0, 3]), grad_output=np.ones(3)
    )
    assert found["grad_a"].dtype == np.float32
    assert found["grad_a"] == pytest.approx(W.data[0, 0] * np.array([1.0, 0.0, 0.0, 2.0]))
    assert found["grad_weight"][0, 0] == 3.0


def test_operations_of_ones_own_are_written_where_they_are_arithmetic(tmp_path):
    pytest.importorskip("onnx")
    cube = autograd.register("cube_there", lambda x: x**3, lambda g, out, x: 3 * g * x * x)
    plain = autograd.register("plain_there", lambda x: math.exp(x), lambda g, out, x: g * out)
    export_onnx(cube, tmp_path / "f.onnx", [(2,)], gradient=True)
    found = run(tmp_path / "f.onnx", x=np.array([1.0, 2.0]), grad_output=np.ones(2))
    assert found["grad_x"].tolist() == [3.0, 12.0]
    with pytest.raises(TypeError, match=r"cannot have plain_there.*write it with autograd.where"):
        export_onnx(plain, tmp_path / "f.onnx", [(2,)])


# ---- graphs -------------------------------------------------------------------------------------


def test_a_graph_of_values_has_its_leaves_as_inputs_with_hostile_names_too(tmp_path):
    labels = ['*/ system("x")', "output", "x", "x", "exp", ""]
    leaves = [Value(i / 4 + 0.25, label) for i, label in enumerate(labels)]
    a, b, c, d, e, f = leaves
    y = (a * b + autograd.softmax([c, d, e])[0]) / f.exp() + autograd.dot([a, b], [c, 2.0])
    export_onnx(y, tmp_path / "y.onnx", gradient=True)
    found = run(tmp_path / "y.onnx")
    assert float(found.pop("output_1")) == pytest.approx(y.data, rel=1e-14)
    names = [label or "leaf_5" for label in labels[:3]] + ["x_1", "exp", "leaf_5"]
    for name, g in zip(names, gradients(y, leaves), strict=True):
        assert float(found.pop(f"grad_{name}")) == pytest.approx(g, rel=1e-12), name
    assert not found
    moved = run(tmp_path / "y.onnx", x=np.array(2.0), exp=np.array(-1.0))
    c.data, e.data = 2.0, -1.0
    again = (a * b + autograd.softmax([c, d, e])[0]) / f.exp() + autograd.dot([a, b], [c, 2.0])
    assert float(moved["output_1"]) == pytest.approx(again.data, rel=1e-14)
    with pytest.raises(RuntimeError, match="stale"):
        export_onnx(y, tmp_path / "y.onnx")
    with pytest.raises(ValueError, match="cannot have the name"):
        export_onnx(Value(1.0, "\ud800") * 2, tmp_path / "y.onnx")


def test_a_graph_of_both_kinds_and_a_network_of_values(tmp_path):
    a, t = Value(2.0, "a"), Tensor([1.0, 2.0], "t")
    y = (autograd.stack_values([a, 3.0]) * t).sum().values() * a
    export_onnx(y, tmp_path / "y.onnx", gradient=True)
    found = run(tmp_path / "y.onnx")
    assert (float(found["output"]), float(found["grad_a"])) == (16.0, 10.0)
    assert found["grad_t"].tolist() == [4.0, 6.0]
    model = nn.MLP(2, [4, 1], "tanh", seed=0)
    loss = (model([0.5, -1.0]) - 1.0) ** 2
    export_onnx(loss, tmp_path / "y.onnx", gradient=True)
    _, *slopes = run(tmp_path / "y.onnx").values()
    leaves = [x for x in autograd.nodes(loss)[::-1] if not x.inputs]
    assert list(map(float, slopes)) == pytest.approx(gradients(loss, leaves), rel=1e-14)


# ---- models -------------------------------------------------------------------------------------


def test_the_step_of_a_gpt_is_one_file_with_the_gradients_of_its_matrices(tmp_path):
    import array_steps
    from workloads import Names

    work = Names()
    tokens = np.array(work.tokens)
    params = {name: Tensor(x, name) for name, x in array_steps.parameters(work).items()}

    def loss(tokens: Any) -> Any:
        return array_steps.names_loss(autograd, params, tokens)

    export_onnx(loss, tmp_path / "gpt.onnx", [tokens], gradient=True)
    found = run(tmp_path / "gpt.onnx", tokens=tokens)
    y = loss(tokens)
    assert float(found["output"]) == pytest.approx(y.item(), rel=1e-14)
    for name, g in zip(params, gradients(y, list(params.values())), strict=True):
        assert found[f"grad_{name}"] == pytest.approx(g, rel=1e-10, abs=1e-14)


def test_another_program_trains_a_model_with_the_gradient_in_its_file(tmp_path):
    X, y = nn.data.two_moons(40, seed=0)
    X, target = np.array(X), np.array(y, float)
    scaled = nn.Standardize(X.mean(0), X.std(0))
    model = nn.Sequential(scaled, nn.MLP(2, [8, 1], "tanh", seed=1, backend="tensor"))
    nn.export_onnx(model, tmp_path / "m.onnx", gradient=True)
    there = session(tmp_path / "m.onnx")
    weights = {name: p.data.copy() for name, p in model.named_parameters()}
    names = [x.name for x in there.get_outputs()]
    assert names == ["output", "grad_input", *[f"grad_{name}" for name in weights]]
    assert [x.name for x in there.get_overridable_initializers()] == list(weights)
    for _ in range(20):
        given = {"input": X, **weights}
        (scores,) = there.run(["output"], {**given, "grad_output": np.zeros(40)})
        seed = 2.0 * (scores - target) / 40
        found = dict(zip(names, there.run(None, {**given, "grad_output": seed}), strict=True))
        for name in weights:
            weights[name] -= 0.3 * found[f"grad_{name}"]
        model.zero_grad()
        nn.losses.mse(model(X), target).backward()
        for p in model.parameters():
            p.data -= 0.3 * p.grad
    for name, p in model.named_parameters():
        assert weights[name] == pytest.approx(p.data, rel=1e-9, abs=1e-12)
    with no_grad():
        assert nn.losses.mse(model(X), target).item() < 0.1


def test_a_module_of_ones_own_is_written_as_what_it_computes(tmp_path):
    class Gate(nn.Module):
        def __init__(self) -> None:
            self.scale = Tensor([[1.0, 2.0], [3.0, 4.0]])
            self.layer = nn.Layer(2, 3, "relu", seed=0, backend="tensor")

        def __call__(self, x: Any) -> Any:
            return self.layer(x @ self.scale).softmax(-1) * 2.0

    gate = Gate()
    with pytest.raises(ValueError, match=r"the input of Gate may have any shape"):
        nn.export_onnx(gate, tmp_path / "m.onnx")
    nn.export_onnx(gate, tmp_path / "m.onnx", (2,))
    for n in (1, 5):
        x = RNG.normal(size=(n, 2))
        same(run(tmp_path / "m.onnx", input=x)["output"], gate(x).data, 1e-14, 0.0)


def test_the_hessian_of_a_length_is_that_of_points_beside_its_kink(tmp_path):
    def f(x: Any) -> Any:
        return (abs(x) ** 2).sum() + autograd.norm(x) ** 2

    x = np.array([0.5, -1.0, 2.0])
    export_onnx(lambda x: autograd.hessian(f)(x), tmp_path / "f.onnx", [(3,)])
    found = run(tmp_path / "f.onnx", x=x)["output"]
    assert found == pytest.approx(4 * np.eye(3), abs=1e-12)
