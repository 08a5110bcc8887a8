"""Graphs as SymPy's expressions: their values are the graphs', and so are their derivatives."""

from __future__ import annotations

import math
import sys

import pytest

import autograd
from autograd import Value, gradients, register, to_sympy
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE

sympy = pytest.importorskip("sympy")

POINTS = {"acosh": (1.7,), "log1mexp": (-0.4,)}
SETTINGS = {"polygamma": (2.0,), "power_derivative": (1.0, 1.0)}
MISSING = {"round"}  # it has no form in SymPy


def graph(name: str) -> tuple[Value, list[Value]]:
    """A row of the table at a point, and its inputs, which are named x0, x1, ..."""
    settings = SETTINGS.get(name, ())
    fact = FUNCTIONS[name]
    arity = 4 if fact.variadic else fact.arity - len(settings)
    numbers = POINTS.get(name, (0.3, 0.7, 0.2, 0.45)[:arity])
    xs = [Value(x, label=f"x{i}") for i, x in enumerate(numbers)]
    compute = autograd.where if name == "where" else RULES[name].compute
    return compute(*xs, *settings), xs


def number(expression, xs) -> float:
    """An expression where the graph was computed."""
    at = {sympy.Symbol(x.label, real=True): x.data for x in xs}
    found = expression.subs(at)
    return float(bool(found)) if found in (True, False) else float(found.evalf(20))


@pytest.mark.parametrize("name", [name for name in TABLE if name not in MISSING])
def test_an_expression_has_the_value_and_the_slopes_of_its_graph(name):
    out, xs = graph(name)
    expression = to_sympy(out)
    assert number(expression, xs) == pytest.approx(out.data, rel=1e-12)
    if name in ("floordiv", "mod", "floor"):  # SymPy leaves the slope of floor as it is
        return
    for x, slope in zip(xs, gradients(out, xs), strict=True):
        found = sympy.diff(expression, sympy.Symbol(x.label, real=True))
        assert number(found, xs) == pytest.approx(float(slope), rel=1e-12, abs=1e-15)


def is_zero(expression) -> bool:
    return sympy.simplify(expression.rewrite(sympy.exp)) == 0


SMOOTH = [
    lambda x, y: x * y + x / y - y**3,
    lambda x, y: (x * y).exp() * x.sin() - (x + y).tanh(),
    lambda x, y: x.sigmoid() * y.softplus() + autograd.logaddexp(x, y),
    lambda x, y: autograd.logsumexp([x, y, x * y]) + autograd.hypot(x, y),
    lambda x, y: x.log() * y.sqrt() + autograd.atan2(x, y) + x.erf() + (y * y).log10(),
    lambda x, y: autograd.dot([x, y], [y, x]) * autograd.softmax([x, y])[0],
    lambda x, y: autograd.gelu(x) * autograd.silu(y) + autograd.logit(x / 9) + x**2.5,
]


@pytest.mark.parametrize("f", SMOOTH)
def test_the_gradient_s_expression_is_the_derivative_of_the_expression(f):
    x, y = Value(0.6, label="x"), Value(1.3, label="y")
    out = f(x, y)
    expression = to_sympy(out)
    for leaf, slope in zip((x, y), gradients(out, [x, y], create_graph=True), strict=True):
        difference = sympy.diff(expression, sympy.Symbol(leaf.label, real=True)) - to_sympy(slope)
        assert is_zero(difference)


def test_a_second_derivative_is_one_too():
    x = Value(0.6, label="x")
    (slope,) = gradients(x.tanh() * x.exp(), [x], create_graph=True)
    (bend,) = gradients(slope, [x], create_graph=True)
    symbol = sympy.Symbol("x", real=True)
    wanted = sympy.diff(sympy.tanh(symbol) * sympy.exp(symbol), symbol, 2)
    assert is_zero(to_sympy(bend) - wanted)


@pytest.mark.parametrize("at", [-0.5, -1.5, -2.25, 0.5, 3.5])
def test_the_logarithm_of_gamma_is_real_below_0_too(at):
    x = Value(at, label="x")
    found = to_sympy(x.gammaln())
    (symbol,) = found.free_symbols
    assert float(found.subs(symbol, at)) == pytest.approx(math.lgamma(at), rel=1e-13)


def test_labels_are_symbols_and_other_leaves_are_numbers():
    x, y = Value(2.0, label="x"), Value(0.5)
    found = to_sympy(x * y + Value(3.0, label="x") - 0.1)
    symbol = sympy.Symbol("x", real=True)
    assert sympy.simplify(found - (1.5 * symbol - 0.1)) == 0
    assert found.free_symbols == {symbol}
    assert to_sympy(Value(0.25)) == sympy.Rational(1, 4)
    assert to_sympy(Value(float("inf"))) == sympy.oo


def test_a_deep_graph_does_not_exhaust_the_stack():
    x = Value(1.0, label="x")
    out = x
    for _ in range(3000):
        out = out + 1.0
    assert to_sympy(out) == sympy.Symbol("x", real=True) + 3000


def test_what_has_no_expression_is_named():
    with pytest.raises(TypeError, match=r"to_sympy takes a Value, not 3\.0"):
        to_sympy(3.0)
    with pytest.raises(TypeError, match="the operation round has no formula for SymPy"):
        to_sympy(round(Value(1.25), 1))
    name = "test_sly"
    own = register(name, lambda x: x if x > 0 else -x, lambda g, out, x: g)
    try:
        with pytest.raises(TypeError, match=f"the operation {name} has no formula for SymPy"):
            to_sympy(own(Value(1.0)))
    finally:
        del RULES[name], FUNCTIONS[name]


def test_without_sympy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sympy", None)
    with pytest.raises(ImportError, match="to_sympy needs sympy: python -m pip install sympy"):
        to_sympy(Value(1.0))
