"""Explanations: every path counted, the heaviest shown, and all of them add up to the gradient."""

import itertools
import math
import random
import re
import shutil
import subprocess

import pytest
from counting import calls

import autograd
from autograd import Tensor, Value, explain, gradients, nodes, trace, where
from autograd.core.graph import Node
from autograd.core.rules import RULES
from autograd.seeing import abbreviating


def random_graph(seed, size=12):
    rng = random.Random(seed)
    made = [Value(rng.uniform(0.5, 2), label=f"x{i}") for i in range(2)]
    for _ in range(size):
        x, y = rng.choice(made[-5:]), rng.choice(made)
        made.append(rng.choice([x + y, x * y, x - y, x.tanh(), y.sin(), x / (y * y + 1.0)]))
    return made[0], made[-1] + made[0]


def every_path(node, wrt):
    """All ways from a node back to wrt, one by one: the products of local derivatives."""
    if node is wrt:
        yield 1.0
        return
    for x, local in zip(node.inputs, node.partials, strict=True):
        if isinstance(x, Node):
            for rest in every_path(x, wrt):
                yield local * rest


@pytest.mark.parametrize("seed", range(30))
def test_count_mass_and_heaviest_are_those_of_all_paths_one_by_one(seed):
    wrt, root = random_graph(seed)
    products = sorted(every_path(root, wrt), key=abs, reverse=True)
    found = explain(root, wrt, paths=5)
    assert found.count == len(products)
    assert found.positive == pytest.approx(math.fsum(p for p in products if p > 0), rel=1e-12)
    assert found.negative == pytest.approx(math.fsum(p for p in products if p < 0), rel=1e-12)
    shown = [abs(path.product) for path in found.paths]
    assert shown == pytest.approx([abs(p) for p in products[:5]], rel=1e-12)


@pytest.mark.parametrize("seed", range(30))
def test_the_mass_of_both_signs_adds_up_to_the_gradient(seed):
    wrt, root = random_graph(seed)
    found = explain(root, wrt)
    assert found.gradient == gradients(root, [wrt])[0]
    assert found.positive + found.negative == pytest.approx(found.gradient, rel=1e-9, abs=1e-12)


def test_the_product_of_a_path_is_that_of_its_local_derivatives():
    wrt, root = random_graph(3)
    for path in explain(root, wrt).paths:
        assert path.product == pytest.approx(math.prod(s.local for s in path.steps), rel=1e-12)
        assert path.steps[0].node is root
        assert path.steps[-1].input is wrt
        for one, two in itertools.pairwise(path.steps):
            assert one.input is two.node


@pytest.mark.parametrize("f", [autograd.maximum, autograd.minimum])
@pytest.mark.parametrize("k", [0, 1])
def test_what_is_said_of_a_tie_is_true(f, k):
    xs = Value(1.5, "a"), Value(1.5, "b")
    told = explain(f(*xs) * 2.0, xs[k])
    (line,) = [row for row in str(told).splitlines() if "[" in row]
    truth = re.sub(r"\[(\w+) (=|>) (\w+)\]", lambda m: str(float(m[2] == "=")), line)
    assert eval(truth.lstrip(" =").replace("×", "*")) == told.gradient == 1.0
    assert ">" not in told.latex()
    apart = explain(f(xs[0], Value(7.0, "c")), xs[0])
    assert ">" in str(apart)


def test_two_to_the_sixtieth_paths_are_a_number_and_take_no_time():
    x = Value(1.0, label="x")
    y = x
    for _ in range(60):
        y = y + y

    def act():
        found = explain(y, x)
        assert found.count == 2**60
        assert "1,152,921,504,606,846,976 paths" in str(found)
        assert "and 1,152,921,504,606,846,971 more paths" in str(found)

    assert calls(act) < 1_000_000


def test_what_cancels_is_said():
    x = Value(3.0, label="x")
    found = explain(x * 5.0 - x * 4.0, x)
    assert found.cancelled == 4.0
    assert "5.0 and -4.0 meet: 4.0 cancels" in str(found)
    assert "cancels" not in str(explain(x * 5.0, x))


