"""A check of functions on other libraries' arrays: PyTorch's, JAX's, the array API standard's.

Most is not part of the ordinary run: `python -m pytest -m peers tests/test_check_frameworks.py`.
The ordinary run goes the same ways with `array_api_strict` and the stand-ins of `stand_ins.py`.
"""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stand_ins

from autograd import assert_gradients, gradcheck

strict = pytest.importorskip("array_api_strict")
Layer = namedtuple("Layer", ["w", "b"])


@dataclasses.dataclass
class Weights:
    w: Any
    b: Any


@pytest.fixture
def torch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """PyTorch among the peers, its stand-in otherwise."""
    if "real" in request.fixturenames:
        return pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, "torch", stand_ins.torch())
    return sys.modules["torch"]


@pytest.fixture
def jax(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    if "real" in request.fixturenames:
        return pytest.importorskip("jax")
    monkeypatch.setitem(sys.modules, "jax", stand_ins.jax())
    return sys.modules["jax"]


@pytest.fixture
def real() -> None:
    """Asks for the library itself."""


def verdicts(*args: Any, **options: Any) -> set[str]:
    return {row.verdict for row in gradcheck(*args, **options).rows}


# ---- the array API standard ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [strict.float32, strict.float64])
def test_arrays_of_the_standard_are_checked_in_nested_containers(dtype: Any) -> None:
    x = strict.asarray([1.0, 2.0], dtype=dtype)
    y = strict.asarray(3.0, dtype=dtype)

    def f(p: Any) -> Any:
        return strict.sum(p["a"].w ** 2) * p["b"][0].b

    def df(p: Any) -> Any:
        w, b = p["a"].w, p["b"][0].b
        return {"b": [Layer(0.0 * p["b"][0].w, strict.sum(w**2))], "a": Layer(2.0 * w * b, 0.0)}

    at = {"a": Layer(x, 1.0), "b": [Layer(y, y)]}
    report = assert_gradients(f, at, df=df)
    assert [row.input for row in report.rows][:2] == ["p['a'].w[0]", "p['a'].w[1]"]

    def wrong(p: Any) -> Any:
        found = df(p)
        return found | {"a": Layer(1.001 * found["a"].w, 0.0)}

    bad = [row.input for row in gradcheck(f, at, df=wrong).rows if row.verdict == "wrong"]
    assert bad == ["p['a'].w[0]", "p['a'].w[1]"]


def test_a_dataclass_is_a_container() -> None:
    at = Weights(np.array([1.0, 2.0]), strict.asarray(3.0))

    def df(p: Weights) -> Weights:
        return Weights(2.0 * p.w * float(p.b), float(np.sum(p.w**2)))

    report = gradcheck(lambda p: np.sum(p.w**2) * float(p.b), at, df=df)
    assert report
    assert [row.input for row in report.rows] == ["p.w[0]", "p.w[1]", "p.b"]


def test_single_precision_is_measured_in_double_where_f_takes_that() -> None:
    x = strict.asarray([0.3, 0.7], dtype=strict.float32)
    report = gradcheck(lambda x: strict.sum(strict.exp(x)), x, df=strict.exp)
    assert report
    assert all(row.error_bar < 1e-12 for row in report.rows)
    wrong = verdicts(lambda x: strict.sum(strict.exp(x)), x, df=lambda x: 1.00001 * strict.exp(x))
    assert wrong == {"wrong"}

    weights = strict.asarray([2.0, 3.0], dtype=strict.float32)  # does not mix with doubles

    def narrow(x: Any) -> Any:
        if x.dtype != weights.dtype:
            raise TypeError("two dtypes")
        return strict.sum(x * weights)

    report = gradcheck(narrow, x, df=lambda x: weights)
    assert report
    assert all(row.error_bar > 1e-12 for row in report.rows)


def test_a_kink_that_a_rounded_constant_moves_is_a_kink() -> None:
    x = strict.asarray(0.1, dtype=strict.float32)

    def f(x: Any) -> Any:
        u = x - strict.asarray(0.1, dtype=x.dtype)
        return u if u > 0 else 0.0 * u

    assert verdicts(f, x, df=lambda x: 0.0 * x) == {"kink"}
    assert verdicts(f, x, df=lambda x: 0.0 * x + 3.0) == {"wrong"}


def test_what_changes_its_argument_is_an_error_in_any_library() -> None:
    def f(x: Any) -> Any:
        x *= 2.0
        return strict.sum(x)

    with pytest.raises(ValueError, match=r"f changes its argument: x\[0\]"):
        gradcheck(f, strict.asarray([1.0, 2.0]), df=lambda x: x)


def test_the_array_of_a_library_without_derivatives_wants_df() -> None:
    with pytest.raises(TypeError, match="array_api_strict, which has no derivatives: give df="):
        gradcheck(lambda x: strict.sum(x), strict.asarray([1.0, 2.0]))


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64"])
def test_an_array_of_other_than_real_numbers_is_an_error(dtype: str) -> None:
    x = strict.astype(strict.asarray([1, 0]), getattr(strict, dtype))
    with pytest.raises(TypeError, match=rf"weights\['w'\] is an array of {dtype}: a derivative"):
        gradcheck(lambda weights: weights["w"], {"w": x}, df=lambda weights: weights)


def test_a_complex_answer_is_an_error_that_says_what_to_return() -> None:
    x = strict.asarray([1.0, 2.0])
    with pytest.raises(TypeError, match=r"f returned complex64 numbers.*real and the imaginary"):
        gradcheck(lambda x: strict.astype(x, strict.complex64), x, df=lambda x: x)


def test_a_gradient_of_another_structure_names_the_part() -> None:
    at = {"w": strict.ones((2, 3)), "b": strict.ones(2)}

    def f(p: Any) -> Any:
        return strict.sum(p["w"]) + strict.sum(p["b"])

    with pytest.raises(ValueError, match=r"\(3, 2\) where \(2, 3\) is due, for p\['w'\]"):
        gradcheck(f, at, df=lambda p: {"w": strict.ones((3, 2)), "b": p["b"]})
    with pytest.raises(ValueError, match=r"keys 'w' for p, where a dict"):
        gradcheck(f, at, df=lambda p: {"w": p["w"]})


def test_bounds_may_be_arrays_of_the_library_and_the_point_lies_within() -> None:
    x = strict.asarray([0.5, 4.0])

    def f(x: Any) -> Any:
        assert strict.all(x <= 4.0)
        return strict.sum(x**2)

    high = strict.asarray([1.0, 4.0])
    assert gradcheck(f, x, df=lambda x: 2.0 * x, bounds=(None, high))
    with pytest.raises(ValueError, match=r"x\[1\] is 4.0, outside its bounds -inf and 3.0"):
        gradcheck(f, x, df=lambda x: 2.0 * x, bounds=(None, high - strict.asarray([0.0, 1.0])))


def test_a_random_function_is_told_with_what_to_do() -> None:
    rng = np.random.default_rng(0)

    def dropout(x: Any) -> Any:
        return strict.sum(x * strict.asarray(rng.integers(0, 2, 2) * 2.0))

    report = gradcheck(dropout, strict.asarray([1.0, 2.0]), df=lambda x: 0.0 * x + 1.0)
    assert {row.verdict for row in report.rows} == {"noisy"}
    assert "dropout is off after eval()" in str(report)


# ---- sparse answers ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["csr_matrix", "coo_matrix", "csc_array"])
def test_a_sparse_jacobian_is_checked(kind: str) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    x = np.array([1.0, 2.0, 3.0])
    matrix = getattr(sparse, kind)

    def f(x: Any) -> Any:
        return x[1:] * x[:-1]

    def df(x: Any) -> Any:
        return matrix([[x[1], x[0], 0.0], [0.0, x[2], x[1]]])

    assert gradcheck(f, x, df=df)
    wrong = [row.name for row in gradcheck(f, x, df=lambda x: df(x) * 1.001).rows if not row.note]
    assert len(wrong) == 4
    with pytest.raises(ValueError, match=r"\(3, 2\) where \(2, 3\) is due"):
        gradcheck(f, x, df=lambda x: df(x).T)


# ---- who differentiates --------------------------------------------------------------------------

peers = pytest.mark.peers
ways = pytest.mark.parametrize("way", [pytest.param("stand-in"), pytest.param("real", marks=peers)])


@ways
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_whoever_owns_the_answer_differentiates_it(
    way: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if way == "real":
        pytest.importorskip(library)
    else:
        monkeypatch.setitem(sys.modules, library, getattr(stand_ins, library)())
    module: Any = sys.modules[library]
    make = module.tensor if library == "torch" else module.numpy.asarray
    x, y = (make(np.array(a, np.float32)) for a in ([1.0, 2.0], [3.0, 5.0]))

    def f(p: Any, c: Any) -> Any:
        return [(p["x"] * p["x"] * p["y"]).sum() * c, p["y"] * 2.0]

    report = assert_gradients(f, {"x": x, "y": y}, 3.0)
    assert [row.analytic for row in report.rows[:6]] == [18.0, 0.0, 0.0, 60.0, 0.0, 0.0]
    assert len(report.rows) == 15
    report = gradcheck(lambda x: 2.0, x, df=lambda x: 0.0 * x)
    assert report
    with pytest.raises(TypeError, match=f"which no library can differentiate: .* {library} comp"):
        gradcheck(lambda x: 2.0, x)
    with pytest.raises(TypeError, match=f"mixes arrays of array_api_strict and {library}"):
        gradcheck(lambda x, y: x * 2.0, x, strict.asarray([1.0]))


def test_a_tensor_that_is_written_to_is_told(torch: Any) -> None:
    x = torch.tensor(np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="f changes its argument"):
        gradcheck(lambda x: x.mul_(2.0).sum(), x)


def test_a_function_of_this_engine_is_differentiated_by_it_whatever_is_loaded(torch: Any) -> None:
    assert gradcheck(lambda x: (x * x).sum(), np.array([1.0, 2.0]))
    assert gradcheck(lambda x: x * x, 3.0)


def test_a_function_of_tensors_is_differentiated_by_this_engine_on_arrays_of_the_standard() -> None:
    pytest.importorskip("array_api_compat")
    report = gradcheck(lambda x: (x * x).sum(), strict.asarray([1.0, 2.0], dtype=strict.float64))
    assert [row.analytic for row in report.rows if row.verdict == "ok"] == [2.0, 4.0]


def test_no_library_is_imported_that_was_not() -> None:
    code = (
        "import sys, numpy, autograd\n"
        "autograd.gradcheck(lambda x: (x * x).sum(), numpy.ones(2))\n"
        "autograd.gradcheck(lambda x: (x * x).sum(), numpy.ones(2), df=lambda x: 2 * x)\n"
        "found = {'torch', 'jax', 'array_api_strict', 'array_api_compat'} & {*sys.modules}\n"
        "sys.exit(str(found) if found else 0)"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert not done.returncode, done.stderr


# ---- PyTorch itself ------------------------------------------------------------------------------


@peers
def test_a_function_of_torch_with_a_backward_of_its_own_is_checked(real: None, torch: Any) -> None:
    def cube(backward: Any) -> Any:
        class Cube(torch.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return x**3

        Cube.backward = staticmethod(lambda ctx, g: backward(g, *ctx.saved_tensors))
        return Cube.apply

    x = torch.tensor([1.0, 2.0])
    assert gradcheck(cube(lambda g, x: 3 * x**2 * g), x)
    assert "wrong" in verdicts(cube(lambda g, x: 3 * x**2 * g * 1.001), x)
    assert "wrong" in verdicts(lambda x: cube(lambda g, x: 3 * x**2)(x).sum(), x), "g forgotten"


@peers
def test_a_module_is_checked_by_its_input_and_by_its_parameters(real: None, torch: Any) -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    x = torch.randn(5, 3)
    report = assert_gradients(model, x[0])
    assert all(row.error_bar < 1e-9 for row in report.rows), "a copy in doubles was measured"
    assert all(p.dtype == torch.float32 for p in model.parameters())

    def loss(parameters: Any) -> Any:
        return torch.func.functional_call(model, parameters, (x.to(parameters["0.bias"]),)).sum()

    report = assert_gradients(loss, dict(model.named_parameters()))
    assert report.rows[0].input == "parameters['0.weight'][0, 0]"
    dropping = torch.nn.Sequential(model, torch.nn.Dropout(0.5))
    assert "dropout" in str(gradcheck(dropping, x[0]))
    assert gradcheck(dropping.eval(), x[0])


@peers
@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_a_dtype_of_torch_is_judged_by_its_own_rounding(name: str, real: None, torch: Any) -> None:
    x = torch.tensor([1.0, 2.0, 3.0], dtype=getattr(torch, name))
    off = {"float16": 1.05, "bfloat16": 1.2}.get(name, 1.001)

    def f(x: Any) -> Any:
        return (torch.sin(x) ** 2).sum()

    assert verdicts(f, x) == {"ok"}
    assert verdicts(f, x, df=lambda x: torch.sin(2 * x) * off) == {"wrong"}


@peers
def test_a_tensor_that_f_moves_to_another_device_is_an_error(real: None, torch: Any) -> None:
    x = torch.tensor([1.0, 2.0])
    with pytest.raises(ValueError, match="on the device meta, which holds no numbers"):
        gradcheck(lambda x: x.to("meta").sum(), x)
    with pytest.raises(ValueError, match="x is a tensor on the device meta"):
        gradcheck(lambda x: x.sum(), x.to("meta"))


@peers
def test_a_gradient_that_torch_loses_is_wrong_with_a_hint(real: None, torch: Any) -> None:
    report = gradcheck(lambda x: (x.detach() ** 2).sum(), torch.tensor([1.0, 2.0]))
    assert {row.verdict for row in report.rows} == {"wrong"}
    assert "detach()" in str(report)


@peers
def test_a_sparse_gradient_of_torch_is_checked(real: None, torch: Any) -> None:
    x = torch.tensor([1.0, 2.0, 0.0])
    assert gradcheck(lambda x: (x**2).sum(), x, df=lambda x: (2 * x).to_sparse())


# ---- JAX itself ----------------------------------------------------------------------------------


@peers
def test_custom_derivatives_of_jax_are_checked(real: None, jax: Any) -> None:
    jnp = jax.numpy

    def softly(slope: float) -> Any:
        @jax.custom_vjp
        def f(x: Any) -> Any:
            return jnp.log1p(jnp.exp(x))

        f.defvjp(lambda x: (f(x), x), lambda x, g: (slope * g * jax.nn.sigmoid(x),))
        return f

    def squared(slope: float) -> Any:
        @jax.custom_jvp
        def f(x: Any) -> Any:
            return x**2

        f.defjvp(lambda xs, ds: (xs[0] ** 2, slope * 2 * xs[0] * ds[0]))
        return f

    for x in (jnp.float32(0.7), jnp.asarray([0.7, -1.0]), jnp.asarray([0.5], jnp.bfloat16)):
        for make in (softly, squared):
            assert gradcheck(make(1.0), x)
            assert "wrong" in verdicts(make(1.3), x)
    assert gradcheck(softly(1.0), 0.7)
    assert not jax.config.jax_enable_x64


# ---- the cases of the checker --------------------------------------------------------------------


@peers
@pytest.mark.slow
@pytest.mark.parametrize("library", ["torch", "jax"])
def test_in_single_precision_no_right_gradient_is_accused_and_wrong_ones_are_found(
    library: str,
) -> None:
    pytest.importorskip(library)
    sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
    tally = importlib.import_module("gradcheck_frameworks").tally
    right, wrong, _ = tally(library, 1e-3, every=7)
    assert right["wrong"] == 0
    assert right["noisy"] <= 0.03 * right.total()
    assert wrong["wrong"] >= 0.98 * wrong.total()


def test_derivatives_of_a_gradient_elsewhere_are_given_by_hand() -> None:
    x = strict.asarray([1.0, 2.0])
    with pytest.raises(ValueError, match="hess= "):
        gradcheck(lambda x: strict.sum(x * x), x, df=lambda x: 2.0 * x, order=2)


@pytest.mark.peers
def test_a_backward_that_ignores_the_gradient_that_arrives_is_named_in_torch() -> None:
    torch = pytest.importorskip("torch")

    class Cube(torch.autograd.Function):  # type: ignore[misc, name-defined]
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return 3.0 * ctx.saved_tensors[0] ** 2

    found = gradcheck(lambda x: Cube.apply(x).sum(), torch.tensor([0.5, -1.5, 2.0]))
    assert [kind.key for kind in found.mistakes] == ["arriving"]


@pytest.mark.peers
def test_a_module_is_left_as_it_was_and_inference_mode_is_no_hindrance() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.BatchNorm1d(2)
    gradcheck(model, torch.tensor([[1.0, 2.0], [3.0, 5.0], [0.5, 1.0]]))
    assert model.num_batches_tracked == 0
    assert not model.running_mean.any()
    with torch.inference_mode():
        assert gradcheck(lambda x: (x * x).sum(), torch.tensor([0.5, -1.5]))
    assert gradcheck(lambda x: (x.sum(), 3.0), torch.tensor([0.5, -1.5]))


@pytest.mark.peers
def test_many_elements_of_single_precision_are_judged_by_its_rounding() -> None:
    torch = pytest.importorskip("torch")
    x = torch.linspace(-2.0, 2.0, 20_000)
    for seed in range(3):
        assert gradcheck(lambda x: (x.sin() * x).sum(), x, seed=seed)
    assert not gradcheck(
        lambda x: (x.sin() * x).sum(), x, df=lambda x: 1.001 * (x.cos() * x + x.sin())
    )
    numbers = np.array([1.0, 2.0], np.float32)
    mixed = lambda x, a: (x * torch.from_numpy(a).to(x.dtype)).sum()
    df = lambda x, a: (torch.from_numpy(a).to(x.dtype), x.float().numpy())
    assert gradcheck(mixed, torch.tensor([0.1, 0.7], dtype=torch.float64), numbers, df=df)
