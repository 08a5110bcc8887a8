"""What was recorded is what it was: constants that change afterwards, leaves written into.

Every operation is recorded twice from equal operands. Of one recording the operands are overwritten
before anybody goes back: values, gradients and second derivatives must not know.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_rules import variables
from test_tensor_rules import groups

import autograd
import nn
from autograd import (
    Tensor,
    Value,
    cat,
    conv1d,
    conv2d,
    detect_anomaly,
    einsum,
    gradcheck,
    gradients,
    no_grad,
    norm,
    pad,
    register,
    stack,
    stack_values,
    where,
)
from autograd.arrays.libraries import library_of
from autograd.arrays.rules import TABLE as ARRAY_TABLE
from autograd.core.rules import RULES, TABLE

Change = Callable[[], None]
Form = tuple[Any, Change]  # a constant, and what changes it


def overwrite(x: Any) -> None:
    """Other numbers in an array or a list, at the same place in memory."""
    if isinstance(x, list):
        for item in x:
            overwrite(item)
        x[:] = [77.0 for _ in x]
    elif isinstance(x, np.ndarray):
        x[...] = ~x if x.dtype.kind == "b" else 0 if x.dtype.kind in "iu" else 77.0


def arms(out: Any, wanted: list[Any]) -> list[Any]:
    """The value, the gradients and the second derivatives, as arrays of numbers."""
    seed = np.cos(np.arange(out.size)).reshape(out.shape) + 2.0
    first = gradients(out, wanted, seed=seed)
    slopes = gradients(out, wanted, seed=seed, create_graph=True)
    second = [g for s in slopes for g in gradients((s * s).sum(), wanted)]
    return [np.array(library_of(x).on_host(x)) for x in (out.data, *first, *second)]


def agree(record: Callable[..., Any], leaves: list[Any], forms: list[Callable[[], Form]]) -> None:
    """Whether a recording is the same with its constants overwritten as with them left alone."""
    found = []
    for changed in (False, True):
        wanted = [Tensor(x) for x in leaves]
        made = [form() for form in forms]
        out = record(*wanted, *[constant for constant, _ in made])
        if changed:
            for _, change in made:
                change()
        found.append(arms(out, wanted))
    for kept, after in zip(*found, strict=True):
        np.testing.assert_array_equal(after, kept)


# ---- constants beside Tensors --------------------------------------------------------------------


def plainly(x: Any) -> Form:
    x = np.array(x)
    return x, lambda: overwrite(x)


def as_single(x: Any) -> Form:
    with np.errstate(all="ignore"):  # 1e300 becomes inf
        return plainly(np.array(x, np.float32))


def read_only(x: Any) -> Form:
    """A view that may not be written to, of an array that may."""
    owner = np.array(x)
    view = owner.view()
    view.flags.writeable = False
    return view, lambda: overwrite(owner)


def strided(x: Any) -> Form:
    owner = np.repeat(np.array(x), 2, axis=-1)
    return owner[..., ::2], lambda: overwrite(owner)


def of_bytes(x: Any) -> Form:
    owner = bytearray(np.array(x, float).tobytes())
    view = np.frombuffer(owner).reshape(np.shape(x))
    return view, lambda: overwrite(view)


def listed(x: Any) -> Form:
    owner = np.array(x).tolist()
    return owner, lambda: overwrite(owner)


def attributed(x: Any) -> Form:
    """A subclass that only adds an attribute."""
    kind = type("Named", (np.ndarray,), {"name": "x"})
    owner = np.array(x).view(kind)
    return owner, lambda: overwrite(owner)


def in_a_file(x: Any, folder: Path) -> Form:
    owner = np.memmap(folder / "numbers", dtype=float, mode="w+", shape=np.shape(x))
    owner[...] = x
    return owner, lambda: overwrite(owner)


FORMS = (plainly, as_single, read_only, strided, of_bytes, listed, attributed)
MANY = [
    name for name in TABLE if any(len(variables(name, points[0])) > 1 for points in groups(name))
]


@pytest.mark.slow
@pytest.mark.parametrize("name", MANY)
def test_a_row_of_numbers_keeps_its_constants(name: str) -> None:
    for points in [points for points in groups(name) if len(variables(name, points[0])) > 1][:2]:
        columns = [np.array(column) for column in zip(*points[:3], strict=True)]
        free = variables(name, points[0])
        for leaf in free:
            others = [i for i in free if i != leaf]
            record = partial(compute, name, points[0], (leaf, *others))
            for form in FORMS:
                agree(record, [columns[leaf]], [partial(form, columns[i]) for i in others])


def compute(name: str, point: Any, places: Any, *given: Any) -> Any:
    """A row of numbers with these arguments in these places, and a point's numbers elsewhere."""
    arguments = dict(zip(places, given, strict=True))
    return RULES[name].compute(*[arguments.get(i, x) for i, x in enumerate(point)])


