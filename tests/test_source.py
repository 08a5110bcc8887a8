"""Programs printed in other languages compute what the functions compute they were printed from."""

from __future__ import annotations

import functools
import itertools
import math
import operator
import re
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from printed_programs import (
    CC,
    NODE,
    PROGRAMS,
    flat,
    function,
    given,
    in_c,
    in_node,
    in_python,
    library,
)  # fmt: skip

import autograd
from autograd import Value, compile, hvp, register, to_source, value_and_grad
from autograd.commands.main import main
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE
from autograd.printing.source import LANGUAGES
from autograd.trees import rebuild

inf, nan = math.inf, math.nan
RUN = ("python", "numpy", "javascript", "c")
in_every_language = pytest.mark.parametrize("language", RUN)


def run(
    language: str, source: str, name: str, *calls: Any, folder: Path, results: int = 0,
    slopes: int = 0,
) -> list[list[float]]:  # fmt: skip
    """The numbers that a printed function returns, for each of some calls."""
    missing = {"javascript": NODE is None, "c": CC is None}
    if missing.get(language):
        pytest.skip("there is no Node" if language == "javascript" else "there is no C compiler")
    if language == "c":
        return in_c(source, name, *calls, folder=folder, results=results, slopes=slopes)
    found = (in_node if language == "javascript" else in_python)(source, name, *calls)
    return [flat(x) if isinstance(x, (list, tuple)) or np.ndim(x) else [float(x)] for x in found]


def agree(found: list[float], wanted: list[float], to: float = 1e-12) -> bool:
    """Whether numbers are the same to rounding; nan is nan, and inf is inf."""
    pairs = zip(found, wanted, strict=True)
    return all(
        x == y or abs(x - y) <= to * max(1.0, abs(y)) or (x != x and y != y) for x, y in pairs
    )


# ---- ten programs --------------------------------------------------------------------------------


@in_every_language
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_prints_its_value_and_its_gradient(program, language, tmp_path):
    f, args, wrt = PROGRAMS[program]()
    places = tuple(range(len(args)))
    if wrt is None:
        value, slopes = value_and_grad(f, places)(*args)
        calls = [args]
    else:
        root = f(*args)
        value, slopes = root.data, autograd.gradients(root, wrt)
        calls = [(*args, [leaf.data for leaf in wrt])]
    wanted = [value, *flat(slopes)]
    replay = compile(f, places if wrt is None else 0)
    source = to_source(replay, *args, language=language, wrt=wrt)
    assert "autograd" not in source
    name = f"{f.__name__.replace('<lambda>', 'function')}_value_and_grad"
    (found,) = run(language, source, name, *calls, folder=tmp_path, slopes=len(wanted) - 1)
    assert agree(found, wanted)


@in_every_language
@pytest.mark.parametrize(
    "program", [name for name in PROGRAMS if "step" not in name or "o" in name]
)
def test_and_its_hessian_times_a_vector(program, language, tmp_path):
    f, args, wrt = PROGRAMS[program]()
    if wrt is not None:
        pytest.skip("it has no arguments to differentiate by")
    places = tuple(range(len(args)))
    v = rebuild(args, itertools.count(0.3, 0.1))
    wanted = flat(hvp(f, places)(*args, v))
    source = to_source(compile(f, places), *args, language=language, hvp=True)
    call = (*args, flat(v))
    (found,) = run(
        language, source, f"{f.__name__}_hvp", call, folder=tmp_path, results=len(wanted)
    )
    assert agree(found, wanted, 1e-11)


# ---- every row of the table ----------------------------------------------------------------------

EDGES = (0.0, -0.0, 1.0, -1.0, 0.5, -2.0, inf, -inf, nan, 5e-324, -1e-310, 1.7e308, -1e16, 3.0)
SETTINGS = {"round": (1.0,), "polygamma": (2.0,), "power_derivative": (1.0, 1.0)}


def row_and_slopes(name: str) -> Any:
    """A function of three numbers: a row's number, and its slopes."""
    row, settings = RULES[name], SETTINGS.get(name, ())
    compute = autograd.where if name == "where" else row.compute
    arity = (2 if name == "dot" else 3) if row.variadic else row.fact.arity - len(settings)

    def f(*xs: Any) -> Any:
        found = value_and_grad(lambda *ys: compute(*ys, *settings), tuple(range(arity)))
        value, slopes = found(*xs[:arity])
        return [value, *slopes]

    f.__name__ = name
    return f


