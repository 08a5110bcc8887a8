"""Arguments of every kind in one call: right gradients pass, wrong ones do not, nothing changes."""

from __future__ import annotations

import copy
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import pytest

np = pytest.importorskip("numpy")
import scipy.sparse as sp  # noqa: E402
from scipy.sparse.linalg import aslinearoperator  # noqa: E402

from autograd import Tensor, Value, gradcheck  # noqa: E402
from autograd.checking.frameworks import opened  # noqa: E402

strict = pytest.importorskip("array_api_strict")
Pair = namedtuple("Pair", "a b")


@dataclass
class Record:
    a: Any
    b: Any


ROW = [0.75, -1.25]
KINDS: dict[str, Any] = {
    "float": 0.75, "int": 2, "fraction": Fraction(3, 4), "float64": np.float64(0.75),
    "float32": np.float32(0.75), "longdouble": np.longdouble(0.75), "integers": np.array([1, 2]),
    "scalar array": np.array(0.75), "array": np.array(ROW), "strided": np.array([ROW, ROW]).T[::-1],
    "single": np.array(ROW, np.float32), "big-endian": np.array(ROW, ">f8"), "none": np.zeros(0),
    "objects": np.array(ROW, object), "Value": Value(0.75), "Tensor": Tensor(ROW),
    "single Tensor": Tensor(np.array(ROW, np.float32)), "strict": strict.asarray(ROW),
    "strict single": strict.asarray(ROW, dtype=strict.float32), "list": ROW, "tuple": tuple(ROW),
    "pair": Pair(0.75, [None, 1.5]), "ordered": OrderedDict(z=0.75, a=np.array(ROW)),
    "default": defaultdict(list, {1: 0.75, "q": None}), "deque": deque(ROW), "record": Record(*ROW),
    "nested": {"k": [1.5, (None, np.array(ROW, np.float32))], "n": None, "e": []},
}  # fmt: skip


def plain(x):
    return np.asarray(x.data if isinstance(x, (Value, Tensor)) else x, float)


def total(*args):
    parts = []
    opened(list(args), parts.append)
    return sum(float(np.sum(np.sin(plain(x)) * plain(x))) * (i + 1) for i, x in enumerate(parts))


def slopes(change):
    """The gradient of `total`, with its first leaf changed, in the structure of the arguments."""

    def df(*args):
        count = 0

        def slope(x):
            nonlocal count
            count += 1
            right = count * (np.cos(plain(x)) * plain(x) + np.sin(plain(x)))
            g = change(right) if count == 1 else right
            return g if g.shape else float(g)

        found = opened(list(args), slope)
        return found[0] if len(args) == 1 else tuple(found)

    return df


OTHERS = ("float", "single", "strict", "nested")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beside", [None, *OTHERS])
def test_a_right_gradient_passes_and_wrong_ones_do_not_whatever_the_kinds(kind, beside):
    given = [KINDS[name] for name in (kind, beside) if name]
    if kind == "none":
        given = given[::-1]
        if not beside:
            pytest.skip("nothing to differentiate by")
    before = repr(given)
    assert gradcheck(total, *given, df=slopes(lambda g: g))
    for change in (lambda g: -g, lambda g: 2.0 * g, lambda g: 1.001 * g):
        assert "wrong" in {row.verdict for row in gradcheck(total, *given, df=slopes(change)).rows}
    assert repr(given) == before


@pytest.mark.parametrize("bad", [True, 1j, "a", {1.0}, np.array([True]), np.array([1j]), b"x"])
@pytest.mark.parametrize("beside", [None, *OTHERS])
def test_what_is_no_real_number_is_told_before_the_function_meets_it(bad, beside):
    def never(*args):
        raise AssertionError("called")

    given = [x for x in (KINDS.get(beside), bad) if x is not None]
    with pytest.raises(
        TypeError, match="a derivative is by real numbers; hold anything else fixed"
    ):
        gradcheck(never, *given, df=never)