def test_the_paths_of_a_gradient_of_zero_still_have_their_parts():
    x = Value(3.0, label="x")
    found = explain(x - x, x)
    assert found.gradient == 0.0
    assert [path.part for path in found.paths] == [0.5, 0.5]


def test_the_text_has_formulas_and_numbers():
    a, b = Value(0.5, label="a"), Value(-3.0, label="b")
    loss = (a * b).exp()
    loss.label = "loss"
    assert str(explain(loss, a)).splitlines() == [
        "d loss/d a = -0.66939, the product along one path from a to loss",
        "  -0.66939 (100 %) along a → v1 → loss",
        "    = d loss/d v1 × d v1/d a",
        "    = loss × b",
        "    = 0.22313 × -3.0",
    ]


def test_a_node_between_leaves_and_root_is_explained_with_what_it_hands_on():
    a, b = Value(0.5, label="a"), Value(-3.0, label="b")
    product = a * b
    product.label = "p"
    loss = product * product + a
    loss.label = "loss"
    lines = str(explain(loss, product)).splitlines()
    assert lines[0] == "d loss/d p = -3.0, the sum over 2 paths from p to loss"
    assert lines[-4:] == [
        "p = a * b = -1.5 hands its gradient on:",
        "  arriving: d loss/d p = -3.0",
        "  to a: -3.0 × -3.0 = 9.0   a.grad 1.0 → 10.0  local: d(a * b)/da = b",
        "  to b: -3.0 ×  0.5 = -1.5  b.grad 0.0 → -1.5  local: d(a * b)/db = a",
    ]
    assert "hands" not in str(explain(loss, a))
    assert "hands" not in str(explain(loss, Value(1.0) * 2.0))


def test_the_mathematics_has_symbols_then_numbers_then_the_value():
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    text = explain(y, x).latex()
    assert text.count(r"\underbrace{\frac{\partial y}{\partial x}}_{x}") == 2
    assert r"&= 3 + 3 \\ &= 6" in text
    assert explain(y, x)._repr_mimebundle_()["text/latex"] == f"$$ {text} $$"


@pytest.mark.parametrize("seed", range(5))
def test_the_text_is_readable_at_80_columns(seed):
    wrt, root = random_graph(seed, size=30)
    for node in nodes(root)[::4]:
        node.label = "a long label, which says much"
    assert all(len(line) <= 80 for line in str(explain(root, wrt)).splitlines())


def test_a_node_explained_by_itself_is_the_seed():
    x = Value(2.0, label="x")
    assert explain(x, x).count == 1
    assert str(explain(x, x)) == "d x/d x = 1.0, the seed with which the pass begins"


def test_no_path_is_said_and_is_a_gradient_of_zero():
    x, y = Value(2.0, label="x"), Value(3.0, label="y")
    for root in (y * 2.0, where(Value(1.0), y, y)):
        root.label = "r"
        found = explain(root, x)
        assert (found.count, found.gradient, found.paths) == (0, 0.0, [])
        assert "there is no path from x to r" in str(found)
    assert "= 0" in explain(y * 2.0, x).latex()


def test_nan_and_infinity_pass_through():
    x = Value(0.0, label="x")
    assert "inf" in str(explain(x.log() + x, x))
    assert "nan" in str(explain((x * math.inf) * (x * 1.0), x))


@pytest.mark.slow
def test_a_deep_graph_is_explained_without_recursion():
    x = Value(1.0, label="x")
    y = x
    for _ in range(20_000):
        y = y * 1.0001
    found = explain(y, x)
    assert found.count == 1
    assert len(found.paths[0].steps) == 20_000
    assert len(str(found)) < 1000


@pytest.mark.parametrize(("root", "wrt"), [(3.0, Value(1.0)), (Value(1.0), "x"), (None, None)])
def test_what_is_no_node_is_refused(root, wrt):
    with pytest.raises(TypeError, match=r"takes two nodes, not .*: pass the Value"):
        explain(root, wrt)