@in_every_language
def test_every_row_of_the_table_has_its_numbers_at_every_edge(language, tmp_path):
    points = [(x, y, 0.7) for x in EDGES for y in (0.3, -1.0, 0.0, inf)] + [(0.4, 0.2, nan)]
    wrong = []
    for name in TABLE:
        f = row_and_slopes(name)
        with np.errstate(all="ignore"):
            wanted = [flat(f(*point)) for point in points]
        source = to_source(f, 0.3, 0.4, 0.7, language=language, gradient=False)
        found = run(
            language, source, f"{name}_value", *points, folder=tmp_path, results=len(wanted[0])
        )
        cases = zip(points, found, wanted, strict=True)
        wrong += [(name, *case) for case in cases if not agree(*case[1:])]
    assert not wrong


def test_plain_python_would_raise_where_the_program_has_ieee_s_answers():
    def f(x, y):
        return [1 / x, y.exp(), x.log(), (x - 1).sqrt(), (y * y) ** 200, (0 * y) ** -0.5]

    source = to_source(f, 2.0, 3.0, gradient=False)
    (found,) = in_python(source, "f_value", (0.0, 1000.0))
    assert found[:3] == [inf, inf, -inf]
    assert math.isnan(found[3])
    assert found[4:] == [inf, inf]


@in_every_language
def test_a_sum_of_negative_zeros_is_one(language, tmp_path):
    source = to_source(lambda xs: functools.reduce(operator.add, xs), [1.0] * 6, language=language)
    call = [-0.0] * 6
    (found,) = run(language, source, "function_value_and_grad", (call,), folder=tmp_path, slopes=6)
    assert repr(found) == repr([-0.0] + [1.0] * 6)


@pytest.mark.parametrize("x", [nan, inf, -inf, 5e-324, -1e-310, -0.0, 1.7e308, 0.1, 1e-5, 1e22])
@in_every_language
def test_any_number_can_be_printed(language, x, tmp_path):
    leaf = Value(x, label="leaf")
    source = to_source(
        lambda y: [leaf, autograd.where(y > 1, x, -x)], 2.0, language=language, gradient=False
    )
    call = (2.0, [x]) if language == "c" else (2.0,)
    (found,) = run(language, source, "function_value", call, folder=tmp_path, results=2)
    assert repr(found) == repr([x, x])
    assert to_source(lambda y: y * x, 2.0, language="latex")


# ---- what a program looks like -------------------------------------------------------------------


def mlp(width: int) -> tuple[Any, Any]:
    """A loss of a network on four points, and its arguments."""

    def loss(w, v, xs, ys):
        total = 0.0
        for x, y in zip(xs, ys, strict=True):
            hidden = [autograd.dot(row, x).tanh() for row in w]
            total = total + (autograd.dot(v, hidden) - y) ** 2
        return total

    rng = np.random.default_rng(0)
    shapes = (width, 3), (width,), (4, 3), (4,)
    return loss, [rng.normal(size=shape).tolist() for shape in shapes]


@pytest.mark.parametrize("language", LANGUAGES)
def test_loops_stay_loops_and_so_width_costs_no_lines(language):
    lengths = []
    for width in (16, 64):
        f, args = mlp(width)
        source = to_source(f, *args, language=language)
        lengths.append(source.count("\n"))
        assert max(map(len, source.splitlines())) <= 107 or language == "latex"
    assert lengths[0] == lengths[1] < 200


def test_what_is_used_twice_is_computed_once():
    source = to_source(lambda x: (lambda y: y * y + y)(x.exp().sin()), 2.0, gradient=False)
    assert len(re.findall(r"\bexp\(x\)", source)) == 1


def test_names_are_those_of_arguments_and_labels():
    rate = Value(0.1, label="rate")
    source = to_source(lambda height, width: rate * height * width, 2.0, 3.0)
    assert "def function_value_and_grad(height, width, leaves=" in source
    assert "rate = leaves[0]" in source
    assert "(exp_, x0)" in to_source(lambda exp, x0: exp * x0, 1.0, 2.0)
    assert "(x0, x1)" in to_source(lambda *xs: xs[0] * xs[1], 1.0, 2.0)
    assert "rate * height * width" in to_source(
        lambda height, width: rate * height * width, 2.0, 3.0, gradient=False
    )


def test_leaves_come_in_the_order_of_wrt_with_those_that_are_not_used():
    a, b, c, d = (Value(float(i), label=f"w{i}") for i in range(4))
    source = to_source(lambda: d * d + 10 * b + 100 * a * d, wrt=[d, c, b])
    assert in_python(source, "function_value_and_grad", ()) == [(19.0, [6.0, 0.0, 10.0])]
    found = in_python(source, "function_value_and_grad", ([1.0, 2.0, 3.0, 4.0],))
    assert found == [(431.0, [402.0, 0.0, 10.0])]


