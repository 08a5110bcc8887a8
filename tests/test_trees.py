"""Every transform with every structure, in and out; and the walker that all of them share."""

from __future__ import annotations

import math
import sys
from collections import Counter, OrderedDict, UserDict, defaultdict, namedtuple
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import pytest

import autograd
from autograd import (
    Tensor,
    Value,
    grad,
    gradcheck,
    hessian,
    hvp,
    jacobian,
    jvp,
    stack_values,
    trees,
    value_and_grad,
    vjp,
)

Point = namedtuple("Point", "x y z")


class Named(dict):
    """A dict that is not made of a dict."""

    def __init__(self, name, **items):
        super().__init__(**items)
        self.name = name


class Frozen(Mapping):
    """A mapping that can only be made of another, and never changes."""

    def __init__(self, items):
        self._items = dict(items)

    def __getitem__(self, key):
        return self._items[key]

    def __iter__(self):
        return iter(self._items)

    def __len__(self):
        return len(self._items)


class Secret(Frozen):
    """A mapping that nobody else can make."""

    def __init__(self, *items):
        super().__init__(items)


def objects(*xs, shape=None):
    array = np.empty(len(xs), object)
    array[:] = xs
    return array.reshape(len(xs) if shape is None else shape)


def floats(*xs):
    """An array of floats; a Tensor where there are nodes."""
    return stack_values(list(xs)) if any(isinstance(x, Value) for x in xs) else np.array(xs)


def numbers(tree):
    """The numbers in a tree, one after the other, by no code of the package but `values()`."""
    if isinstance(tree, Mapping):
        return [x for branch in tree.values() for x in numbers(branch)]
    if isinstance(tree, (list, tuple)):
        return [x for branch in tree for x in numbers(branch)]
    if isinstance(tree, Tensor):
        return numbers(tree.values())
    if isinstance(tree, np.ndarray):
        return list(tree.ravel())
    return [] if tree is None else [tree]


# Each takes three numbers, and makes a tree of them.
ARGUMENTS = {
    "list": lambda x, y, z: [x, y, z],
    "tuple": lambda x, y, z: (x, y, z),
    "nested lists": lambda x, y, z: [[x], [[y], z], []],
    "a row in rows": lambda x, y, z: [[x, y, z]],
    "NamedTuple": Point,
    "dict": lambda x, y, z: {"x": x, "y": y, 0: z},
    "OrderedDict": lambda x, y, z: OrderedDict(z=x, y=y, x=z),
    "defaultdict": lambda x, y, z: defaultdict(float, a=x, b=[y, z]),
    "Counter": lambda x, y, z: Counter(a=x, b=y, c=z),
    "a dict with a signature": lambda x, y, z: Named("n", a=x, b=y, c=z),
    "UserDict": lambda x, y, z: UserDict(a=x, b=UserDict(c=y), d=z),
    "a mapping that is frozen": lambda x, y, z: Frozen({"a": x, "b": (y, z)}),
    "mappingproxy": lambda x, y, z: MappingProxyType({"a": x, "b": y, "c": z}),
    "array": floats,
    "array of two axes": lambda x, y, z: floats(x, y, z).reshape((3, 1)),
    "objects": objects,
    "objects of two axes": lambda x, y, z: objects(x, y, z, shape=(1, 3)),
    "objects of no axes": lambda x, y, z: [objects(x, shape=()), objects(y, shape=()), z],
    "objects in a dict": lambda x, y, z: {"w": objects(x, y), "b": z},
    "float and array": lambda x, y, z: {"b": x, "w": floats(y, z)},
    "all at once": lambda x, y, z: [None, {"w": floats(x), "b": y}, (objects(z), None), {}, ()],
    "empty arrays": lambda x, y, z: [objects(), x, (y, z), np.empty((0, 2))],
}  # fmt: skip

