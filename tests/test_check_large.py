"""Gradients of many elements: what directions see, what halving names, what stays unseen."""

from __future__ import annotations

import json
import math

import pytest

np = pytest.importorskip("numpy")
from autograd import assert_gradients, gradcheck  # noqa: E402

X = np.random.default_rng(1).normal(size=20_000)


class Counted:
    """The sum of x sin x, and how often it was asked."""

    calls = 0

    def __call__(self, x):
        self.calls += 1
        return float(np.sum(np.sin(x) * x))


def names(found):
    return [row.name for row in found.rows]


def right(x):
    return np.cos(x) * x + np.sin(x)


def test_a_right_gradient_passes_and_what_was_not_seen_is_said():
    f = Counted()
    found = gradcheck(f, X, df=right)
    assert found
    assert f.calls <= 60
    assert "20,000 elements were checked along 3 random directions, not one by one" in str(found)
    assert "smallest error" in str(found)
    assert "budget=math.inf" in str(found)


@pytest.mark.parametrize("place", [0, 12_345, 19_999])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_one_wrong_element_is_named(place, sign):
    def wrong(x):
        g = right(x)
        g[place] += sign * 1e-3 * np.linalg.norm(g)
        return g

    f = Counted()
    found = gradcheck(f, X, df=wrong)
    assert [n for n in names(found) if "direction" not in n] == [f"argument 1[{place}]"]
    assert found.rows[0].verdict == "wrong"
    assert f.calls <= 200


def test_a_gradient_that_is_wrong_everywhere_names_five_elements_at_most():
    f = Counted()
    found = gradcheck(f, X, df=lambda x: 2.0 * right(x))
    assert not found
    named = [name for name in names(found) if "direction" not in name]
    assert 1 <= len(named) <= 5
    assert f.calls <= 600


def test_an_element_at_its_kink_is_not_wrong():
    x = X[:1000].copy()
    x[7] = 0.0
    found = gradcheck(lambda x: np.sum(np.abs(x)), x, df=lambda x: np.where(x, np.sign(x), 0.7))
    assert "wrong" not in {row.verdict for row in found.rows}


def test_where_directions_cross_kinks_it_is_noisy_and_says_how_to_ask_for_elements():
    found = gradcheck(
        lambda x: float(np.sum(np.abs(np.sin(300 * x)))), X[:5000],
        df=lambda x: 300 * np.cos(300 * x) * np.sign(np.sin(300 * x)),
    )  # fmt: skip
    assert not found
    assert {row.verdict for row in found.rows} == {"noisy"}
    assert all("budget=math.inf" in row.note for row in found.rows)


def test_few_elements_and_an_endless_budget_are_checked_one_by_one():
    x = X[:30]
    assert len(gradcheck(Counted(), x, df=right).rows) == 30
    found = gradcheck(Counted(), x, df=right, budget=100)
    assert [row.name for row in found.rows] == [f"direction {k}" for k in (1, 2, 3)]
    assert len(gradcheck(Counted(), x, df=right, budget=math.inf).rows) == 30


@pytest.mark.parametrize("place", [0, 999])
def test_elements_at_a_bound_are_checked_to_the_inside(place):
    x, seen = np.repeat([0.0, 1.0], 500), []
    low, high = np.zeros(1000), np.ones(1000)

    def f(x):
        seen.append(x.copy())
        return float(np.sum(np.sin(x) * x))

    assert gradcheck(f, x, df=right, bounds=(low, high))
    found = gradcheck(f, x, df=lambda x: right(x) + (np.arange(1000) == place), bounds=(low, high))
    assert [n for n in names(found) if "direction" not in n] == [f"x[{place}]"]
    assert min(map(np.min, seen)) == 0.0
    assert max(map(np.max, seen)) == 1.0


def test_elements_without_room_between_their_bounds_are_said_to_be_unchecked():
    high = np.where(np.arange(1000) < 10, X[:1000], 9.0)
    found = gradcheck(Counted(), X[:1000], df=right, bounds=(np.minimum(X[:1000], high), high))
    assert found
    assert "10 that their bounds leave no room were not moved and are not checked" in str(found)


def test_several_outputs_and_single_precision():
    x = X[:1000].astype(np.float32)
    assert gradcheck(lambda x: np.sum(x * x), x, df=lambda x: 2 * x)
    wide = lambda x: np.array([np.sum(np.exp(x)), np.sum(x**3)])
    slopes = lambda x: np.stack([np.exp(x), 3 * x**2])
    assert gradcheck(wide, X[:1000], df=slopes)


def test_arguments_that_are_fixed():
    def power(n, x, scale=1.0):
        return scale * x**n

    def slope(n, x, scale=1.0):
        return scale * n * x ** (n - 1)

    for found in (
        gradcheck(power, 3, 2.0, df=slope, fixed="n"),
        gradcheck(power, 3, 2.0, df=slope, fixed=("n",)),
        gradcheck(power, 3, 2.0, fixed=("n",)),
    ):
        assert found
        assert [row.name for row in found.rows] == ["x"]
    assert gradcheck(lambda x, *, mode: x if mode == "a" else x * x, 2.0, fixed={"mode": "b"})
    with pytest.raises(ValueError, match="fixed has 'm', but the arguments are n, x"):
        gradcheck(power, 3, 2.0, df=slope, fixed=("m",))
    with pytest.raises(ValueError, match="all arguments are fixed"):
        gradcheck(power, 3, 2.0, df=slope, fixed=("n", "x"))


def test_a_report_as_a_dictionary_and_as_a_table_in_a_notebook():
    found = gradcheck(lambda x: x[0] * x[1], [2.0, 3.0], df=lambda x: [x[1], 5.0])
    told = json.loads(json.dumps(found.to_dict()))
    assert told["ok"] is False
    assert [(row["input"], row["verdict"]) for row in told["rows"]] == [
        ("x[0]", "ok"), ("x[1]", "wrong"),
    ]  # fmt: skip
    assert told["rows"][1]["analytic"] == 5.0
    html = found._repr_html_()
    assert html.count("<tr>") == 3
    assert html.index("x[1]") < html.index("x[0]"), "what is wrong comes first"
    found = gradcheck(lambda x: x["<b>"] * 2.0, {"<b>": 1.0}, df=lambda x: {"<b>": 1.0})
    assert "<b>" not in found._repr_html_(), "names are data"


def test_a_failing_test_shows_the_worst_five_rows_first():
    off = np.array([0, 5, 0, 1, 0, 4, 2, 0, 3, 0, 6], float)
    with pytest.raises(AssertionError) as caught:
        assert_gradients(lambda x: np.sum(x * x), X[:11], df=lambda x: 2 * x + off)
    lines = str(caught.value).splitlines()
    assert [line.split()[0] for line in lines[3:8]] == ["x[10]", "x[1]", "x[5]", "x[8]", "x[6]"]
    assert "all that was checked:" in lines


@pytest.mark.parametrize("seed", range(6))
def test_directions_that_cross_kinks_of_small_elements_are_noisy_and_not_wrong(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=600)
    x[:60] = rng.choice([-1, 1], 60) * 10.0 ** rng.uniform(-16, -2, 60)

    def f(v):
        return float(np.sqrt(abs(v) + 1e-6).sum())

    def df(v):
        return np.sign(v) / (2.0 * np.sqrt(abs(v) + 1e-6))

    assert not [row for row in gradcheck(f, x, df=df).rows if row.verdict == "wrong"]
    spread = gradcheck(f, np.where(abs(x) < 0.1, 1.0, x), df=lambda v: df(v) * (1.0 + 1e-6))
    assert any(row.verdict == "wrong" for row in spread.rows)