A = np.random.default_rng(0).uniform(0.2, 1.3, (3, 4))
B = A[::-1] + 0.5
SQUARE = np.arange(9.0).reshape(3, 3) + 1.0
MASK = np.array([[True, False, True, False]] * 3)
IMAGE = np.arange(32.0).reshape(1, 2, 4, 4) / 10
KERNEL = np.arange(16.0).reshape(2, 2, 2, 2) / 7

# What is recorded of a Tensor w of A, and what is overwritten then: constants and settings.
CASES: dict[str, list[tuple[Callable[..., Any], list[Any]]]] = {
    "add": [(lambda w, c: (w * (c + w)).exp(), [B])],
    "matmul": [(lambda w, c: c @ w, [SQUARE]), (lambda w, c: w.T @ c, [SQUARE])],
    "where": [
        (lambda w, c, d: where(c, w * w, d), [MASK, B]),
        (lambda w, c: w.where(c, 2.0), [MASK.tolist()]),
        (lambda w, c: where(c, w, 0.0), [B]),
    ],
    "clip": [(lambda w, low, high: (w * w).clip(low, high), [A * A - 0.1, A + 0.1])],
    "pow": [(lambda w, c: w**c, [B]), (lambda w, c: c**w, [B])],
    "cat": [(lambda w, c: cat([w, c]) ** 2, [B]), (lambda w, c: cat([w, c]) ** 2, [B.tolist()])],
    "stack": [(lambda w, c: stack([c, w * c]) ** 2, [B])],
    "einsum": [
        (lambda w, c: einsum("ij,ij->i", w, c), [B]),
        (lambda w, c: einsum("ij,ik,kl->jl", w, c, c), [SQUARE]),
    ],
    "pad": [(lambda w, c: pad(w, c) ** 2, [[1, 2]]), (lambda w, c: pad(w, c) ** 2, [np.array([1])])],
    "getitem": [
        (lambda w, c: w[c] ** 2, [np.array([2, 0, 2])]),
        (lambda w, c: w[c] ** 2, [[2, 0, 2]]),
        (lambda w, c: w[c] ** 2, [MASK]),
        (lambda w, c: w[:, c] ** 2, [[1, 1]]),
        (lambda w, c: w[c, c] ** 2, [np.array(1)]),
        (lambda w, c: w[1:c] ** 2, [np.array(3)]),
    ],
    "reshape": [(lambda w, c: w.reshape(c) ** 2, [[4, 3]])],
    "broadcast_to": [(lambda w, c: w.broadcast_to(c) ** 2, [[2, 3, 4]])],
    "transpose": [(lambda w, c: w.transpose(c) ** 2, [[1, 0]])],
    **{
        name: [(lambda w, c, name=name: getattr(w, name)(c) ** 2, [[0, 1]])]
        for name in ("sum", "mean", "var", "std", "max", "min", "prod", "logsumexp", "norm")
    },
    "average": [(lambda w, c: np.average(w, axis=1, weights=c) ** 2, [A[0] + 1.0])],
    "norm of order 3": [(lambda w, c: norm(w * c, 3, axis=1), [B])],
    "softmax": [(lambda w, c: (w * c).softmax(1), [B])],
    "log_softmax": [(lambda w, c: (c - w).log_softmax(1), [B])],
    "cumsum": [(lambda w, c: (c / w).cumsum(0), [B])],
    "flip": [(lambda w, c: (c * w).cumsum(0) ** 2, [B])],
    "astype": [(lambda w, c: (c * w.astype("float32")).astype("float64") ** 2, [B])],
    "windows": [
        (lambda w, c, s: conv2d(c, w[:2, 0].reshape(2, 1, 1, 1).broadcast_to(2, 2, 2, 2), stride=s), [IMAGE, [1, 2]]),
        (lambda w, c: conv2d(w[:, :3].reshape(1, 1, 3, 3), c[:, :1]), [KERNEL]),
        (lambda w, c: conv1d(w.reshape(1, 3, 4), c), [KERNEL.reshape(2, 2, 4)[:, :1].repeat(3, 1)]),
    ],
    "elements": [(lambda w, c: stack_values([v * c[0, 0] for v in w[0].values()]), [B])],
}  # fmt: skip
CASES |= {
    name: [(lambda w, c, f=function: f(w[:, :3] * c + 3.0 * np.eye(3)) ** 2, [SQUARE / 9.0])]
    for name, function in {
        "inv": np.linalg.inv, "pinv": np.linalg.pinv, "det": np.linalg.det,
        "logdet": lambda x: np.linalg.slogdet(x)[1], "sign_of_det": lambda x: np.linalg.slogdet(x)[0] * x,
        "cholesky": np.linalg.cholesky, "qr": lambda x: np.linalg.qr(x)[0],
        "eigenvalues": np.linalg.eigvalsh, "eigenvectors": lambda x: np.linalg.eigh(x)[1],
        "singular_values": lambda x: np.linalg.svd(x, compute_uv=False),
        "singular_vectors": lambda x: np.linalg.svd(x)[0],
    }.items()
}  # fmt: skip
CASES["solve"] = [
    (lambda w, c: np.linalg.solve(c, w), [SQUARE + 9.0 * np.eye(3)]),
    (lambda w, c: np.linalg.solve(w[:, :3], c), [B]),
]
INSIDE = {"det_slope", "over_gaps"}  # recorded by columns of linear algebra
INSIDE |= {
    "ties",
    "scatter",
    "fold",
    "element",
    "stack_values",
}  # recorded by columns, or of Values
every_case = pytest.mark.parametrize("name", CASES)