# Each takes four numbers.
RESULTS = {
    "list": lambda *ys: list(ys),
    "nested": lambda a, b, c, d: (a, [b, [c, d]]),
    "NamedTuple": lambda a, b, c, d: Point(a, [b, c], d),
    "dict": lambda a, b, c, d: {"p": a, "q": (b, c), "r": d},
    "OrderedDict": lambda a, b, c, d: OrderedDict(p=a, q=b, r=c, s=d),
    "objects": objects,
    "objects of two axes": lambda *ys: objects(*ys, shape=(2, 2)),
    "objects of no axes": lambda *ys: [objects(y, shape=()) for y in ys],
    "dict of arrays": lambda a, b, c, d: {"p": objects(a, b), "q": objects(c, d, shape=(2, 1))},
    "arrays and numbers": lambda a, b, c, d: (a, objects(b, c), d, objects()),
    "Tensor": floats,
    "Tensors and Values": lambda a, b, c, d: [floats(a, b).reshape((1, 2)), c, floats(d)],
}  # fmt: skip

AT = (0.5, -1.25, 2.0)
V = (1.0, -3.0, 0.5)
U = (2.0, -1.0, 0.25, 7.0)


def scalar(numbers_of):
    x, y, z = numbers_of
    return x * y * z + y * y * x


def gradient(x, y, z):
    return [y * z + y * y, x * z + 2 * x * y, x * y]


def second(x, y, z):
    return [[0.0, z + 2 * y, y], [z + 2 * y, 2 * x, x], [y, x, 0.0]]


def outputs(numbers_of):
    """Four numbers, of which one is an input as it came and one is a constant."""
    x, y, z = numbers_of
    return x * y, autograd.sin(y) * z, x, 5.0


def jacobi(x, y, z):
    return [[y, x, 0.0], [0.0, math.cos(y) * z, math.sin(y)], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]


def close(found, expected):
    found = numbers(found)
    assert all(type(x) in (float, np.float64) for x in found), found
    np.testing.assert_allclose(found, np.ravel(expected), rtol=1e-13, atol=1e-15)


def matrix(answer, result):
    """A Jacobian as rows: a row for each number in the result."""
    if isinstance(result, Mapping):
        assert type(answer) is type(result)
        return [row for key in result for row in matrix(answer[key], result[key])]
    if isinstance(result, (list, tuple)):
        assert type(answer) is type(result)
        assert len(answer) == len(result)
        return [row for pair in zip(answer, result, strict=True) for row in matrix(*pair)]
    if result is None:
        assert answer is None
        return []
    shape = np.shape(result.data if isinstance(result, Tensor) else result)
    assert all(x.shape[: len(shape)] == shape for x in places(answer))
    rows, found = math.prod(shape), places(answer)
    return np.concatenate([x.reshape(rows, -1) for x in found], axis=1).tolist() if rows else []


def places(tree):
    """What stands in the places of a structure: numbers and arrays."""
    if isinstance(tree, Mapping):
        tree = list(tree.values())
    if isinstance(tree, (list, tuple)):
        return [x for branch in tree for x in places(branch)]
    return [] if tree is None or (np.size(tree) == 0 and np.ndim(tree) < 3) else [np.asarray(tree)]


def same_structure(answer, tree):
    """The types are those of the argument; an array of floats stands where there was an array."""
    if isinstance(tree, np.ndarray):
        assert type(answer) is np.ndarray
        assert answer.shape == tree.shape
        assert answer.dtype == (float if tree.size else tree.dtype)
    elif isinstance(tree, Mapping):
        assert type(answer) is type(tree)
        assert list(answer) == list(tree)
        for key in tree:
            same_structure(answer[key], tree[key])
    elif isinstance(tree, (list, tuple)):
        assert type(answer) is type(tree)
        for pair in zip(answer, tree, strict=True):
            same_structure(*pair)
    else:
        assert type(answer) is type(tree)


every_argument = pytest.mark.parametrize("pack", ARGUMENTS.values(), ids=ARGUMENTS)
every_result = pytest.mark.parametrize("give", RESULTS.values(), ids=RESULTS)


# ---- every transform, every structure ------------------------------------------------------------


