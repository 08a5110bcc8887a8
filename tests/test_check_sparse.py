"""Sparse Jacobians: columns without a row in common are moved together, and nothing is missed."""

from __future__ import annotations

import pytest

np = pytest.importorskip("numpy")
import scipy.sparse as sp  # noqa: E402

from autograd import gradcheck  # noqa: E402
from autograd.checking.large import colours  # noqa: E402

X = np.random.default_rng(1).normal(size=600)


class Bands:
    """A function with a Jacobian of three diagonals, and how often it was asked."""

    calls = 0

    def __call__(self, x):
        self.calls += 1
        y = np.sin(x) * x
        y[1:] += x[:-1] ** 2
        y[:-1] -= np.exp(x[1:] / 3.0)
        return y


def right(x):
    main = np.cos(x) * x + np.sin(x)
    return sp.diags([main, 2.0 * x[:-1], -np.exp(x[1:] / 3.0) / 3.0], [0, -1, 1], format="csr")


def changed(i, j, factor):
    def df(x):
        matrix = right(x).tolil()
        matrix[i, j] *= factor
        return matrix.tocsc()

    return df


def bad(found):
    return [row.name for row in found.rows if row.verdict != "ok"]


def test_three_diagonals_take_the_calls_of_three_columns():
    f = Bands()
    found = gradcheck(f, X, df=right)
    assert found, found
    assert len(found.rows) == right(X).nnz
    assert f.calls <= 320 < X.size
    assert "600 columns of the sparse Jacobian were checked in 3 groups" in str(found)


@pytest.mark.parametrize("place", [(0, 0), (300, 301), (300, 299), (599, 598)])
@pytest.mark.parametrize("factor", [1.001, -1.0, 0.0])
def test_a_wrong_entry_and_a_missing_one_are_named(place, factor):
    i, j = place
    found = gradcheck(lambda x: Bands()(x), X, df=changed(i, j, factor))
    assert bad(found) == [f"df[{i}]/dx[{j}]"]


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_an_entry_outside_of_the_structure_is_found(size):
    def f(x):
        y = Bands()(x)
        y[5] += size * x[500]
        return y

    assert bad(gradcheck(f, X, df=right)) == ["df[5]/dx[500]"]


def test_all_entries_wrong_a_random_matrix_and_one_that_is_not_finite():
    assert {row.verdict for row in gradcheck(Bands(), X, df=lambda x: 2.0 * right(x)).rows} == {
        "wrong"
    }
    rng = np.random.default_rng(0)
    found = gradcheck(Bands(), X, df=lambda x: right(x) * (1.0 + 1e-6 * rng.normal()))
    assert "not deterministic" in str(found)
    assert not found
    assert not gradcheck(Bands(), X[:30], df=lambda x: right(x) * np.nan)


def test_kinks_and_bounds_are_as_in_a_dense_jacobian():
    x = np.where(np.arange(600) == 7, 0.0, X)
    found = gradcheck(abs, x, df=lambda x: sp.diags(np.sign(x), format="csr"))
    assert found
    assert [row.verdict for row in found.rows].count("kink") == 1
    seen = []

    def f(x):
        seen.append(x.copy())
        return Bands()(x)

    low = X - 1e-3 * (np.arange(600) % 7 + 1.0)
    assert gradcheck(f, X, df=right, bounds=(low, X + 1.0))
    assert np.all(np.min(seen, 0) >= low)
    found = gradcheck(Bands(), X[:40], df=right, bounds=(X[:40], X[:40] + 1.0))
    assert "wrong" not in {row.verdict for row in found.rows}, "all at a bound"


def test_columns_of_one_colour_have_no_row_in_common():
    rng = np.random.default_rng(2)
    for density in (0.0, 0.02, 0.2, 1.0):
        matrix = sp.random(40, 50, density, format="csr", random_state=rng)
        groups = colours(matrix)
        assert sorted(j for group in groups for j in group) == list(range(50))
        for group in groups:
            assert (matrix[:, group].toarray() != 0.0).sum(1).max() <= 1


def test_many_elements_in_another_library_or_precision_are_checked_there():
    strict = pytest.importorskip("array_api_strict")
    for x in (X[:40].astype(np.float32), strict.asarray(X[:40])):
        xp = x.__array_namespace__()
        assert gradcheck(
            lambda x, xp=xp: xp.sum(x * x), x, df=lambda x, xp=xp: xp.sin(x) * 0 + 2 * x
        )
    single = X[:40].astype(np.float32)
    assert gradcheck(lambda x: x * x, single, df=lambda x: sp.diags(2 * x, format="csr"))