def test_every_row_of_arrays_has_a_case() -> None:
    assert set(ARRAY_TABLE) <= set(CASES) | INSIDE


@every_case
def test_an_operation_on_arrays_keeps_its_constants_and_settings(name: str) -> None:
    for record, constants in CASES[name]:
        forms = [
            lambda c=c: listed(c) if isinstance(c, list) else plainly(c)  # a list stays a list
            for c in constants
        ]
        agree(record, [A], forms)


def test_a_buffer_may_be_filled_again_in_a_loop() -> None:
    w, buffer, total = Tensor(np.ones(3)), np.zeros(3), Tensor(0.0)
    for k in (1.0, 2.0, 3.0):
        buffer[:] = k
        total = total + (w * buffer).sum()
    total.backward()
    assert w.grad.tolist() == [6.0, 6.0, 6.0]


def test_a_state_may_be_carried_in_a_buffer() -> None:
    w, state = Tensor([2.0, 3.0]), np.ones(2)
    losses = []
    for _ in range(3):
        new = w * state
        losses.append(new.sum())
        state[:] = new.data
    sum(losses[1:], losses[0]).backward()
    assert w.grad.tolist() == [1.0 + 2.0 + 4.0, 1.0 + 3.0 + 9.0]


def test_a_file_that_is_written_later_was_copied(tmp_path: Path) -> None:
    agree(lambda w, c: w * c, [A], [lambda: in_a_file(B, tmp_path)])
    numbers, change = in_a_file(B, tmp_path)
    leaf = Tensor(numbers)
    change()
    assert type(leaf.data) is np.ndarray
    assert leaf.data.tolist() == B.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    "library",
    [
        "array_api_strict",
        "dask.array",
        *[pytest.param(name, marks=pytest.mark.peers) for name in ("torch", "jax.numpy")],
    ],
)
def test_arrays_of_other_libraries_are_copied_too(library: str) -> None:
    pytest.importorskip("array_api_compat")
    module = pytest.importorskip(library)
    if library == "jax.numpy":
        importlib.import_module("jax").config.update("jax_enable_x64", True)

    def made(x: Any) -> Any:
        return module.from_array(np.array(x), chunks=2) if "dask" in library else module.asarray(x)

    def form(x: Any) -> Form:
        owner = made(np.array(x))

        def change() -> None:
            if library != "jax.numpy":  # whose arrays cannot change
                owner[...] = ~owner if np.asarray(x).dtype == bool else 77.0

        return owner, change

    for record, constants in [
        (lambda w, c: w * c, [B]),
        (lambda w, c: w.T @ c, [SQUARE]),
        (lambda w, c: w**c, [B]),
        (lambda w, c, d: where(c, w, d), [MASK, B]),
        (lambda w, c: autograd.maximum(w * w, c), [A]),
        (lambda w, c: cat([w, c]) ** 2, [B]),
    ]:
        found = []
        for changed in (False, True):
            w = Tensor(made(A))
            forms = [form(c) for c in constants]
            out = record(w, *[c for c, _ in forms])
            for _, change in forms if changed else ():
                change()
            g = gradients(out, [w], seed=made(np.ones(out.shape)))[0]
            found.append([np.asarray(library_of(x).on_host(x)) for x in (out.data, g)])
        for kept, after in zip(*found, strict=True):
            np.testing.assert_array_equal(after, kept)