@every_argument
def test_a_gradient_has_the_structure_of_its_argument(pack):
    at = pack(*AT)
    slope = grad(lambda t: scalar(numbers(t)))(at)
    close(slope, gradient(*AT))
    same_structure(slope, at)
    value, slope = value_and_grad(lambda t: scalar(numbers(t)))(at)
    assert value == pytest.approx(scalar(AT))
    same_structure(slope, at)


@every_argument
def test_argnums_and_keywords_go_with_every_structure(pack):
    def f(s, t, *, factor):
        return s[0] * scalar(numbers(t)) * factor

    first, slope = grad(f, (0, 1))([3.0], pack(*AT), factor=2.0)
    close(first, [2.0 * scalar(AT)])
    close(slope, 6.0 * np.array(gradient(*AT)))
    close(hvp(f, -1)([3.0], pack(*AT), pack(*V), factor=2.0), 6.0 * np.array(second(*AT)) @ V)
    both = jvp(f, (0, 1))([3.0], pack(*AT), ([1.0], pack(*V)), factor=2.0)
    close(both, [2.0 * scalar(AT) + 6.0 * np.dot(gradient(*AT), V)])


@every_argument
def test_a_hessian_has_the_structure_of_its_argument_twice(pack):
    at = pack(*AT)
    h = hessian(lambda t: scalar(numbers(t)))(at)
    np.testing.assert_allclose(matrix(h, at), second(*AT), rtol=1e-13, atol=1e-15)
    by_hand = jacobian(grad(lambda t: scalar(numbers(t))))(at)
    np.testing.assert_array_equal(matrix(by_hand, at), matrix(h, at))


@every_argument
def test_hvp_takes_and_gives_every_structure(pack):
    at = pack(*AT)
    answer = hvp(lambda t: scalar(numbers(t)))(at, pack(*V))
    close(answer, np.array(second(*AT)) @ V)
    same_structure(answer, at)
    flat = hvp(lambda t: 2.0 * numbers(t)[0])(at, pack(*V))
    close(flat, [0.0] * 3)
    same_structure(flat, at)


@pytest.mark.slow
@every_result
@every_argument
def test_jacobian_jvp_and_vjp_take_and_give_every_structure(pack, give):
    def f(t):
        return give(*outputs(numbers(t)))

    at, j = pack(*AT), np.array(jacobi(*AT))
    result = give(*outputs(AT))
    np.testing.assert_allclose(matrix(jacobian(f)(at), result), j, rtol=1e-13, atol=1e-15)
    close(jvp(f)(at, pack(*V)), j @ V)
    answer = vjp(f)(at, give(*U))
    close(answer, U @ j)
    same_structure(answer, at)


@pytest.mark.slow
@every_result
@every_argument
def test_transforms_of_every_structure_can_be_differentiated_again(pack, give):
    def total(transform, *vectors):
        def f(c):
            at = pack(*[c * x for x in AT])
            return sum(numbers(transform(lambda t: give(*outputs(numbers(t))))(at, *vectors)))

        return grad(f)(1.0)

    x, y, z = AT
    slopes = np.array(  # d J(c x) / dc
        [[y, x, 0.0], [0.0, z * math.cos(y) - y * z * math.sin(y), y * math.cos(y)], [0.0] * 3]
    )
    assert total(jacobian) == pytest.approx(slopes.sum(), rel=1e-12)
    assert total(jvp, pack(*V)) == pytest.approx((slopes @ V).sum(), rel=1e-12)
    assert total(vjp, give(*U)) == pytest.approx((U[:3] @ slopes).sum(), rel=1e-12)


@every_result
def test_has_aux_leaks_no_value_from_any_structure(give):
    def f(x):
        return x[0] * x[1], give(*outputs(x))

    slope, aux = grad(f, has_aux=True)(list(AT))
    close(slope, [AT[1], AT[0], 0.0])
    close(aux, outputs(AT))


