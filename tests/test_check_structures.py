"""A hand-written gradient is matched with the arguments by key, and not by place."""

from __future__ import annotations

import random
from collections import OrderedDict, namedtuple
from typing import Any

import numpy as np
import pytest

from autograd import assert_gradients, gradcheck

Layer = namedtuple("Layer", ["w", "b"])
Turned = namedtuple("Turned", ["b", "w"])
Arguments = namedtuple("Arguments", ["y", "x"])


def total(tree: Any) -> Any:
    """A different polynomial in each number, by its place in sorted order of keys."""
    return sum(k * x * x for k, x in enumerate(numbers(tree), 1))


def slopes(tree: Any) -> Any:
    count = iter(range(1, 1000))

    def fill(tree: Any) -> Any:
        if isinstance(tree, dict):
            filled = {key: fill(tree[key]) for key in sorted(tree, key=repr)}
            return {key: filled[key] for key in tree}
        if hasattr(tree, "_fields"):
            filled = {key: fill(getattr(tree, key)) for key in sorted(tree._fields)}
            return type(tree)(**filled)
        if isinstance(tree, (list, tuple)):
            return type(tree)(map(fill, tree))
        if isinstance(tree, np.ndarray):
            return np.array([2.0 * next(count) * x for x in tree.ravel()]).reshape(tree.shape)
        return 2.0 * next(count) * tree

    return fill(tree)


def numbers(tree: Any) -> Any:
    if isinstance(tree, dict):
        return [x for key in sorted(tree, key=repr) for x in numbers(tree[key])]
    if hasattr(tree, "_fields"):
        return [x for key in sorted(tree._fields) for x in numbers(getattr(tree, key))]
    if isinstance(tree, (list, tuple)):
        return [x for part in tree for x in numbers(part)]
    return tree.ravel().tolist() if isinstance(tree, np.ndarray) else [tree]


def turned(tree: Any) -> Any:
    """The same structure, with the keys of every dict and the fields in another order."""
    if isinstance(tree, dict):
        return OrderedDict((key, turned(tree[key])) for key in reversed(list(tree)))
    if isinstance(tree, (Layer, Turned)):
        other = Turned if isinstance(tree, Layer) else Layer
        return other(**{key: turned(x) for key, x in tree._asdict().items()})
    if isinstance(tree, (list, tuple)):
        return type(tree)(map(turned, tree))
    return tree


STRUCTURES = [
    {"b": 1.5, "a": 2.5},
    {"b": [1.5, 0.5], "a": 2.5},
    {2: 1.5, 1: 2.5, "x": 0.25},
    [{"b": 1.5, "a": 2.5}, {"c": {"z": 1.25, "y": [0.5, {"q": 2.0, "p": 3.0}]}}],
    {"layers": [Layer(w=1.5, b=0.5), Layer(w=[1.0, 2.0], b=0.25)], "scale": 3.0},
    Layer(w={"r": 1.0, "i": 2.0}, b=(0.5, 0.75)),
    {"w": np.array([[1.0, 2.0], [3.0, 4.0]]), "b": np.array([0.5, 0.25])},
    OrderedDict(b=[np.array([1.0, 2.0])], a=0.5),
    {"empty": [], "b": 1.0, "a": {"none": {}, "x": 2.0}},
]


@pytest.mark.slow
@pytest.mark.parametrize("tree", STRUCTURES, ids=repr)
def test_a_gradient_is_matched_by_key_at_every_depth(tree: Any) -> None:
    assert gradcheck(total, tree, df=slopes)
    assert assert_gradients(total, tree, df=lambda tree: turned(slopes(tree)))
    assert gradcheck(total, turned(tree), df=lambda tree: turned(slopes(tree)))
    assert gradcheck(total, tree, df=lambda tree: turned(slopes(tree)), directions=2)
    wrong = gradcheck(total, tree, df=lambda tree: turned(slopes(scaled(tree))))
    assert {row.verdict for row in wrong.rows} == {"wrong"}