# ---- results -------------------------------------------------------------------------------------


@every_case
def test_no_result_changes_with_the_leaf_it_came_from(name: str) -> None:
    for record, constants in CASES[name]:
        w = Tensor(A)
        out = record(w, *constants)
        before = out.data.copy()
        w.data += 1.0
        np.testing.assert_array_equal(out.data, before)
        with pytest.raises(RuntimeError, match="this graph is stale"):
            gradients(out, [w], seed=np.ones(out.shape))


def test_what_only_moves_elements_has_memory_of_its_own() -> None:
    w = Tensor(A)
    for moved in (w.T, w[0], w[:, ::2], w.reshape(-1), w.squeeze(), w.flatten(), +w, w**1.0, w[None],
                  w.swapaxes(0, 1), w.astype(float), w.broadcast_to(3, 4), np.flip(w), abs(w)):  # fmt: skip
        assert not np.shares_memory(moved.data, w.data)
    with no_grad():
        assert not np.shares_memory(w.T.data, w.data)


def test_a_registered_function_may_return_its_argument_a_view_or_an_array_it_keeps() -> None:
    kept = np.zeros(4)

    def filled(x: Any) -> Any:
        return np.multiply(x, 2.0, out=kept) if isinstance(x, np.ndarray) else 2.0 * x

    for forward, slope in ((lambda x: x, 1.0), (lambda x: x[...], 1.0), (filled, 2.0)):
        name = "returns_what_is_not_its_own"
        function = register(name, forward, lambda g, out, x, slope=slope: g * slope)
        try:
            w = Tensor([1.0, 2.0, 3.0, 4.0])
            out = function(w)
            before = out.data.copy()
            kept[:] = 9.0
            w.data += 5.0
            assert out.data.tolist() == before.tolist()
        finally:
            del RULES[name]  # type: ignore[attr-defined]
            autograd.core.functions.FUNCTIONS.pop(name)


def test_what_another_librarys_node_shows_may_be_written_to() -> None:
    xp = pytest.importorskip("array_api_strict")
    w = Tensor(xp.asarray([1.0, 2.0]))
    squares = w * w
    squares.data[0] = 77.0
    (g,) = gradients((squares * squares).sum(), [w])
    assert np.asarray(g).tolist() == [4.0, 32.0]


def test_seeds_may_be_overwritten_between_passes() -> None:
    w, seed = Tensor([1.0, 2.0]), np.array([1.0, 10.0])
    out = w * w
    out.backward(seed)
    (g,) = gradients(out, [w], seed=seed)
    seed[:] = 77.0
    assert out.grad.tolist() == [1.0, 10.0]
    assert w.grad.tolist() == g.tolist() == [2.0, 40.0]


# ---- networks ------------------------------------------------------------------------------------