def test_aux_that_holds_no_numbers_comes_back_as_it_was():
    words = objects("a", None, 3)
    _, aux = grad(lambda x: (x, {"words": words, "none": None, "set": {1}}), has_aux=True)(1.0)
    assert aux["words"].tolist() == ["a", None, 3]
    assert (aux["none"], aux["set"]) == (None, {1})


def test_a_mapping_that_cannot_be_made_is_answered_by_a_dict():
    slope = grad(lambda t: t["a"] * t["b"])(Secret(("a", 2.0), ("b", 3.0)))
    assert (type(slope), slope) == (dict, {"a": 3.0, "b": 2.0})


def test_a_rebuilt_mapping_is_another_and_keeps_what_belongs_to_it():
    at = defaultdict(lambda: 7.0, a=2.0)
    slope = grad(lambda t: t["a"] * t["missing"])(at)
    assert (dict(slope), slope["b"]) == ({"a": 7.0}, 7.0)
    named = Named("weights", a=2.0)
    assert grad(lambda t: t["a"] ** 2)(named).name == "weights"
    user = UserDict(a=2.0)
    grad(lambda t: t["a"] ** 2)(user)
    assert (dict(at), dict(named), dict(user)) == ({"a": 2.0}, {"a": 2.0}, {"a": 2.0})


# ---- arrays of Values ----------------------------------------------------------------------------


def test_a_jacobian_of_an_array_of_values_is_an_array_of_floats():
    A = np.arange(6.0).reshape(2, 3)
    cases = [
        (jacobian(lambda s: s * np.array([1.0, 2.0]))(3.0), [1.0, 2.0]),
        (jacobian(lambda x: np.array([x[0] * x[1], x[0]]))([2.0, 3.0]), [[3.0, 2.0], [1.0, 0.0]]),
        (jacobian(lambda x: A @ x)([1.0, 2.0, 3.0]), A),
        (jacobian(lambda x: A @ x)(objects(1.0, 2.0, 3.0)), A),
        (jacobian(lambda s: s * A)(2.0), A),
        (jacobian(lambda x: x)(objects(1.0, 2.0)), np.eye(2)),
        (jacobian(lambda s: np.array(s * s))(3.0), 6.0),
        (jacobian(lambda x: objects())([1.0, 2.0]), np.empty((0, 2))),
        (jacobian(lambda x: x)(objects()), np.empty((0, 0))),
    ]
    for answer, expected in cases:
        assert type(answer) is np.ndarray
        assert answer.dtype == float
        np.testing.assert_array_equal(answer, expected)
        assert answer.shape == np.shape(expected)


def test_a_matrix_of_values_has_the_gradient_of_the_matrix():
    W = np.array([[1.0, 2.0], [3.0, 5.0]])
    x = np.array([1.0, -2.0])

    def loss(w):
        return ((w @ x) ** 2).sum()

    expected = 2 * np.outer(W @ x, x)
    np.testing.assert_allclose(grad(loss)(W.astype(object)), expected)
    np.testing.assert_allclose(grad(loss)(W), expected)
    np.testing.assert_allclose(hessian(loss)(W.astype(object)), hessian(loss)(W))
    np.testing.assert_allclose(
        jacobian(lambda w: w @ x)(W.astype(object)), jacobian(lambda w: w @ x)(W)
    )


@pytest.mark.parametrize("constant", [5, 5.0, np.float32(5), np.int64(5), np.array(5.0)])
def test_constants_of_every_kind_have_gradient_zero_in_every_structure(constant):
    assert jacobian(lambda s: [s, constant])(2.0) == [1.0, 0.0]
    assert jvp(lambda s: {"c": constant})(2.0, 1.0) == {"c": 0.0}
    assert vjp(lambda s: (s, constant))(2.0, (3.0, 1.0)) == 3.0
    assert grad(lambda s: constant)(2.0) == 0.0
    for array in (np.full(2, constant), np.full(2, constant, object)):
        np.testing.assert_array_equal(jacobian(lambda s, a=array: a)(2.0), [0.0, 0.0])
        assert jacobian(lambda s, a=array: a)([2.0, 3.0]).tolist() == [[0.0, 0.0], [0.0, 0.0]]
        assert vjp(lambda s, a=array: a)(2.0, np.ones(2)) == 0.0