@in_every_language
def test_structures_are_flat_lists_and_settings_are_as_they_were(language, tmp_path):
    Point = namedtuple("Point", "x y")

    def f(tree, mode, unused):
        a, (b, c) = tree["a"], tree["rest"]
        return {"sum": a + b * c.x, mode: [c.y, 7.0]}

    args = ({"a": 2.0, "rest": [3.0, Point(5.0, 11.0)]}, "fast", [1.0, 2.0])
    source = to_source(f, *args, language=language, gradient=False)
    call = ([2.0, 3.0, 5.0, 11.0], [1.0, 2.0])
    (found,) = run(language, source, "f_value", call, folder=tmp_path, results=3)
    assert found == [17.0, 11.0, 7.0]


@in_every_language
def test_numbers_of_several_arguments_may_be_walked_through_as_one(language, tmp_path):
    w = [Value(x) for x in (0.5, -0.5)]

    def f(a, b, c, xs):
        numbers = [a, b, c, *xs, *w] * 3
        return autograd.sum([x * (1 + i) for i, x in enumerate(numbers)])

    args = 1.0, 2.0, 3.0, [4.0, 5.0, 6.0, 7.0]
    places = (0, 1, 2, 3)
    wanted = flat(compile(f, places).value_and_grad(*args))
    source = to_source(compile(f, places), *args, language=language)
    call = (*args, [0.5, -0.5]) if language == "c" else args
    (found,) = run(language, source, "f_value_and_grad", call, folder=tmp_path, slopes=7)
    assert agree(found, wanted)


@in_every_language
def test_windows_over_two_lists_are_read_when_both_are_done(language, tmp_path):
    weights = [0.5, -1.0, 2.0]

    def f(xs):
        both = [*(x.sin() for x in xs), *(x.cos() for x in xs)]
        sums = [autograd.dot(weights, both[i : i + 3]) for i in range(6)]
        return autograd.sum([s * s for s in sums])

    xs = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    wanted = flat(value_and_grad(f)(xs))
    source = to_source(f, xs, language=language)
    (found,) = run(language, source, "f_value_and_grad", (xs,), folder=tmp_path, slopes=6)
    assert agree(found, wanted)


def test_numpy_runs_a_lane_for_each_number_of_a_batch():
    for name in ("rosenbrock", "kalman_step", "attention", "ode_step", "logistic_regression"):
        f, args, _ = PROGRAMS[name]()
        places, rng = tuple(range(len(args))), np.random.default_rng(1)
        source = to_source(compile(f, places), *args, language="numpy")
        lanes = [np.multiply.outer(np.array(x), rng.uniform(0.9, 1.1, 3)) for x in given(args)]
        values, slopes = function(source, f"{f.__name__}_value_and_grad")(*lanes)
        for k in range(3):
            numbers = iter(
                np.concatenate([np.atleast_2d(x)[..., k].ravel() for x in lanes]).tolist()
            )
            value, slope = value_and_grad(f, places)(*rebuild(args, numbers))
            assert agree([values[k], *slopes[:, k]], [value, *flat(slope)])


def test_a_lane_has_the_shape_that_the_arguments_have():
    source = to_source(lambda x, y: (x * y).sin(), 1.0, 2.0, language="numpy")
    x, y = np.ones((2, 3)), np.arange(3.0)
    value, (dx,) = function(source, "function_value_and_grad")(x, y)
    assert np.allclose(value, np.sin(x * y))
    assert np.allclose(dx, y * np.cos(x * y))


def test_latex_has_the_formulas_of_the_table():
    source = to_source(lambda x: (x.tanh() / x).exp(), 2.0, language="latex")
    assert r"\frac{\tanh(x)}{x}" in source
    assert r"\operatorname{sech}^2(x)" in source
    assert source.count("{") == source.count("}")
    assert source.startswith(r"\begin{aligned}")


# ---- guards --------------------------------------------------------------------------------------


def branching(x: Any, n: Any) -> Any:
    total = x * 0.0
    for _ in range(n):
        total = total + x
    return total * 2.0 if x > 1.0 else total


