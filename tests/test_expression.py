"""Expressions as text: what they mean, what is refused, and how that is said."""

from __future__ import annotations

import math

import pytest
from counting import calls
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Value
from autograd.commands.expression import (
    MAX_CHARACTERS,
    MAX_NODES,
    Expression,
    ExpressionError,
    known_functions,
    lists,
    parse,
    slope,
    work_out,
)


def read(text: str) -> Expression | ExpressionError:
    """What comes of a text: an expression, or its refusal."""
    try:
        return parse(text)
    except ExpressionError as error:
        return error


def at(text: str, **numbers: float) -> float:
    return parse(text).evaluate(numbers).data


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2*3", 7.0),
        ("(1 + 2)*3", 9.0),
        ("10 - 4 - 3", 3.0),
        ("2**3**2", 512.0),
        ("-2**2", -4.0),
        ("2**-1", 0.5),
        ("--3", 3.0),
        ("+3", 3.0),
        ("7 // 2 + 7 % 2 - -7 // 2", 8.0),
        ("1_000 * 0x10", 16000.0),
        ("pi", math.pi),
        ("e", math.e),
        ("sum([1, 2, 3]) + mean([1, 3])", 8.0),
        ("dot([1, 2], [3, 4])", 11.0),
        ("dot(softmax([5, 5]), [1, 3])", 2.0),
        ("logsumexp([1000, 1000])", 1000 + math.log(2)),
        ("sum(log_softmax([0, 0]))", -2 * math.log(2)),
        ("round(1.25, 1)", 1.2),
        ("leaky_relu(-2) + leaky_relu(-2, 0.5)", -1.02),
        ("1 < 2", 1.0),
        ("(2 == 3) + (2 != 3)", 1.0),
        ("0 < 5 < 3", 0.0),
        ("\n 1 +\n\t2 ", 3.0),
        ("1 + 2  # three", 3.0),
        ("1\u00a0+\u00a02", 3.0),
    ],
)
def test_an_expression_means_what_it_means_in_python(text: str, expected: float) -> None:
    assert at(text) == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/0", math.inf),
        ("-1/0", -math.inf),
        ("0/0", math.nan),
        ("7 % 0", math.nan),
        ("7 // 0", math.inf),
        ("(-8) ** (1/3)", math.nan),
        ("exp(1000)", math.inf),
        ("log(0)", -math.inf),
        ("log(-1)", math.nan),
        ("10.0 ** 400", math.inf),
    ],
)
def test_arithmetic_on_plain_numbers_is_that_of_ieee(text: str, expected: float) -> None:
    assert at(text) == pytest.approx(expected, nan_ok=True)
    assert at(text.replace("1000", "1000*x"), x=1.0) == pytest.approx(expected, nan_ok=True)


def test_a_tower_of_powers_is_infinite_at_once() -> None:
    assert calls(lambda: at("9**9**9**9") == math.inf) < 10_000
    assert at("9**9**9**9") == math.inf


def test_names_come_in_order_of_first_appearance_without_the_constants() -> None:
    expression = parse("tanh(x1*w1 + x2*w2 + b) + x1*pi - e")
    assert expression.names == ("x1", "w1", "x2", "w2", "b")
    assert expression.constants == ("pi", "e")


def test_a_given_e_wins_over_the_constant() -> None:
    expression = parse("2*e")
    assert expression.evaluate({"e": 3.0}).data == 6.0
    assert work_out(expression, {"e": 3.0}).gradients == {"e": 2.0}


def test_a_name_may_be_any_letters_and_look_alikes_are_one() -> None:
    assert parse("α*ß + 変数").names == ("α", "ß", "変数")
    assert parse("\u00b5 + \u03bc").names == ("\u03bc",)  # the micro sign is a small mu


def test_a_name_that_is_also_a_function_is_a_variable_unless_it_is_called() -> None:
    assert at("step*step(step)", step=3.0) == 3.0


def test_all_missing_names_are_told_at_once() -> None:
    with pytest.raises(ExpressionError, match="no value for x, z"):
        parse("x + y*z").evaluate({"y": 1.0})


def test_gradients_flow_to_the_values_that_were_given() -> None:
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    parse("x**2*y + sin(y)").evaluate({"x": x, "y": y}).backward()
    assert x.grad == 12.0
    assert y.grad == pytest.approx(4 + math.cos(3), rel=1e-15)


def test_where_takes_a_comparison_and_its_gradient_follows_the_branch() -> None:
    worked = work_out(parse("where(x > 0, sqrt(x), 0*x)"), {"x": 0.0})
    assert (worked.out.data, worked.gradients) == (0.0, {"x": 0.0})