def test_an_array_of_objects_of_no_axes_is_one_number_to_grad():
    assert value_and_grad(lambda x: np.array(x * x))(3.0) == (9.0, 6.0)
    slope = grad(lambda x: x.item() ** 2)(objects(3.0, shape=()))
    assert (slope.shape, slope.dtype, float(slope)) == ((), np.dtype(float), 6.0)


def test_an_array_that_depends_on_a_node_from_outside_stays_an_array_of_values():
    w = Value(2.0)
    answer = jacobian(lambda x: x * np.array([1.0, 3.0]) * w)(5.0)
    assert [type(x) for x in answer] == [Value, Value]
    assert autograd.gradients(answer.sum(), [w]) == [4.0]


@pytest.mark.slow
def test_gradcheck_takes_arrays_of_values():
    assert gradcheck(lambda s: s * np.array([1.0, 2.0]), 3.0)
    assert gradcheck(lambda x: {"p": np.array([x[0] * x[1], x[0]])}, [2.0, 3.0])
    report = gradcheck(lambda x: x * x, objects(2.0, 3.0))
    assert report
    assert len(report.rows) == 4
    assert gradcheck(lambda w, x: (w * x.sum().values()).sum(), objects(2.0, 3.0), np.ones(2))
    assert gradcheck(lambda x: (x * x).sum(), objects(2.0, 3.0), order=2)


# ---- vectors of another structure ----------------------------------------------------------------


def wrong(at, vector, transform):
    """What the transform says to a vector of another structure than its argument or result."""
    f = {
        jvp: lambda t: t,
        vjp: lambda t: t,
        hvp: lambda t: sum(x * x for x in numbers(t)),
    }[transform]
    with pytest.raises(ValueError, match="the vector") as error:
        transform(f)(at, vector)
    return str(error.value)


ROW, COLUMN = np.ones((1, 3)), np.ones((3, 1))


@pytest.mark.slow
@pytest.mark.parametrize("transform", [jvp, vjp, hvp])
@pytest.mark.parametrize("deep", [lambda x: x, lambda x: [{"w": x}]], ids=["bare", "deep"])
@pytest.mark.parametrize(
    ("at", "vector", "shapes"),
    [
        (ROW, COLUMN, ("(3, 1)", "(1, 3)")),
        (COLUMN, ROW, ("(1, 3)", "(3, 1)")),
        (np.ones((2, 3)), np.ones(3), ("(3,)", "(2, 3)")),
        (np.ones((2, 3)), ROW, ("(1, 3)", "(2, 3)")),
        (np.ones(3), 1.0, ("()", "(3,)")),
        (np.ones(3), np.array(1.0), ("()", "(3,)")),
        (2.0, np.ones(1), ("(1,)", "()")),
        (np.ones(2, object), np.ones((2, 1)), ("(2, 1)", "(2,)")),
        (np.ones(2, object), np.ones(1, object), ("(1,)", "(2,)")),
        (np.ones(2, object), 1.0, ("()", "(2,)")),
        (np.ones(2), np.ones(2).tolist(), ("[*, *]", "array(2,)")),
        ([1.0, 2.0], np.ones(2), ("array(2,)", "[*, *]")),
        ([1.0, 2.0], (1.0, 2.0), ("(*, *)", "[*, *]")),
        ([1.0, 2.0], [1.0], ("[*]", "[*, *]")),
        ([1.0, 2.0], 1.0, ("*", "[*, *]")),
        ([1.0, 2.0], {0: 1.0, 1: 2.0}, ("{0: *, 1: *}", "[*, *]")),
        ({"a": 1.0}, {"b": 1.0}, ("{'b': *}", "{'a': *}")),
        ({"a": 1.0}, {"a": 1.0, "b": 1.0}, ("{'a': *, 'b': *}", "{'a': *}")),
        ([1.0, None], [1.0, 0.0], ("*", "None")),
        ([1.0, 2.0], [1.0, None], ("None", "*")),
    ],
)  # fmt: skip
def test_a_vector_of_another_shape_is_refused_with_both_shapes(transform, deep, at, vector, shapes):
    said = wrong(deep(at), deep(vector), transform)
    assert f" is {shapes[0]}" in said
    assert f"and {shapes[1]} is wanted" in said
    assert deep(at) is at or " at [0]['w']" in said