@pytest.mark.parametrize("args", [(0.5, 3), (2.0, 2), (2.0, 4)])
@in_every_language
def test_a_path_that_was_not_recorded_is_refused(language, args, tmp_path):
    source = to_source(branching, 2.0, 3, language=language)
    call = (3.0, 3.0)
    (found,) = run(language, source, "branching_value_and_grad", call, folder=tmp_path, slopes=1)
    assert found == [18.0, 6.0]
    if language == "c":
        lib = library(source, tmp_path)
        script = (
            f"import ctypes; f = ctypes.CDLL({lib._name!r}).branching_value_and_grad; "
            f"f(ctypes.c_double({args[0]}), ctypes.c_double({args[1]}), (ctypes.c_double * 1)())"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
        assert done.returncode
        assert "another path" in done.stderr
        return
    with pytest.raises(AssertionError, match="another path"):
        run(language, source, "branching_value_and_grad", args, folder=tmp_path)


@pytest.mark.parametrize("seen", [nan, 0.0, -0.0, 2.5])
@in_every_language
def test_a_guard_holds_for_the_number_that_was_seen(language, seen, tmp_path):
    def f(x, y):
        return y * (1.0 if repr(x.data) == repr(seen) else 2.0)

    source = to_source(f, seen, 3.0, language=language, gradient=False)
    (found,) = run(language, source, "f_value", (seen, 3.0), folder=tmp_path)
    assert found == [3.0]
    if language != "c":
        other = -0.0 if repr(seen) == "0.0" else 0.0
        with pytest.raises(AssertionError, match="another path"):
            run(language, source, "f_value", (other, 3.0), folder=tmp_path)


# ---- names and labels that are none --------------------------------------------------------------

HOSTILE = [
    '*/ system("x")', "\n\nimport os", '"""', "x'); exit(1); ('", "\\", "class", "while", "exp",
    "NAN", "double", "let", "1", "", "  ", "x y", "ab\u2028c", "vg_step", "VG_LOGS", "gradient",
    "math", "i", "??/", "assert", "leaves", "np", "\\input{x}", "}", "%", "step", "table", "yield",
    "x[0]", "linux",
]  # fmt: skip


@pytest.mark.parametrize("label", HOSTILE)
@pytest.mark.parametrize("language", [*RUN[:3], pytest.param("c", marks=pytest.mark.slow)])
def test_any_label_and_any_key_gives_a_program_that_runs(language, label, tmp_path):
    leaf, other = Value(0.5, label=label), Value(0.25, label=f"{label} ")
    x = {label: 2.0, f"{label}2": [1.0, 2.0, 3.0]}

    def f(x):
        numbers = [*x[f"{label}2"], x[label]]
        return autograd.sum([y.exp() * leaf + (y * other).tanh() for y in numbers]) + (leaf > 9)

    f.__name__ = label
    value, slope = compile(f).value_and_grad(x)
    source = to_source(f, x, language=language)
    (name,) = re.findall(r"(\w+_value_and_grad)\(", source.replace("leaves_of_", ""))[:1]
    call = (x, [0.5, 0.25]) if language == "c" else (x,)
    (found,) = run(language, source, name, call, folder=tmp_path, slopes=4)
    assert agree(found, [value, *flat(slope)])
    latex = re.sub(r"\\[{}]", "", to_source(f, x, language="latex"))
    assert latex.count("{") == latex.count("}")
    assert not re.search(r"\\input|(?<!\\)[%#$]", latex)


PARAMETERS = ["x", "lambda_", "double", "var", "value", "gradient", "exp", "i", "k", "leaves", "y1"]


@in_every_language
def test_any_name_of_a_parameter_does(language, tmp_path):
    names = ", ".join(PARAMETERS)
    namespace: dict[str, Any] = {}
    exec(f"def system({names}): return {names}", namespace)
    args = [*map(float, range(len(PARAMETERS)))]
    source = to_source(namespace["system"], *args, language=language, gradient=False)
    (found,) = run(language, source, "system_value", args, folder=tmp_path, results=len(args))
    assert found == args


# ---- what is refused -----------------------------------------------------------------------------


def test_a_function_of_tensors_is_refused_by_name():
    weights = autograd.Tensor([1.0, 2.0])

    def score(x):
        return (weights * x).sum()

    replay = compile(lambda x: (x * x).sum())
    replay.value_and_grad(autograd.Tensor([1.0, 2.0]))
    for act in (
        lambda: to_source(score, 2.0),
        lambda: to_source(lambda x: (x * x).sum(), autograd.Tensor([1.0])),
        lambda: to_source(replay),
    ):
        with pytest.raises(TypeError, match=r"computes with Tensors.*lists of numbers"):
            act()


@pytest.fixture
def own():
    """Registers operations, and forgets them."""
    before = set(RULES)
    yield register
    for name in set(RULES) - before:
        del RULES[name], FUNCTIONS[name]


@in_every_language
def test_an_operation_of_ones_own_is_printed_from_its_functions(language, own, tmp_path):
    # The first has the name of a function that others stand on.
    own("head", lambda x: x * x / (1 + x * x), lambda g, out, x: 2 * g * x / (1 + x * x) ** 2)
    own(
        "test_sum",
        lambda *xs: xs[0] + 2 * xs[1] * xs[2],
        lambda g, out, *xs: [g, 2 * g * xs[2], 2 * g * xs[1]],
    )
    bump, total = RULES["head"].compute, RULES["test_sum"].compute

    def f(x, y):
        return bump(x) * y + bump(y) + total(x, y, x * y) + autograd.gelu(x)

    value, slopes = value_and_grad(f, (0, 1))(0.5, 2.0)
    source = to_source(compile(f, (0, 1)), 0.5, 2.0, language=language)
    call = (0.5, 2.0)
    (found,) = run(language, source, "f_value_and_grad", call, folder=tmp_path, slopes=2)
    assert agree(found, [value, *slopes])


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_that_looks_at_its_numbers_is_named_with_its_node(language, own):
    own("test_sly", lambda x: x if x > 0 else -x, lambda g, out, x: g)
    own("test_slope", lambda x: 2 * x, lambda g, out, x: 2 * g if x > 0 else g)
    for name in ("test_sly", "test_slope"):
        with pytest.raises(TypeError, match=f"uses the operation {name}, for {name}1, .*symbols"):
            to_source(lambda x, row=RULES[name]: row.compute(x) + 1.0, 2.0, language=language)


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        (lambda: to_source(lambda x: x, 1.0, language="java"), ValueError, "one of c, javascript"),
        (lambda: to_source(lambda x: [x, x], 1.0), TypeError, "returned .*one number|one number"),
        (
            lambda: to_source(compile(lambda x: x * x), hvp=True),
            (ValueError, TypeError),
            "argument",
        ),
        (lambda: to_source(lambda x: [], 1.0, gradient=False), ValueError, "returned no number"),
        (lambda: to_source(lambda x: "text", 1.0), TypeError, "returned 'text'"),
        (lambda: to_source(3.0, 1.0), TypeError, "function"),
        (lambda: to_source(lambda x: x * x, 1.0, wrt=[1.0]), TypeError, "gradients are by leaves"),
    ],
)
def test_what_cannot_be_printed_says_why(act, error, said):
    with pytest.raises(error, match=said):
        act()