def test_every_node_is_labelled_with_its_own_piece_of_the_text() -> None:
    x = Value(2.0)
    out = parse("sin( x*3 )  + (x - 1)").evaluate({"x": x})
    labels = {node.label for node in autograd.nodes(out) if node.op}
    assert labels == {"sin( x*3 ) + (x - 1)", "sin( x*3 )", "x*3", "x - 1"}
    assert x.label == ""


def test_pieces_are_cut_at_letters_and_not_at_bytes() -> None:
    out = parse("αβ*γδ + 変数").evaluate({name: Value(1.0) for name in ("αβ", "γδ", "変数")})
    assert {node.label for node in autograd.nodes(out) if node.op} == {"αβ*γδ", "αβ*γδ + 変数"}


def test_a_long_piece_is_a_short_label() -> None:
    x = Value(1.0)
    out = parse(" + ".join(["x"] * 100)).evaluate({"x": x})
    assert len(out.label) == 40
    assert out.label.endswith("...")


def test_what_was_recorded_before_keeps_its_label() -> None:
    a = Value(1.0) * 2
    parse("+a + 1").evaluate({"a": a})
    parse("sum([a])*0 + where(1, a, 0)").evaluate({"a": a})
    assert a.label == ""


def test_nothing_is_recorded_of_plain_numbers() -> None:
    out = parse("x*2 + sin(x)").evaluate({"x": 1.0})
    assert out.inputs == ()
    assert out.label == "x*2 + sin(x)"


@pytest.mark.parametrize("name", sorted({*known_functions()} - {*lists()}))
def test_every_function_of_numbers_is_known_and_is_the_engine_s(name: str) -> None:
    function = getattr(autograd, name)
    arity = autograd.core.functions.FUNCTIONS[name].arity
    numbers = dict(zip("xyz", (0.5, 2.0, 3.0), strict=True))
    arguments = list("xyz"[:arity]) if name != "round" else ["x", "1"]
    arguments = ["1", "x"] if name == "polygamma" else arguments
    expected = function(*(numbers.get(argument, 1) for argument in arguments))
    text = f"{name}({', '.join(arguments)})"
    assert at(text, **numbers) == pytest.approx(expected, nan_ok=True)
    out = parse(text).evaluate({name: Value(number) for name, number in numbers.items()})
    assert out.op == name


@pytest.mark.parametrize("name", lists())
def test_every_function_of_a_list_is_known(name: str) -> None:
    text = "dot([x, y], [1, 2])" if name == "dot" else f"{name}([x, y])"
    out = parse(f"sum({text})" if "softmax" in name else text)
    assert {node.op for node in work_out(out, {"x": 1.0, "y": 2.0}).nodes} >= {name}