def test_a_vector_may_be_another_kind_of_the_same_structure():
    at = OrderedDict(a=2.0, b=objects(1.0, 3.0), c=np.ones(2))

    def f(t):
        return t["a"] ** 2.0 + (t["b"] ** 2.0).sum() + (t["c"] ** 2.0).sum().values()

    for vector in (
        {"c": objects(1.0, 2.0), "b": np.array([1.0, 2.0]), "a": np.array(5.0)},
        {"a": np.float64(5.0), "c": np.array([1, 2]), "b": objects(1.0, 2.0)},
        {"a": 5, "b": np.array([1.0, 2.0], np.float32), "c": objects(1, np.float64(2.0))},
    ):
        close(hvp(f)(at, vector), [10.0, 2.0, 4.0, 2.0, 4.0])
        close(jvp(f)(at, vector), [2 * 2.0 * 5.0 + 2 * 1.0 + 2 * 6.0 + 2 * 3.0])


def test_a_vector_of_nodes_is_differentiated_whatever_holds_it():
    x = np.array([1.0, 2.0])
    for at, pack in (
        (x, objects),
        (x, floats),
        (x.astype(object), objects),
        (x.astype(object), floats),
    ):

        def f(s, at=at, pack=pack):
            along = hvp(lambda t: (t**3.0).sum())(at, pack(s, 2.0 * s))
            return sum(numbers(along))

        assert grad(f)(3.0) == pytest.approx(6.0 * 1.0 + 2.0 * 12.0)


# ---- what has no derivative ----------------------------------------------------------------------


def named(result):
    def f(x):
        return result(x)

    return f


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (lambda x: "text", r"f returned 'text' \(str\), where a number"),
        (lambda x: [x, {"a": "text"}], r"f returned 'text' \(str\) at \[1\]\['a'\]"),
        (lambda x: objects(x, None), r"f returned None at \[1\]: did it forget"),
        (lambda x: {"w": objects(x, x, x, "b", shape=(2, 2))}, r"'b' \(str\) at \['w'\]\[1, 1\]"),
        (lambda x: Point(x, 1j, x), r"1j \(complex\) at \.y"),
        (lambda x: [x, None], r"f returned None at \[1\]: did it forget"),
        (lambda x: None, r"f returned None: did it forget"),
        (lambda x: {x}, r"\(set\), where a number"),
        (lambda x: np.array(["a"]), r"\(ndarray\), where a number"),
        (lambda x: [np.array([1j])], r"\(ndarray\) at \[0\], where a number"),
    ],
)
def test_a_result_without_a_derivative_is_named_with_its_place(result, said):
    for transform, args in ((jacobian, ()), (vjp, (1.0,)), (jvp, (1.0,))):
        with pytest.raises(TypeError, match=said):
            transform(named(result))(2.0, *args)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ([1.0, {"a": "text"}], r"argument 0 at \[1\]\['a'\]: a Value holds .* not 'text'"),
        (objects(1.0, None), r"argument 0 at \[1\]: a Value holds .* not None"),
        (objects(1.0, [2.0]), r"argument 0 at \[1\]: a Value holds .* not \[2\.0\]"),
        (Point(1.0, 1j, 2.0), r"argument 0 at \.y: a Value holds .* not 1j"),
        ({1.0}, r"argument 0: \{1\.0\} \(set\) is not a container of a known kind"),
        ({"w": np.array(["a"])}, r"argument 0 at \['w'\]: "),
    ],
)
@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp])
def test_an_argument_without_a_derivative_is_named_with_its_place(transform, at, said):
    args = (at,) if transform in (hvp, jvp, vjp) else ()
    with pytest.raises(TypeError, match=said):
        transform(lambda t: 1.0)(at, *args)


