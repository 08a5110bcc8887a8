"""The formulas that a row prints: text, LaTeX and C say the number that the column computes."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from truth import TRUTH

from autograd import Value, register
from autograd.core.functions import PER_LN2
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES
from autograd.printing.symbols import Symbol, formula, operation, render

pytestmark = pytest.mark.slow

STYLES = ("text", "latex", "c")
LETTERS = ("x", "y", "z", "w")
a, b, c = Symbol.named("a"), Symbol.named("b"), Symbol.named("c")


def call(name: str, *args: Any) -> Any:
    return FUNCTIONS[name].call(*args)


def letters(name: str) -> tuple[Any, ...]:
    """A letter for each input; numbers where the input is a setting and not a variable."""
    point = TRUTH[name].ordinary[0]
    return tuple(
        LETTERS[i] if variable(name, i) or name == "where" else x for i, x in enumerate(point)
    )


def variable(name: str, position: int) -> bool:
    return RULES[name].variadic or position in TRUTH[name].wrt


COLUMNS = [
    (name, i) for name in RULES for i in range(len(TRUTH[name].ordinary[0])) if variable(name, i)
]
every_row = pytest.mark.parametrize("name", RULES)
every_style = pytest.mark.parametrize("style", STYLES)
every_column = pytest.mark.parametrize(("name", "position"), COLUMNS)


# ---- reading a formula back ----------------------------------------------------------------------

VOCABULARY: dict[str, Any] = {
    **{name: fact.call for name, fact in FUNCTIONS.items()},
    **{f"vg_{name}": fact.call for name, fact in FUNCTIONS.items()},
    "fabs": abs, "log": FUNCTIONS["log"].call, "ln": FUNCTIONS["log"].call, "power": math.pow,
    "NAN": math.nan, "INFINITY": math.inf, "inf": math.inf,
    "sum": lambda *xs: sum(xs), "min": min, "max": max,
    "dot": lambda xs, ys: sum(x * y for x, y in zip(xs, ys, strict=True)),
}  # fmt: skip


def value_of_c(text: str, names: dict[str, float]) -> float:
    """What a C compiler would make of it."""
    innermost = re.compile(r"\(([^()?:]*(?:\([^()]*\)[^()?:]*)*) \? ([^?:]*?) : ([^?:]*)\)")
    while "?" in text:
        changed = innermost.sub(r"((\2) if (\1) else (\3))", text, count=1)
        assert changed != text, text
        text = changed
    return float(eval(text, VOCABULARY | names))


def value_of_text(text: str, names: dict[str, float]) -> float:
    """What a reader would make of it: usual letters, and a product where two stand side by side."""
    for theirs, ours in {
        "1/ln 2": "(1/ln(2))", "1/ln 10": "(1/ln(10))", "2/√π": "(2/sqrt(3.141592653589793))",
        "√π/2": "(sqrt(3.141592653589793)/2)", "ψ": "digamma", "Γ": "gamma",
        "sech²": "sech2", "σ": "sigmoid", "φ": "normal_pdf", "Φ": "normal_cdf",
        "≤": "<=", "≥": ">=", "^": "**",
    }.items():  # fmt: skip
        text = text.replace(theirs, ours)
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = re.sub(r"⌊([^⌊⌋]*)⌋", r"floor(\1)", text)
    text = re.sub(r"\[(\w+) < (\w+) < (\w+)\]", r"inside(\2, \1, \3)", text)
    text = re.sub(r"\[(\w+) > (\w+)\]", r"share_of_larger(\1, \2)", text)
    text = re.sub(r"\bln (\w+)", r"ln(\1)", text)
    text = re.sub(r"(?<=[\w)]) (?=[\w(])(?!if |else )(?<!if )(?<!else )", " * ", text)
    as_written = {"polygamma": lambda n, x: FUNCTIONS["polygamma"].call(x, n)}
    return float(eval(text, VOCABULARY | as_written | names))


def numbers(name: str, point: tuple[float, ...]) -> dict[str, float]:
    out = RULES[name].compute(*point)
    return {"g": -1.25, "out": out, **dict(zip(LETTERS, point, strict=False))}


def column(name: str, position: int, g: float, point: tuple[float, ...]) -> float:
    row = RULES[name]
    out = row.compute(*point)
    if row.variadic:
        share = row.columns[0](g, out, *point)[position]
    else:
        share = row.columns[position](g, out, *point)
    return 0.0 if share is None else float(share)


@every_column
def test_the_text_of_a_column_says_the_number_it_computes(name: str, position: int) -> None:
    for point in TRUTH[name].ordinary:
        if not RULES[name].variadic and letters(name) != tuple(LETTERS[: len(point)]):
            point = TRUTH[name].ordinary[0]
        text = formula(name, position, letters(name), g="g")
        expected = column(name, position, -1.25, point)
        if text.startswith("power_derivative("):
            continue  # a mixed derivative has no usual notation; it is written as what it is
        assert value_of_text(text, numbers(name, point)) == pytest.approx(
            expected, rel=4e-15, abs=0
        ), text


@every_column
def test_the_c_of_a_column_computes_the_same_float(name: str, position: int) -> None:
    point = TRUTH[name].ordinary[0]
    text = formula(name, position, letters(name), g="g", style="c")
    expected = column(name, position, -1.25, point)
    assert value_of_c(text, numbers(name, point)) == expected, text


@every_row
def test_the_c_of_an_operation_computes_the_same_float(name: str) -> None:
    point = TRUTH[name].ordinary[0]
    text = operation(name, letters(name), style="c")
    assert value_of_c(text, numbers(name, point)) == RULES[name].compute(*point), text


# ---- print ---------------------------------------------------------------------------------------


@every_style
@every_row
def test_every_operation_prints(name: str, style: str) -> None:
    text = operation(name, letters(name), style=style)
    assert all(letter in text for letter in letters(name) if isinstance(letter, str))


@every_style
@every_column
def test_every_column_prints_with_and_without_what_arrives(
    name: str, position: int, style: str
) -> None:
    assert formula(name, position, letters(name), style=style)
    assert formula(name, position, letters(name), g="g", style=style)


@every_row
def test_every_operation_prints_as_latex_with_matching_braces(name: str) -> None:
    row = RULES[name]
    printed = [operation(name, letters(name), style="latex")]
    printed += [
        formula(name, i, letters(name), g="g", style="latex")
        for i in range(len(letters(name)))
        if variable(name, i)
    ]
    for text in printed:
        depth = 0
        for sign in text:
            depth += (sign == "{") - (sign == "}")
            assert depth >= 0, text
        assert depth == 0, text
        assert "%" not in text, "in LaTeX % begins a comment"
        assert "_" not in text.replace(r"\_", "").replace(r"\log_", ""), "a bare _ is a subscript"
        assert not re.search(r"\d[eE][-+]?\d", text), "1e-07 is no LaTeX number"
    assert row.name == name


@every_row
def test_every_c_formula_is_one_expression_of_calls_and_operators(name: str) -> None:
    for i in range(len(letters(name))):
        if variable(name, i):
            text = formula(name, i, letters(name), g="g", style="c")
            assert re.fullmatch(r"[\w\s.,()+\-*/?:<>=!]+", text), text
            assert "//" not in text, "in C // begins a comment"
            assert text.count("(") == text.count(")")


def test_the_condition_of_where_has_no_formula() -> None:
    assert formula("where", 0) == ""


def test_a_local_derivative_leaves_out_the_factor_of_one() -> None:
    assert formula("mul", 0) == "y"
    assert formula("neg", 0) == "-1"
    assert formula("add", 0) == "1"
    assert formula("tanh", 0) == "sech²(x)"
    assert formula("tanh", 0, g="g") == "g * sech²(x)"


def test_formulas_that_a_learner_reads() -> None:
    assert formula("log", 0) == "1/x"
    assert formula("sigmoid", 0) == "σ(x) * σ(-x)"
    assert formula("mod", 1, g="g") == "-g * (x // y)"
    assert formula("log2", 0) == "1/ln 2 * 1/x"
    assert formula("exp", 0, style="latex") == r"\mathit{out}"
    assert formula("asin", 0, style="latex") == r"\frac{1}{\sqrt{(1 - x) \, (1 + x)}}"
    assert formula("cos", 0, style="latex") == r"-\sin(x)"
    assert formula("elu", 1, g="g", style="latex") == r"g \, (e^{\min(x, 0)} - 1)"
    assert operation("hypot", style="latex") == r"\sqrt{x^2 + y^2}"
    assert operation("leaky_relu", style="latex") == r"\operatorname{leaky\_relu}(x, y)"


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [
        (0.0, "0"), (1.0, "1"), (2.0, "2 x"), (3.0, "3 x^2"), (0.5, "0.5 x^(-0.5)"),
        (-1.0, "-1 x^(-2)"), (-2.0, "-2 x^(-3)"),
    ],
)  # fmt: skip
def test_a_number_in_the_exponent_is_worked_out(exponent: float, expected: str) -> None:
    assert formula("pow", 0, ("x", exponent)) == expected


def test_a_second_derivative_of_a_power_is_worked_out_too() -> None:
    assert formula("power_derivative", 0, ("x", 5.0, 1.0, 0.0)) == "20 x^3"
    assert formula("power_derivative", 0, ("x", 1.0, 1.0, 0.0)) == "0"
    assert formula("power_derivative", 0, ("x", "y", 1.0, 0.0)) == "y (y - 1) x^(y - 2)"
    assert formula("power_derivative", 1, ("x", "y", 0.0, 1.0)) == "x^y (ln x)^2"


def test_the_slope_in_the_exponent_has_the_logarithm() -> None:
    assert formula("pow", 1) == "x^y ln x"
    assert formula("pow", 1, (2.0, "y")) == "2^y ln 2"
    assert formula("pow", 1, ("x", 1.0)) == "x ln x"


# ---- brackets ------------------------------------------------------------------------------------

POINT = {"a": 1.7, "b": -0.6, "c": 2.3}


@pytest.mark.parametrize(
    "build",
    [
        lambda a, b, c: a - (b - c),
        lambda a, b, c: (a - b) - c,
        lambda a, b, c: a / (b / c),
        lambda a, b, c: a / (b * c),
        lambda a, b, c: a * (b / c),
        lambda a, b, c: a * (b + c),
        lambda a, b, c: -(a + b) * c,
        lambda a, b, c: -(a * b),
        lambda a, b, c: a * -b,
        lambda a, b, c: a - -b,
        lambda a, b, c: a * (c % b),
        lambda a, b, c: a * (c // b),
        lambda a, b, c: c // b * a,
        lambda a, b, c: a - c % b,
        lambda a, b, c: (a * c) % (b + c),
        lambda a, b, c: (a + c) ** 2,
        lambda a, b, c: (-a) ** 2,
        lambda a, b, c: -(a**2),
        lambda a, b, c: (a**c) ** 2,
        lambda a, b, c: a ** (c**2),
        lambda a, b, c: a**-c,
        lambda a, b, c: (-2.0) ** 3 * a,
        lambda a, b, c: 2**a,
        lambda a, b, c: (a / c) ** 2,
        lambda a, b, c: a / c**2,
        lambda a, b, c: a * 1e-7 - 2.5e20 / c,
        lambda a, b, c: abs(a + b) * c,
        lambda a, b, c: a / call("ratio", b, c),
        lambda a, b, c: call("ratio", a + b, c * b),
        lambda a, b, c: call("inverse_where_positive", a + c) * b,
        lambda a, b, c: a / call("inverse_where_positive", c),
        lambda a, b, c: a * call("expm1", b),
        lambda a, b, c: -call("expm1", b),
        lambda a, b, c: call("exp", a + b) * call("sech2", a - b),
        lambda a, b, c: call("power_derivative", a + c, b + c, 1.0, 0.0) / a,
        lambda a, b, c: a / call("power_derivative", c, -1.0, 1.0, 0.0),
        lambda a, b, c: call("power_derivative", c + a, b, 2.0, 0.0),
        lambda a, b, c: call("floor", a + c) * c,
        lambda a, b, c: call("identity", a + b) * c,
        lambda a, b, c: a / (PER_LN2 * c),
        lambda a, b, c: call("hypot", -a, b - c),
        lambda a, b, c: call("where", a > b, a + b, c) * 2,
    ],
)
def test_brackets_stand_where_the_value_needs_them(build: Any) -> None:
    expected = build(*POINT.values())
    symbolic = build(a, b, c)
    assert value_of_text(render(symbolic), POINT) == pytest.approx(expected, rel=1e-14)
    assert value_of_c(render(symbolic, "c"), POINT) == pytest.approx(expected, rel=1e-14)


def test_c_keeps_the_brackets_that_decide_how_a_product_rounds() -> None:
    assert render(a * (b * c)) == "a * b * c"
    assert render(a * (b * c), "c") == "a * (b * c)"
    assert render((a * b) * c, "c") == "a * b * c"
    assert render(a + (b + c), "c") == "a + (b + c)"


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (lambda: a * -b, r"a \, (-b)"),  # side by side, a -b would read as a difference
        (lambda: a * -3.0, r"a \, (-3)"),
        (lambda: (a / b) ** 2, r"{(\frac{a}{b})}^{2}"),
        (lambda: call("exp", a) ** 2, r"{(e^{a})}^{2}"),
        (lambda: call("expm1", a) * b, r"(e^{a} - 1) \, b"),
        (lambda: call("hypot", -a, 1), r"\sqrt{(-a)^2 + 1^2}"),
        (lambda: a * (b % c), r"a \, (b \bmod c)"),
        (lambda: a // b, r"\lfloor a / b \rfloor"),
        (lambda: -call("ratio", a, b), r"-\tfrac{a}{b}"),
        (lambda: a * 1e-7, r"a \, 1 \cdot 10^{-7}"),
        (lambda: a * math.inf, r"a \, \infty"),
        (lambda: a * -math.inf, r"a \, (-\infty)"),
    ],
)
def test_latex_reads_as_it_computes(build: Any, expected: str) -> None:
    assert render(build(), "latex") == expected


# ---- surprises -----------------------------------------------------------------------------------


def test_the_truth_of_a_formula_is_refused_with_the_way_out() -> None:
    with pytest.raises(TypeError, match=r"where\(\), not with if"):
        bool(a > b)


def test_an_unknown_style_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'c', 'python' or 'numpy', not 'html'"):
        render(a, "html")


def test_a_rule_of_the_users_own_prints_its_powers_and_brackets() -> None:
    register("cubed_plus", lambda x: x**3 + x, lambda g, out, x: g * (3 * x**2 + 1), symbol="cub")
    try:
        assert formula("cubed_plus", 0, g="g") == "g * (3 * x^2 + 1)"
        assert formula("cubed_plus", 0, g="g", style="c") == "g * (3.0 * pow(x, 2.0) + 1.0)"
        assert operation("cubed_plus") == "cub(x)"
        assert operation("cubed_plus", style="latex") == r"\operatorname{cubed\_plus}(x)"
        assert RULES["cubed_plus"].compute(Value(2.0)).partials == (13.0,)
    finally:
        del RULES["cubed_plus"], FUNCTIONS["cubed_plus"]


def test_numbers_stand_for_constants_in_a_formula() -> None:
    assert formula("mul", 0, ("x", -3.0), g="g") == "g * -3"
    assert formula("leaky_relu", 0, ("x", 0.1)) == "step(x) + 0.1 * (1 - step(x))"
    assert operation("round", ("x", 0.0)) == "round(x)"
    assert operation("round", ("x", 2.0)) == "round(x, 2)"