def test_a_replay_is_printed_as_it_was_used_last():
    replay = compile(branching)
    assert replay(2.0, 2) == 8.0
    assert replay(0.5, 4) == 2.0
    source = to_source(replay)
    assert in_python(source, "branching_value_and_grad", (0.25, 4.0)) == [(1.0, [4.0])]
    assert len(replay.recordings) == 2


# ---- valuegrad source ----------------------------------------------------------------------------


def test_the_command_prints_a_function_of_a_file(tmp_path, capsys):
    file = tmp_path / "printed_by_command.py"
    file.write_text(
        "def loss(x, y):\n    return x[0] * x[1] * y\n\n\ndef fails(x):\n    return x.no\n"
        "def of_arrays(x, w):\n    return (x @ w).sum()\n"
    )
    words = ["source", f"{file}:loss", "--at", "x=2,3", "--at", "y=5"]
    assert main([*words, "--hvp"]) == 0
    source = capsys.readouterr().out
    call = [2.0, 3.0], 5.0
    assert in_python(source, "loss_value_and_grad", call) == [(30.0, [15.0, 10.0])]
    assert in_python(source, "loss_hvp", (*call, [1.0, 0.0])) == [[0.0, 5.0]]
    assert main([*words, "--language", "c", "--value"]) == 0
    assert "double loss_value(const double *x, double y)" in capsys.readouterr().out
    assert (
        main(["source", f"{file}:of_arrays", "--at", "x=[[1,2],[3,4]]", "--at", "w=[[5],[6]]"]) == 0
    )
    found = in_python(capsys.readouterr().out, "of_arrays_value_and_grad", ([1.0] * 4, [5.0, 6.0]))
    assert found == [(22.0, [5.0, 6.0, 5.0, 6.0])]
    for bad, said in (
        ([*words, "--language", "java"], "invalid choice"),
        (["source", f"{file}:fails", "--at", "x=1"], "AttributeError"),
        (["source", f"{file}:loss"], "no --at for x, y"),
    ):
        assert main(bad) == 2
        assert said in capsys.readouterr().err