def test_masked_arrays_are_refused_in_arguments_and_in_gradients():
    masked = np.ma.array(ROW, mask=[0, 1])
    with pytest.raises(TypeError, match=r"x is a masked array.*filled"):
        gradcheck(lambda x: x.sum(), masked, df=lambda x: x * 0 + 1)
    with pytest.raises(TypeError, match="masked array"):
        gradcheck(lambda x: x.sum(), np.array(ROW), df=lambda x: masked)


@pytest.mark.parametrize("nothing", [[], {}, np.zeros(0), None])
def test_a_function_that_returns_no_number_is_an_error(nothing):
    with pytest.raises((TypeError, ValueError), match="return"):
        gradcheck(lambda x: nothing, np.array(ROW), df=lambda x: np.zeros((0, 2)))


A = np.array([[1.0, 2.0, 0.0], [0.0, 5.0, 6.0]])
FORMATS = [
    *(
        lambda a, k=k: sp.csr_matrix(a).asformat(k)
        for k in ["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]
    ),
    *(lambda a, k=k: sp.csr_array(a).asformat(k) for k in ["csr", "dok"]),
    aslinearoperator,
]


@pytest.mark.parametrize("form", FORMATS)
def test_a_jacobian_of_any_sparse_format_is_compared(form):
    x = np.array([0.5, 1.5, -2.0])
    assert gradcheck(lambda x: A @ x, x, df=lambda x: form(A))
    assert not gradcheck(lambda x: A @ x, x, df=lambda x: form(A * [1.0, 1.001, 1.0]))
    assert gradcheck(lambda x: A[0] @ x, x, df=lambda x: form(A[:1])), "of one row"
    with pytest.raises(ValueError, match=r"shape \(3, 2\) where \(2, 3\) is due"):
        gradcheck(lambda x: A @ x, x, df=lambda x: form(A.T))


def test_single_precision_of_numpy_is_measured_in_doubles():
    x = np.random.default_rng(0).normal(size=4000).astype(np.float32)
    assert gradcheck(lambda x: (x * x).sum(), x, df=lambda x: 2 * x)
    assert not gradcheck(lambda x: (x * x).sum(), x, df=lambda x: np.float32(2.01) * x)


def test_a_function_that_keeps_its_memory_is_judged_by_its_values():
    memory, x = np.zeros(3), np.array([0.5, 1.5, -2.0])
    assert gradcheck(lambda x: np.multiply(x, x, out=memory), x, df=lambda x: np.diag(2 * x))


@pytest.mark.parametrize("spoil", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("count", [5, 3000])
def test_a_gradient_that_is_not_finite_is_wrong_and_named(spoil, count):
    x = np.random.default_rng(0).normal(size=count)
    found = gradcheck(
        lambda x: float(x @ x), x, df=lambda x: np.where(np.arange(count) == 3, spoil, 2.0 * x)
    )
    assert [row.name for row in found.rows if row.verdict == "wrong"] == ["x[3]"]


def test_constant_functions_and_stationary_points_of_many_elements_pass():
    x = np.random.default_rng(0).normal(size=3000)
    assert gradcheck(lambda x: 3.0, x, df=lambda x: 0 * x)
    assert gradcheck(lambda x: float(np.sum(np.sin(x) * x)), 0 * x, df=lambda x: 0 * x)
    assert not gradcheck(lambda x: 3.0, x, df=lambda x: 1e-9 * (np.arange(3000) == 7))
    found = gradcheck(lambda x: float(np.sum(abs(x))), 0 * x, df=lambda x: 0 * x)
    assert {row.verdict for row in found.rows} == {"noisy"}, "directions cross the kinks"


def test_many_elements_near_the_end_of_a_domain_are_measured_by_shorter_steps():
    x = abs(np.random.default_rng(0).normal(size=30_000))
    assert gradcheck(lambda x: float(np.sqrt(x).sum()), x, df=lambda x: 0.5 / np.sqrt(x))
    found = gradcheck(lambda y: np.nan if np.any(y != x) else 1.0, x, df=lambda x: 0 * x)
    assert "none of them was measured" in str(found)
    assert not found


def test_one_wrong_pair_of_a_large_hessian_is_named():
    x = np.linspace(0.5, 1.5, 60)
    right = lambda x: np.diag(6.0 * x) + 1.0

    def wrong(x):
        h = right(x)
        h[5, 7] = h[7, 5] = 1.001
        return h

    f, df = lambda x: np.sum(x**3) + 0.5 * np.sum(x) ** 2, lambda x: 3.0 * x**2 + np.sum(x)
    assert gradcheck(f, x, df=df, hess=right)
    bad = [row.name for row in gradcheck(f, x, df=df, hess=wrong).rows if row.verdict != "ok"]
    assert sorted(bad) == ["dgrad[5]/dx[7]", "dgrad[7]/dx[5]"]


def test_many_outputs_with_kinks_poles_and_waves_are_judged_as_few_are():
    functions = [
        abs, lambda t: max(t, 0.0), lambda t: 1.0 / (t - 1e-9), np.sin, np.exp, np.cbrt,
        lambda t: t + 1e-9 * np.sin(2.0**30 * np.pi * t), lambda t: round(t, 3), lambda t: 2.0,
        lambda t: 1e12 + np.sin(t), lambda t: np.sqrt(t) if t >= 0 else np.nan,
        lambda t: t * abs(t),
    ]  # fmt: skip
    for x in (0.0, 1.0, 0.3, 1.0 + 1e-9):
        here = [f for f in functions if np.isfinite(f(x))]
        for claim in (0.0, 1.0, 0.5, np.cos(x)):
            several = lambda t, here=here: np.array([float(f(t)) for f in here + here])
            claims = np.full(2 * len(here), claim)
            many = gradcheck(several, x, df=lambda t, c=claims: c)
            few = [gradcheck(f, x, df=lambda t, c=claim: c).rows[0].verdict for f in here]
            assert [row.verdict for row in many.rows] == few + few


def test_the_structure_of_arguments_is_left_alone():
    given = {"a": [1.0, None], "b": np.array(ROW)}
    before = copy.deepcopy(given)
    gradcheck(lambda d: d["a"][0] * d["b"].sum(), given, df=lambda d: d)
    assert str(given) == str(before)


@pytest.mark.parametrize("dtype", [float, np.float32])
@pytest.mark.parametrize(
    ("f", "right", "wrong"),
    [
        (np.max, [(1, 0), (0, 1), (0.5, 0.5), (0.25, 0.75)], [(1, 1), (0, 0), (0.5, 1)]),
        (lambda x: abs(x[0] - x[1]), [(1, -1), (0, 0), (-0.5, 0.5)], [(1, 1), (1, 0), (-1, 0.5)]),
        (lambda x: max(x[0] + x[1] - 2, 0), [(0, 0), (1, 1)], [(0, 1), (1, 0.5)]),
        (lambda x: abs(x - 1).sum(), [(1, 1), (-1, 1), (0, 0), (0.3, -0.7)], []),
        (lambda x: abs(x[0] - 1) - abs(x[1] - 1), [(1, 1), (1, -1), (0, 0)], []),
    ],
    ids=["max", "distance", "hinge", "sum", "difference"],
)
def test_gradients_at_a_tie_are_judged_together(dtype, f, right, wrong):
    x = np.ones(2, dtype)
    for claim in right:
        found = gradcheck(f, x, df=lambda x, c=claim: np.array(c, dtype))
        assert {row.verdict for row in found.rows} == {"kink"}, (claim, found)
    for claim in wrong:
        found = gradcheck(f, x, df=lambda x, c=claim: np.array(c, dtype))
        assert {row.verdict for row in found.rows} == {"wrong"}, claim
        assert "both together may not" in str(found)