X = np.array([[0.5, -1.0], [2.0, 0.25], [-0.75, 1.5]])
MODULES: dict[str, tuple[Callable[[], Any], Any]] = {
    "neuron": (lambda: nn.Neuron(2, "tanh", seed=0, backend="tensor"), X),
    "layer": (lambda: nn.Layer(2, 3, "relu", seed=0, backend="tensor"), X),
    "mlp": (lambda: nn.MLP(2, [3, 1], seed=0, backend="tensor"), X),
    "mlp of lists": (lambda: nn.MLP(2, [3, 1], seed=0, backend="tensor"), X.tolist()),
    "mlp of the other precision": (lambda: nn.MLP(2, [3, 1], seed=0, backend="tensor"), X.astype("f")),
    "mlp in float32": (lambda: nn.MLP(2, [3, 1], seed=0, backend="tensor", dtype="float32"), X.astype("f")),
    "convolution": (lambda: nn.Conv2d(2, 3, 2, seed=0), IMAGE),
    "convolution of one": (lambda: nn.Conv2d(2, 3, 1, seed=0), IMAGE),
    "pictures": (lambda: nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Layer(8, 2, seed=0, backend="tensor")), IMAGE),
    "embedding": (lambda: nn.Embedding(4, 2, seed=0), np.array([0, 3, 3])),
}  # fmt: skip


@pytest.mark.parametrize("name", MODULES)
def test_a_network_keeps_its_input(name: str) -> None:
    make, given = MODULES[name]
    found = []
    for changed in (False, True):
        model = make()
        x, change = listed(given) if isinstance(given, list) else plainly(given)
        out = (model(x) ** 2).sum()
        if changed:
            change()
        out.backward()
        found.append([out.data, *[p.grad for p in model.parameters()]])
    for kept, after in zip(*found, strict=True):
        np.testing.assert_array_equal(after, kept)


CLASSES, SIGNS = np.array([1, 0, 1]), np.array([[1.0], [-1.0], [1.0]])
TARGETS: dict[str, list[Any]] = {
    "mse": [SIGNS], "sse": [SIGNS], "mae": [SIGNS], "huber": [SIGNS], "hinge": [SIGNS],
    "bce": [CLASSES[:, None], CLASSES[:, None] * 0.75], "bce_with_logits": [CLASSES[:, None]],
    "cross_entropy": [CLASSES, np.array([[0.25, 0.75]] * 3)], "zero_one": [CLASSES],
}  # fmt: skip


@pytest.mark.parametrize("name", nn.losses.LOSSES)
def test_a_loss_keeps_its_targets(name: str) -> None:
    rows = {"cross_entropy": (3, 2), "zero_one": (3,)}
    outputs = np.linspace(0.2, 0.7, 6)[: 6 if name == "cross_entropy" else 3]
    outputs = outputs.reshape(rows.get(name, (3, 1)))
    for targets in TARGETS[name]:
        loss = getattr(nn.losses, name)
        agree(lambda z, y, loss=loss: loss(z, y), [outputs], [lambda y=targets: plainly(y)])


# ---- leaves that are written into ----------------------------------------------------------------


def test_under_detect_anomaly_a_leaf_that_was_written_into_is_named_with_the_line() -> None:
    for record in (
        lambda w: w * w,
        lambda w: w.reshape(-1),
        lambda w: w @ w,
        lambda w: cat([w, w]),
    ):
        w = Tensor([1.0, 2.0], label="w")
        with detect_anomaly():
            loss = (record(w) ** 2).sum()
            w.data[0] = 10.0
            with pytest.raises(
                RuntimeError, match=r"leaf 'w' was written into (?s:.*)lambda w"
            ) as e:
                loss.backward()
            assert "compute the result again" in str(e.value)
            assert w.grad.tolist() == [0.0, 0.0]  # nothing was committed
            (record(w) ** 2).sum().backward()


def test_under_detect_anomaly_an_update_in_place_is_stale_as_ever() -> None:
    w = Tensor([1.0, 2.0], label="w")
    with detect_anomaly():
        loss = (w * w).sum()
        w.data -= 1.0
        with pytest.raises(RuntimeError, match="was rebound"):
            loss.backward()