def scaled(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: scaled(x) for key, x in tree.items()}
    if hasattr(tree, "_fields"):
        return type(tree)(*map(scaled, tree))
    return [scaled(x) for x in tree] if isinstance(tree, (list, tuple)) else 1.5 * tree


@pytest.mark.slow
def test_a_random_structure_is_matched_in_any_order_of_its_keys() -> None:
    rng = random.Random(5)

    def grown(depth: int) -> Any:
        kind = rng.choice(["dict", "list", "layer", "number"] if depth else ["number"])
        if kind == "dict":
            return {key: grown(depth - 1) for key in rng.sample("abcdef", rng.randint(1, 3))}
        if kind == "list":
            return [grown(depth - 1) for _ in range(rng.randint(1, 3))]
        if kind == "layer":
            return Layer(w=grown(depth - 1), b=grown(depth - 1))
        return rng.choice([rng.uniform(1.0, 2.0), np.array([rng.uniform(1.0, 2.0), 0.5])])

    for _ in range(30):
        tree = {"b": grown(3), "a": grown(3)}
        right = gradcheck(total, tree, df=lambda tree: turned(slopes(tree)), directions=1)
        assert right, tree
        wrong = gradcheck(total, tree, df=lambda tree: turned(slopes(scaled(tree))), directions=1)
        assert not wrong


@pytest.mark.parametrize(
    ("given", "df"),
    [
        ([1.0, 2.0], lambda x: np.array([2.0, 8.0])),
        ([1.0, 2.0], lambda x: (2.0, 8.0)),
        ((1.0, [2.0]), lambda x: (2.0, np.array([8.0]))),
        ([[1.0, 2.0], [3.0, 4.0]], lambda x: np.array([[2.0, 8.0], [18.0, 32.0]])),
        (np.array([[1.0], [2.0]]), lambda x: [[2.0], [8.0]]),
        (np.array([1.0, 2.0]), lambda x: (np.array([2.0, 8.0]),)),
        (Layer(w=2.0, b=1.0), lambda x: (8.0, 2.0)),
        (3.0, lambda x: [6.0]),
        (3.0, lambda x: np.array([6.0])),
        ({"b": 2.0, "a": 1.0}, lambda x: ({"a": 2.0, "b": 8.0},)),
        (np.array(3.0), lambda x: 6.0),
        ([1, 2], lambda x: np.array([2, 8])),
    ],
)  # fmt: skip
def test_lists_tuples_and_arrays_stand_for_each_other(given: Any, df: Any) -> None:
    assert gradcheck(total, given, df=df)


def test_several_arguments_are_matched_by_place_or_by_the_fields_of_a_namedtuple() -> None:
    def f(x: Any, y: Any) -> Any:
        return x["a"] * x["b"] ** 2 + y**3

    def df(x: Any, y: Any) -> Any:
        return {"b": 2 * x["a"] * x["b"], "a": x["b"] ** 2}, 3 * y**2

    at = {"a": 2.0, "b": 3.0}, 1.5
    assert gradcheck(f, *at, df=df)
    assert gradcheck(f, *at, df=lambda x, y: Arguments(x=df(x, y)[0], y=df(x, y)[1]))


@pytest.mark.slow
def test_rows_of_a_jacobian_are_matched_by_key_whichever_structure_is_outside() -> None:
    at = {"b": 2.0, "a": np.array([1.0, 3.0])}

    def f(x: Any) -> Any:
        return {"q": x["b"] * x["a"][0], "p": np.array([x["b"] ** 2, x["a"][0] * x["a"][1]])}

    def df(x: Any) -> Any:
        b, (a, c) = x["b"], x["a"]
        return {
            "p": {"a": np.array([[0.0, 0.0], [c, a]]), "b": np.array([2 * b, 0.0])},
            "q": {"a": np.array([b, 0.0]), "b": a},
        }

    assert gradcheck(f, at, df=df)
    rows = [{"a": df(at)["p"]["a"][i], "b": df(at)["p"]["b"][i]} for i in range(2)]
    assert gradcheck(f, at, df=lambda x: {"p": rows, "q": df(x)["q"]})
    assert gradcheck(lambda x: f(x)["p"], at, df=lambda x: df(x)["p"])
    assert gradcheck(lambda x: f(x)["p"], at, df=lambda x: rows)
    assert gradcheck(lambda x: [f(x)["q"]], at, df=lambda x: df(x)["q"])
    assert gradcheck(lambda x: [f(x)["q"]], at, df=lambda x: [df(x)["q"]])
    swapped = {"p": df(at)["p"], "q": {"a": df(at)["q"]["a"], "b": df(at)["q"]["b"] + 1.0}}
    found = gradcheck(f, at, df=lambda x: swapped)
    assert [row.name for row in found.rows if row.verdict == "wrong"] == ["df['q']/dx['b']"]