@pytest.fixture
def same_table_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone when it ends."""
    for table in (autograd.core.functions.FUNCTIONS, autograd.core.rules.RULES):
        monkeypatch.setitem(table, "cubed_here", None)
        del table["cubed_here"]


@pytest.mark.usefixtures("same_table_afterwards")
def test_a_registered_function_is_known_from_then_on() -> None:
    with pytest.raises(ExpressionError, match="unknown function 'cubed_here'"):
        parse("cubed_here(x)")
    autograd.register("cubed_here", lambda x: x * x * x, lambda g, out, x: 3 * g * x * x)
    assert work_out(parse("cubed_here(x)"), {"x": 2.0}).gradients == {"x": 12.0}
    with pytest.raises(ExpressionError, match="did you mean cubed_here"):
        parse("cubedhere(x)")
    with pytest.raises(ExpressionError, match="cubed_here takes 1 argument, not 2"):
        parse("cubed_here(x, y)")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the expression is empty"),
        (" \n", "the expression is empty"),
        ('__import__("os")', "quotes and backslashes are not allowed"),
        ("__import__(os)", "unknown function '__import__'"),
        ("eval(x)", "unknown function 'eval'"),
        ("x.real", "'x.real': a dot between names is not known here"),
        ("math.sin(x)", "write sin(x), not math.sin(x)"),
        ("().__class__.__bases__", "a dot between names"),
        ("x[0]", "'x[0]': not allowed: an expression has numbers, names"),
        ("(lambda: 1)()", "not allowed"),
        ("(y := 2)", "not allowed"),
        ("[x for x in y]", "not allowed"),
        ("{x}", "not allowed"),
        ("x, y", "a comma belongs inside a function's brackets"),
        ("True", "not allowed"),
        ("None", "not allowed"),
        ("...", "not allowed"),
        ("2j", "not allowed"),
        ("'text'", "quotes and backslashes"),
        ("f'{x}'", "quotes and backslashes"),
        ("x if y else z", "write where(condition, a, b)"),
        ("x and y", "and, or are not known here"),
        ("not x", "not allowed"),
        ("~x", "not allowed"),
        ("x ^ 2", "a power is written x ** y"),
        ("x @ y", "write dot([...], [...])"),
        ("x in y", "not allowed"),
        ("x is y", "not allowed"),
        ("x << 2", "not allowed"),
        ("await x", "not allowed"),
        ("sin(*x)", "not allowed"),
        ("sin(x=1)", "a setting cannot be named here"),
        ("f(x)(y)", "not allowed"),
        ("tahn(x)", "unknown function 'tahn'; did you mean tan or tanh?"),
        ("ln(x)", "unknown function 'ln'; did you mean log?"),
        ("max(x, y)", "did you mean maximum?"),
        ("zzzzz(x)", "there are exp expm1 log"),
        ("sech2(x)", "unknown function 'sech2'"),
        ("sin()", "sin takes 1 argument, not 0"),
        ("atan2(x)", "atan2 takes 2 arguments, not 1"),
        ("elu(x, 1, 2)", "elu takes 1 or 2 arguments, not 3"),
        ("sum(x, y)", "sum takes 1 list, not 2: a list is written [x, y]"),
        ("sum(x)", "'x' is a number where a list is wanted"),
        ("sin([x])", "'[x]' is a list, not a number"),
        ("[x]", "'[x]' is a list, not a number"),
        ("softmax([x, y])", "'softmax([x, y])' is a list, not a number; a list goes into sum"),
        ("mean([])", "'mean([])': mean of an empty list has no value"),
        ("dot([1], [2, 3])", "two lists of one length"),
        ("round(2.5, 0.5)", "the digits to round to are a whole number"),
        ("2x", "a product is written 2*x (character 1)"),
        ("x +", "cannot read 'x +': invalid syntax"),
        ("(x", "'(' was never closed (character 1)"),
        ("x = 1", "cannot read 'x = 1'"),
        ("x; y", "cannot read"),
        ("import os", "cannot read"),
        ("x \u2212 y", "invalid character"),
        ("1e999", "'1e999' is too large"),
        ("9" * 400, "is too large"),
        ("x\0", "cannot read 'x\\x00'"),
        ("\ud800", "character 1 is not valid text"),
        ("1if x else 2", "write where(condition, a, b)"),
    ],
)
def test_what_is_not_an_expression_is_refused_in_one_line(text: str, told: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse(text).evaluate({})
    message = str(caught.value)
    assert told in message
    assert message.isprintable()
    assert len(message) < 500


BOMBS = {
    "brackets": "(" * 100_000,
    "lists": "[" * 9_999,
    "balanced brackets": "(" * 4_000 + "x" + ")" * 4_000,
    "minus signs": "-" * 100_000 + "x",
    "fewer minus signs": "-" * 9_990 + "x",
    "terms": "x" + "+x" * 100_000,
    "fewer terms": "x" + "+x" * 4_999,
    "digits": "9" * 5_000,
    "calls": "sin(" * 2_000 + "x" + ")" * 2_000,
    "comparisons": "x" + "<x" * 4_999,
    "powers": "x" + "**x" * 3_000,
    "arguments": "sum([" + "x," * 4_990 + "])",
}


@pytest.mark.slow
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_one_clear_line_and_soon(bomb: str) -> None:
    answers = []
    assert calls(lambda: answers.append(read(bomb))) < 10_000_000
    [answer] = answers
    if isinstance(answer, ExpressionError):
        assert str(answer).isprintable()
        assert len(str(answer)) < 200
    else:
        assert len(bomb) <= MAX_CHARACTERS


def test_the_limits_are_told_with_their_numbers() -> None:
    with pytest.raises(ExpressionError, match=f"10001 characters; at most {MAX_CHARACTERS}"):
        parse("x" * (MAX_CHARACTERS + 1))
    with pytest.raises(ExpressionError, match=f"more than {MAX_NODES} parts"):
        parse("sum([" + "-x," * (MAX_NODES // 2) + "])")
    assert at("sum([" + "-x," * (MAX_NODES // 2 - 1) + "])", x=-1.0) == MAX_NODES / 2 - 1


numbers = st.floats(min_value=-1e3, max_value=1e3)
names = st.sampled_from(["x", "y", "z"])
leaves = st.one_of(names, numbers.map(lambda number: f"({number!r})"))
expressions = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*"]), inner).map(lambda t: f"({' '.join(t)})"),
        inner.map(lambda text: f"(-{text})"),
        inner.map(lambda text: f"sin({text})"),
        st.lists(inner, min_size=1, max_size=3).map(lambda texts: f"sum([{', '.join(texts)}])"),
    ),
    max_leaves=20,
)


@pytest.mark.slow
@given(text=expressions, x=numbers, y=numbers, z=numbers)
def test_an_expression_is_worth_what_python_says(text: str, x: float, y: float, z: float) -> None:
    env = {"x": x, "y": y, "z": z}
    # eval is the oracle, of text made here. sum and sin are the engine's: the order is what counts.
    expected = eval(text, {"sin": autograd.sin, "sum": autograd.sum, **env})
    assert parse(text).evaluate(env).data == float(expected)
    assert parse(text).evaluate({name: Value(v) for name, v in env.items()}).data == expected


pieces = st.sampled_from(
    [
        *" \n\t\0xyj12.,:;()[]{}+-*/%<>=!~^&|@#'\"\\éπ𝟏½\u202e\ud800",
        *("**", "//", "==", ".5", "1e9", "0x1", "1_", "1if ", "sin(", "sum([", "where(", "lambda "),
        *(" if ", " else ", "not ", " in ", " is ", " and ", " for ", "async ", "await ", "None"),
    ]
)


@pytest.mark.slow
@given(st.lists(pieces, max_size=30).map("".join))
def test_a_text_is_an_expression_or_refused_in_one_line_whatever_it_is(text: str) -> None:
    answer = read(text)
    if isinstance(answer, ExpressionError):
        assert str(answer).isprintable()
    else:
        assert isinstance(answer.evaluate(dict.fromkeys(answer.names, 1.0)).data, float)


# ---- finite differences --------------------------------------------------------------------------


@pytest.mark.parametrize("x", [0.0, 1.0, -3.3, 0.037, 1e-8, 250.0])
@pytest.mark.parametrize(
    ("f", "derivative"),
    [
        (math.sin, math.cos),
        (lambda x: x**3, lambda x: 3 * x * x),
        (math.tanh, lambda x: 1 - math.tanh(x) ** 2),
        (lambda x: math.exp(-x * x), lambda x: -2 * x * math.exp(-x * x)),
        (lambda x: math.sin(x * x), lambda x: 2 * x * math.cos(x * x)),
        (lambda x: 4.0, lambda x: 0.0),
        (lambda x: x * abs(x), lambda x: 2 * abs(x)),
    ],
)
def test_a_slope_by_differences_has_ten_digits(f: object, derivative: object, x: float) -> None:
    measured, remark = slope(f, x)  # type: ignore[arg-type]
    assert remark == ""
    expected = derivative(x)  # type: ignore[operator]
    assert measured == pytest.approx(expected, rel=1e-10, abs=1e-9)


def test_a_slope_close_to_an_edge_of_the_domain_takes_small_steps() -> None:
    expression = parse("log(x)")
    measured, _ = slope(lambda x: expression.evaluate({"x": x}).data, 1e-8)
    assert measured == pytest.approx(1e8, rel=1e-9)


def test_where_no_slope_exists_the_reason_is_given() -> None:
    def told(text: str, x: float) -> tuple[float | None, str]:
        expression = parse(text)
        return slope(lambda x: expression.evaluate({"x": x}).data, x)

    assert told("relu(x)", 0.0) == (None, "kink: slopes 0, 1")
    assert told("abs(x - 2)*3", 2.0) == (None, "kink: slopes -3, 3")
    assert told("floor(x)", 1.0) == (None, "no finite slope")
    assert told("cbrt(x)", 0.0) == (None, "no finite slope")
    assert told("abs(x)**0.5", 0.0) == (None, "no finite slope")
    assert told("sqrt(x)", 0.0) == (None, "no finite slope")
    assert told("x*0", math.inf) == (None, "not finite near here")


def test_a_slope_is_not_taken_from_rounding_noise() -> None:
    measured, remark = slope(lambda x: 1e6 + math.cos(x), 1e-8)
    assert remark == ""
    assert measured == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("x", [-1.0038288878392254, -0.467358000231509, 0.5254836368613569])
def test_rounding_noise_is_not_called_a_kink(x: float) -> None:
    measured, remark = slope(lambda x: 1e8 + math.sin(x), x)
    assert remark == ""
    assert measured == pytest.approx(math.cos(x), abs=1e-3)


def test_an_expression_worked_out_has_variables_first_and_then_the_oldest() -> None:
    worked = work_out(parse("where(x > 1, y, x)*2"), {"y": 1.0, "x": 0.5})
    labels = [node.label for node in worked.nodes]
    assert labels == ["x", "y", "where(x > 1, y, x)", "where(x > 1, y, x)*2"]
    assert worked.gradients == {"x": 2.0, "y": 0.0}
    assert list(worked.given) == ["x", "y"]