def test_the_number_of_the_argument_is_named():
    with pytest.raises(TypeError, match=r"argument 1 at \[0\]: "):
        grad(lambda a, b: a, (0, -1))(1.0, ["b"])


def test_where_an_argument_has_an_empty_place_a_result_may_have_one():
    at = {"w": [2.0, None], "b": None}
    assert grad(lambda t: t["w"][0] ** 2)(at) == {"w": [4.0, None], "b": None}
    assert jacobian(lambda t: t)({"a": 2.0, "b": None}) == {"a": {"a": 1.0, "b": None}, "b": None}
    assert jvp(lambda t: t)([2.0, None], [3.0, None]) == [3.0, None]
    assert vjp(lambda t: t)([2.0, None], [3.0, None]) == [3.0, None]
    assert grad(lambda t, u: u)(None, 2.0) is None
    with pytest.raises(TypeError, match="f returned None"):
        jacobian(named(lambda t: None))([1.0, None])


# ---- the walker ----------------------------------------------------------------------------------


@every_argument
def test_a_tree_is_put_together_as_it_was_taken_apart(pack):
    tree = pack(*AT)
    found = trees.leaves(tree, none=False)
    again = trees.rebuild(tree, iter(found))
    assert numbers(again) == list(AT)
    named = [x for _, x in trees.items(tree, none=False)]
    assert len(named) == len(found)
    assert numbers(named) == numbers(found) == list(AT)


def test_the_place_of_a_leaf_is_written_as_one_writes_it():
    tree = {"w": [1.0, Point(2.0, objects(3.0, 4.0, shape=(1, 2)), None)], 0: (5.0,)}
    assert list(trees.items(tree, "p")) == [
        ("p['w'][0]", 1.0),
        ("p['w'][1].x", 2.0),
        ("p['w'][1].y[0, 0]", 3.0),
        ("p['w'][1].y[0, 1]", 4.0),
        ("p['w'][1].z", None),
        ("p[0][0]", 5.0),
    ]
    assert eval("p['w'][1].y[0, 1]", {"p": tree}) == 4.0
    assert trees.leaves(tree) == [1.0, 2.0, 3.0, 4.0, None, 5.0]


def test_a_shape_is_cut_short_where_it_is_long():
    assert trees.shape([1.0] * 9) == "[*, *, *, *, ..., *, *]"
    assert (
        trees.shape({"w": np.ones((3, 2)), "b": (None, 2)}) == "{'w': array(3, 2), 'b': (None, *)}"
    )


def test_a_rectangle_has_lengths_and_anything_else_an_error():
    assert trees.rectangle([[1.0, 2.0, 3.0]] * 2) == (2, 3)
    assert trees.rectangle([np.ones((3, 1))] * 2) == (2, 3, 1)
    assert (trees.rectangle(1.0), trees.rectangle([])) == ((), (0,))
    with pytest.raises(ValueError, match="different lengths"):
        trees.rectangle([[1.0], [2.0, 3.0]])


def test_mappings_are_matched_by_key_and_lists_by_place():
    given = {"b": [1.0, 2.0], "a": 3.0}
    assert list(trees.match(given, OrderedDict(a="x", b=["y", "z"]))) == [
        ("['a']", 3.0, "x"),
        ("['b'][0]", 1.0, "y"),
        ("['b'][1]", 2.0, "z"),
    ]
    with pytest.raises(
        ValueError, match=r"the vector's structure is \[\*\] at \['b'\], and \[\*, \*\]"
    ):
        list(trees.match({"b": [1.0]}, {"b": [1.0, 2.0]}))


def test_transforms_of_numbers_do_not_load_numpy():
    import subprocess

    program = (
        "import sys, autograd; autograd.grad(lambda t: t['a'][0] ** 2)({'a': [2.0, None]}); "
        "autograd.jacobian(lambda t: [t, t])([1.0]); assert 'numpy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