@pytest.mark.parametrize("order", [1, 2])
def test_a_result_whose_keys_come_in_another_order_elsewhere_is_matched_by_key(order: int) -> None:
    def f(x: Any) -> Any:
        found = {"square": x * x, "cube": x * x * x}
        return found if x <= 1.5 else dict(reversed(found.items()))

    for report in (
        gradcheck(f, 1.5, order=order),
        gradcheck(f, 1.5, df=lambda x: {"cube": 3 * x * x, "square": 2 * x}),
    ):
        assert {row.verdict for row in report.rows} == {"ok"}


@pytest.mark.parametrize(
    ("given", "df", "message"),
    [
        ({"a": 1.0, "b": 2.0}, {"a": 1.0}, r"the key[s]? 'a' for x, where .* 'a', 'b' is due"),
        ({"a": 1.0}, {"a": 1.0, "c": 2.0}, "'a', 'c' for x, where"),
        ({"a": 1.0, "b": 2.0}, [2.0, 4.0], r"\[2.0, 4.0\] \(list\) for x, where a dict"),
        ({"a": 1.0, "b": 2.0}, np.array([2.0, 4.0]), r"shape \(2,\) for x, where a dict"),
        ([1.0, 2.0], {0: 1.0, 1: 2.0}, "a dict with the keys 0, 1 for x, where"),
        ([1.0, 2.0], [1.0, 2.0, 3.0], "for x, where .*: 3 numbers where 2 are due"),
        ([[1.0, 2.0], [3.0]], [[1.0], [2.0, 3.0]], r"for x\[0\], where"),
        ({"layers": [Layer(0.0, 1.0), Layer([1.0, 2.0], 1.0)]},
         {"layers": [Layer(0.0, 1.0), Layer([1.0], 1.0)]}, r"for x\['layers'\]\[1\]\.w, where"),
        ({"layers": [0.0, {"w": 1.0}]}, {"layers": [0.0, {"v": 1.0}]}, r"for x\['layers'\]\[1\]"),
        ({"w": np.ones((2, 3))}, {"w": np.ones((3, 2))},
         r"\(3, 2\) where \(2, 3\) is due, for x\['w'\]"),
        (Layer(1.0, 2.0), namedtuple("Other", "w c")(1.0, 2.0), "for x, where"),
        ({"w": 1.0}, {"w": {"a": 1.0}}, r"for x\['w'\], where a number is due"),
        (1.0, [1.0, 2.0], "for x, where a number is due"),
        ({"w": 1.0}, {"w": []}, r"for x\['w'\], where a number is due"),
    ],
)  # fmt: skip
def test_a_gradient_of_another_structure_is_an_error_that_names_the_part(
    given: Any, df: Any, message: str
) -> None:
    def f(x: Any) -> float:
        return float(sum(numbers(x)))

    with pytest.raises(ValueError, match=message):
        gradcheck(f, given, df=lambda x: df)


@pytest.mark.parametrize("bad", [None, "1", 1j, object()])
def test_what_is_no_number_in_a_gradient_is_an_error(bad: Any) -> None:
    with pytest.raises(TypeError, match="df returned"):
        gradcheck(total, {"b": 1.0, "a": [2.0]}, df=lambda x: {"a": [4.0], "b": bad})