def test_gradcheck_names_a_leaf_that_the_function_writes_into() -> None:
    k = Tensor([1.0, 2.0], label="k")

    def careless(x: Any) -> Any:
        out = (x * k).sum()
        k.data[0] = 10.0
        return out

    with pytest.raises(RuntimeError, match=r"leaf 'k' was written into (?s:.*)x \* k"):
        gradcheck(careless, np.array([3.0, 4.0]))


# ---- arrays with arithmetic of their own ---------------------------------------------------------

MASKED = np.ma.array([1.0, 2.0], mask=[False, True])
RECORDS = np.array([(1.0, 2.0)], dtype=[("a", float), ("b", float)])


@pytest.mark.parametrize(
    "use",
    [
        Tensor,
        lambda m: Tensor([m, m]),
        lambda m: Tensor([1.0, 2.0]) * m,
        lambda m: m * Tensor([1.0, 2.0]),
        lambda m: m + Tensor([1.0, 2.0]) * 2.0,
        lambda m: m @ Tensor([1.0, 2.0]),
        lambda m: m ** Tensor([1.0, 2.0]),
        lambda m: np.multiply(m, Tensor([1.0, 2.0])),
        lambda m: where(m > 1.0, Tensor([1.0, 2.0]), 0.0),
        lambda m: where([True, False], Tensor([1.0, 2.0]), m),
        lambda m: Tensor([1.0, 2.0]).clip(m, 3.0),
        lambda m: Tensor([1.0, 2.0])[m > 1.0],
        lambda m: cat([Tensor([1.0, 2.0]), m]),
        lambda m: einsum("i,i->", Tensor([1.0, 2.0]), m),
        lambda m: autograd.softmax(m),
        lambda m: autograd.grad(lambda x: x.sum())(m),
        lambda m: (Tensor([1.0, 2.0]) * 2.0).backward(m),
        lambda m: setattr(Tensor([1.0, 2.0]), "data", m),
        lambda m: setattr(Tensor([1.0, 2.0]), "grad", m),
        lambda m: nn.losses.mse(Tensor([1.0, 2.0]), m),
        lambda m: nn.MLP(2, [1], backend="tensor")(m),
        lambda m: nn.Embedding(3, 2)(m.astype(int)),
        lambda m: m * Value(2.0),
        lambda m: np.ma.masked * Value(2.0),
        lambda m: np.ma.sin(Tensor([1.0, 2.0])),
    ],
)
def test_a_mask_is_never_lost(use: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=r"fill its gaps with x\.filled"):
        use(MASKED)


def test_masked_data_are_not_learnt_from() -> None:
    model = nn.MLP(2, [1], backend="tensor")
    with pytest.raises(TypeError, match=r"X\[0\]\[1\] is None"):
        nn.fit(model, np.ma.array([[1.0, 2.0]], mask=[[False, True]]), [[1.0]], epochs=1)


def test_a_matrix_multiplies_in_a_way_of_its_own() -> None:
    m, w = np.eye(2).view(np.matrix), Tensor(np.eye(2))
    for use in (Tensor, lambda m: m * w, lambda m: w * m, lambda m: w @ m, lambda m: m + w):
        with pytest.raises(TypeError, match="matrix has arithmetic of its own"):
            use(m)


def test_units_are_never_lost() -> None:
    class Metres(np.ndarray[Any, Any]):
        def __array_ufunc__(self, *args: Any, **named: Any) -> Any:
            return NotImplemented

    lengths = np.ones(2).view(Metres)
    for use in (Tensor, lambda x: Tensor([1.0, 2.0]) * x):
        with pytest.raises(TypeError, match="Metres has arithmetic of its own"):
            use(lengths)


def test_a_structured_array_has_fields_to_choose_from() -> None:
    w = Tensor([1.0])
    for use in (Tensor, lambda r: w * r, lambda r: r * w, lambda r: cat([w, r])):
        for records in (RECORDS, RECORDS.view(np.recarray)):
            with pytest.raises(TypeError, match=r"take one of its fields, such as x\['name'\]"):
                use(records)
    assert Tensor(RECORDS["b"]).data.tolist() == [2.0]
    assert Tensor(RECORDS.view(np.recarray).b).data.tolist() == [2.0]