@pytest.mark.parametrize("paths", [0, -1, True, 2.0])
def test_a_number_of_paths_that_is_none_is_refused(paths):
    with pytest.raises(ValueError, match="1 or more"):
        explain(Value(1.0), Value(1.0), paths=paths)


# ---- TeX -----------------------------------------------------------------------------------------

LABELS = [
    "x1", "loss", "w\u00b9\u2082\u2081", "\u03b1", "\u03a9", "\u2202L/\u2202w", "\u1e21", "\u00e9",
    "a\\", "{a|b}", "\\N \\G", "&amp;&#60;", "\\end{aligned}", "$x$", "$$", "^_~",
    "}{", "}$$\\def", "\\input{x}", "a%b", "a\nb\tc", "\x00", "\u202ex", "  spaces  ",
    "\uac00\ub098\ub2e4 \uc2e0\uacbd\ub9dd", "\U0001f9e0 neuron",
]  # fmt: skip
BARE = "\\DeclareUnicodeCharacter"  # a letter that the fonts of pdflatex do not have


def derivations(root, wrt):
    t = trace(root)
    yield from (frame.latex() for frame in [*t, *t.forward])
    yield explain(root, wrt).latex()


def every_derivation():
    for label in LABELS:
        a, b = Value(2.0, label=label), Value(-3.0, label="b")
        yield from derivations((a * b + a.tanh()) ** 2 / b - a, a)
    inputs = [Value(0.3, label="x"), Value(0.6, label="y")]
    for name in RULES:
        function = getattr(autograd, name, None)
        for taken in (inputs[:1], inputs, [inputs]) if callable(function) else ():
            try:
                made = function(*taken)
            except TypeError:  # it takes another number of them
                continue
            yield from derivations(made, inputs[0]) if isinstance(made, Value) else ()
    x, y = inputs
    for made in (x**y, x // y, x % y, where(x < y, x, y), x * math.inf, x * math.nan, x - x):
        yield from derivations(made, x)
    np = pytest.importorskip("numpy")
    for label in LABELS[:8]:
        w, x = Tensor(np.eye(2, 3), label=label), Tensor(np.ones((4, 2)), label="x")
        loss = ((x @ w).tanh() ** 2).sum(axis=0).mean()
        yield from derivations(loss, w)
        yield explain(loss, w, at=(0, 1)).latex()


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("pdflatex"), reason="needs pdflatex")
def test_tex_sets_every_derivation_whatever_the_names(tmp_path):
    lines = [f"$$ {formula} $$" for formula in every_derivation()]
    strange = sorted({c for line in lines for c in line if ord(c) >= 0x3000})
    page = [
        "\\documentclass{article}", "\\usepackage[utf8]{inputenc}", "\\usepackage[T1]{fontenc}",
        "\\usepackage{amsmath}", *(f"{BARE}{{{ord(c):X}}}{{?}}" for c in strange),
        "\\begin{document}", *(f"{line}\n" for line in lines), "\\end{document}",
    ]  # fmt: skip
    (tmp_path / "a.tex").write_text("\n".join(page), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-file-line-error", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True)
    told = done.stdout.decode(errors="replace")
    assert re.findall(r"^(?:\./)?a\.tex:\d+: .*$", told, re.MULTILINE) == []
    assert (done.returncode, len(lines) > 500) == (0, True)


def test_a_derivation_ends_with_the_gradient_and_says_nothing_twice():
    x = Value(3.0, label="x")
    for root in (-x, (-x).tanh() * 2.0, x * x, x * x - 2 * x, x.exp()):
        latex = explain(root, x).latex()
        right = [row.partition("&=")[2] for row in re.split(r"\\\\ (?=&=)", latex[:-14])]
        assert len(set(map(str.strip, right))) == len(right) > 1
    np = pytest.importorskip("numpy")
    w = Tensor(np.eye(2) + 1.5, label="w")
    for found in (explain((w * 2.0).sum(), w), explain((w.exp() * 2.0).sum(), w)):
        gradient = abbreviating.latex(found.gradient)
        assert found.latex().count(f"&= {gradient}") == 1
