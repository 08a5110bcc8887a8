"""Looking at Tensors: pictures, traces, explanations, diagnoses and lint say what is there."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from itertools import starmap
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tensor_rules import CASES, MATRICES, array

import autograd
from autograd import (
    Tensor,
    Value,
    check_graph,
    diagnose,
    draw,
    explain,
    gradcheck,
    gradients,
    lint,
    nodes,
    record_lines,
    stack_values,
    trace,
)
from autograd.arrays import operations, rules
from autograd.core.graph import hand_back, sweep
from autograd.seeing import abbreviating, array_wording
from autograd.seeing.abbreviating import number
from autograd.seeing.array_explaining import MOST_FOLLOWED, ElementExplanation
from autograd.seeing.diagnosing import catalogue
from autograd.seeing.drawing import rows
from autograd.seeing.formats import columns
from autograd.seeing.mistakes import BY_NAME, handed
from autograd.seeing.player import BoxRecord
from autograd.seeing.wording import WIDTH

pytestmark = pytest.mark.slow

HOSTILE = "</script><img src=x onerror=alert(1)>"
every_case = pytest.mark.parametrize("case", CASES)


def layer(batch: int = 4) -> tuple[Any, dict[str, Tensor]]:
    """One layer and a loss; every number in it is small."""
    x = Tensor(array(batch, 3), label="x")
    w = Tensor(array(3, 2) / 3, label="w")
    b = Tensor([0.1, -0.2], label="b")
    h = (x @ w + b).tanh()
    h.label = "h"
    loss = (h.sum(axis=1) ** 2).mean()
    loss.label = "loss"
    return loss, {"x": x, "w": w, "b": b, "h": h}


def boxes(root: Any) -> dict[str, Any]:
    return {box.label or box.op: box for box in rows(root).boxes}


# ---- arrays in few words -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "words"),
    [
        ([1.0, -2.5], "[1, -2.5]"),
        ([[1.0, 2.0], [3.0, 1 / 3]], "[[1, 2], [3, 0.3333]]"),
        (np.linspace(-1, 2, 101), "min -1 mean 0.5 max 2"),
        (np.full((10, 10), 0.25), "all 0.25"),
        ([*range(20), np.nan, np.nan, np.inf], "min 0 mean 9.5 max 19, 2 nan, 1 inf"),
        ([np.nan] * 9, "9 nan"),
        ([-np.inf] * 9, "9 -inf"),
        (np.zeros((0, 3)), "empty"),
        (np.arange(12) % 3 == 0, "4 of 12 true"),
        ([True, False], "[true, false]"),
    ],
)
def test_an_array_is_shown_whole_or_by_its_range(x: Any, words: str) -> None:
    assert abbreviating.elements(np.asarray(x)) == words


def test_the_shape_stands_first_and_a_precision_that_is_not_the_usual_one_behind_it() -> None:
    assert abbreviating.text(np.ones((2, 1))) == "(2, 1) [[1], [1]]"
    assert abbreviating.text(np.ones(2, np.float32)) == "(2,) float32 [1, 1]"
    assert abbreviating.latex(np.eye(2)) == r"\begin{pmatrix} 1 & 0 \\ 0 & 1 \end{pmatrix}"
    assert abbreviating.latex(np.zeros((3, 3))) == r"\text{(3, 3) all 0}"


def test_a_closer_look_has_the_norm_and_the_corners() -> None:
    told = abbreviating.closely(np.full((100, 100), 0.5))
    assert told.startswith("(100, 100) float64, norm 50\n")
    assert "..." in told
    assert len(told) < 1000


@given(st.lists(st.floats(width=32), max_size=40))
def test_any_array_has_few_words(x: list[float]) -> None:
    assert len(abbreviating.elements(np.array(x, float))) < 120


# ---- pictures ------------------------------------------------------------------------------------


def test_a_box_has_shape_precision_settings_data_and_gradient() -> None:
    loss, _ = layer()
    loss.backward()
    found = boxes(loss)
    assert found["sum"].settings == "axis=1"
    assert found["sum"].data == ("(4,) float64", number(loss.inputs[0].inputs[0].data))
    assert found["w"].data.form == "(3, 2) float64"
    assert found["loss"].data == ("() float64", f"{loss.item():.4g}")
    text = str(draw(loss))
    assert "(4, 3) float64  data min" in text
    assert re.search(r"sum\(n\d\)  axis=1  \(4,\) float64  data \[", text)


def test_a_gradient_that_no_pass_has_reached_is_a_dash() -> None:
    loss, p = layer()
    assert {box.grad for box in rows(loss).boxes} == {None}
    assert "grad —" in draw(loss, engine="builtin").svg
    (p["w"] * 2.0).sum().backward()
    assert boxes(loss)["w"].grad.elements == "[[2, 2], [2, 2], [2, 2]]"
    assert boxes(loss)["x"].grad is None


def test_the_numbers_of_an_array_are_those_of_the_moment_of_drawing() -> None:
    x = Tensor([1.0, 2.0], label="x")
    drawing = draw(x * 1.0, engine="builtin")
    x.data -= 1.0
    assert "data [1, 2]" in drawing.svg
    assert "data [1, 2]" in drawing.source


def test_constants_are_abbreviated() -> None:
    x = Tensor(np.ones((50, 4)))
    root = autograd.where(np.arange(200).reshape(50, 4) > 150, x + np.ones((50, 4)), np.zeros(4))
    shown = [box for box in rows(root).boxes if box.kind == "constant"]
    assert [box.data for box in shown] == [
        ("(50, 4) float64", "all 1"),
        ("(50, 4) bool", "49 of 200 true"),
        ("(4,) float64", "[0, 0, 0, 0]"),
    ]
    assert "(50, 4) bool" in draw(root, engine="builtin").svg
    assert "3 plain numbers not shown" in str(draw(root, hide_constants=True))


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (lambda x: x.sum(), ""),
        (lambda x: x.mean(axis=(0, 2), keepdims=True), "axis=(0, 2), keepdims"),
        (lambda x: x.var(axis=1, ddof=1), "axis=1, ddof=1"),
        (lambda x: x.softmax(-1), "axis=2"),
        (lambda x: x.cumsum(1), "axis=1"),
        (lambda x: x[0, ..., None, 1::2], "[0, ..., None, 1::2]"),
        (lambda x: x[[0, 0, 1]], "[[0, 0, 1]]"),
        (lambda x: x[np.arange(30) % 2], "[a (30,) int64]"),
        (lambda x: x.transpose(2, 0, 1), "(2, 0, 1)"),
        (lambda x: x[0].T, ""),
        (lambda x: x.reshape(6, 4), ""),
        (lambda x: x.astype(np.float32), "float32"),
        (lambda x: autograd.pad(x, 1), "1"),
        (lambda x: autograd.pad(x, ((0, 0), (1, 2), (0, 0)), 7.0),
         "((0, 0), (1, 2), (0, 0)), value=7"),
        (lambda x: autograd.einsum("ijk,ijk->i", x, x), "ijk,ijk->i"),
        (lambda x: autograd.cat([x, x], axis=2), "axis=2"),
        (lambda x: autograd.max_pool2d(x, 2).inputs[0], "2×2, stride=2×2"),
        (lambda x: x.tanh(), ""),
    ],
)  # fmt: skip
def test_settings_are_shown_as_they_are_typed(function: Callable[..., Any], told: str) -> None:
    assert array_wording.settings(function(Tensor(array(2, 3, 4)))) == told


@pytest.mark.parametrize("form", ["svg", "html", "dot", "mmd", "png", "pdf"])
def test_every_format_shows_shapes(form: str, tmp_path: Any) -> None:
    if form in ("png", "pdf"):
        pytest.importorskip("vl_convert")
    loss, _ = layer()
    path = tmp_path / f"g.{form}"
    draw(loss, quiet=True).save(path)
    content = path.read_bytes()
    if form not in ("png", "pdf"):
        assert "(4, 2) float64" in content.decode().replace("#40;", "(").replace(
            "#44;", ","
        ).replace("#41;", ")").replace("\\", "")


def test_a_label_of_a_tensor_is_inert_text() -> None:
    x = Tensor(np.ones((3, 4)), label=HOSTILE)
    svg = draw(x.sum(axis=0).sum(), engine="builtin").svg
    tags = {e.tag.rpartition("}")[2] for e in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "style", "g", "rect", "path", "text"}


def test_a_graph_of_values_and_tensors_is_one_picture() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    t = stack_values([a, b]) * 2.0
    root = t.values()[0] * a
    found = boxes(root)
    assert found["a"].data == 2.0
    assert found["stack_values"].data == ("(2,) float64", "[2, 3]")
    assert found["element"].settings == "[0]"


# ---- traces --------------------------------------------------------------------------------------


def test_the_frames_are_what_the_one_walk_yields() -> None:
    loss, _ = layer()
    walked = list(sweep(loss, loss.start()))
    frames = list(trace(loss))
    assert [f.node for f in frames] == [node for node, _, _ in walked]
    assert [f.words for f in frames if not f.node.inputs] == [""] * sum(
        not f.node.inputs for f in frames
    )
    for frame, (_, g, shares) in zip(frames, walked, strict=True):
        np.testing.assert_array_equal(frame.g, g)
        given = [s for s in shares if s is not None]
        for share, s in zip(frame.shares, given, strict=True):
            np.testing.assert_array_equal(share.amount, s)


def test_the_sum_after_the_last_share_is_the_gradient_that_backward_leaves() -> None:
    loss, p = layer()
    after = {s.input: s.after for frame in trace(loss) for s in frame.shares}
    loss.backward()
    for node in p.values():
        np.testing.assert_array_equal(node.grad, after[node])


def test_a_frame_shows_names_shapes_formulas_and_a_sentence() -> None:
    loss, _ = layer()
    t = trace(loss)
    text = str(t.find(t.forward[0].node))
    assert text.splitlines()[0].startswith("frame 6 of 9, backward through v1 = x @ w = (4, 2)")
    assert "arriving: ḡ = d loss/d v1 = (4, 2) min" in text
    assert "to x: ḡ @ wᵀ = (4, 3) min" in text
    assert "to w: xᵀ @ ḡ = (3, 2) [[" in text
    assert "x.grad 0.0 → this" in text
    assert "matmul: each operand is handed ḡ times the other one, transposed" in text
    assert str(t.forward[0]).startswith("forward 1 of 6: v1 = x @ w = (4, 3) @ [[")
    assert all(columns(line) <= WIDTH for f in (*t, *t.forward) for line in str(f).split("\n"))


def test_a_running_sum_is_shown_before_and_after() -> None:
    x = Tensor([1.0, 2.0], label="x")
    text = str(trace((x * x).sum())[1])
    assert "x.grad 0.0 → this" in text
    assert "x.grad (2,) [1, 2] → (2,) [2, 4]" in text


def test_mathematics_has_matrices_and_the_share_as_a_formula() -> None:
    loss, _ = layer(1)
    latex = trace(loss)[5].latex()
    assert r"\bar g = \frac{\partial \mathit{loss}}{\partial v_{1}} &=" in latex
    assert r"{x}^{\top} \mathbin{@} \bar g &= \begin{pmatrix}" in latex
    assert latex.count("{") == latex.count("}")


def test_the_users_line_is_shown() -> None:
    with record_lines():
        root = Tensor([1.0, 2.0]).sum()  # this line
    assert "# this line" in str(trace(root)[0])


def test_a_root_of_several_elements_needs_a_seed() -> None:
    x = Tensor([1.0, 2.0], label="x")
    with pytest.raises(ValueError, match="a gradient starts from one number"):
        trace(x * 2.0)
    assert trace(x * 2.0, seed=[1.0, 3.0]).find(x).g.tolist() == [2.0, 6.0]


def formulas(node: Any) -> tuple[str, ...]:
    found = array_wording.handed_back(node, lambda x, style: getattr(x, "label", "") or "out")
    return tuple(text for text, _ in found)


X, W, U = (Tensor(array(*s), label=n) for s, n in [((4, 3), "x"), ((3, 2), "w"), ((3,), "u")])


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (X @ W, ("ḡ @ wᵀ", "xᵀ @ ḡ")),
        (X @ U, ("ḡ[..., None] * u", "(xᵀ @ ḡ[..., None])[..., 0]")),
        (X.sum(), ("spread(ḡ)",)),
        (X.sum(axis=1), ("spread(ḡ, axis=1)",)),
        (X.mean(axis=0), ("spread(ḡ / 4, axis=0)",)),
        (X + U, ("ḡ", "sum(ḡ, axis=0)")),
        (X * U, ("ḡ * u", "sum(ḡ * x, axis=0)")),
        (X.tanh(), ("ḡ * sech²(x)",)),
        (X.T, ("ḡᵀ",)),
        (X.reshape(12), ("reshape(ḡ, (4, 3))",)),
        (X.softmax(1), ("out * (ḡ - sum(ḡ * out, axis=1))",)),
        (X.log_softmax(1), ("ḡ - exp(out) * sum(ḡ, axis=1)",)),
        (X.logsumexp(axis=0), ("spread(ḡ, axis=0) * softmax(x, axis=0)",)),
        (X.prod(axis=1), ("spread(ḡ, axis=1) * others(x, axis=1)",)),
        (X.max(axis=1), ("spread(ḡ, axis=1) * ties(x, spread(out, axis=1), axis=1)",)),
        (X[0, 1:], ("scatter(ḡ, [0, 1:])",)),
        (X.cumsum(0), ("flip(cumsum(flip(ḡ, axis=0), axis=0), axis=0)",)),
        (autograd.einsum("ij,jk->ik", X, W),
         ('einsum("ik,jk->ij", ḡ, w)', 'einsum("ik,ij->jk", ḡ, x)')),
        (autograd.cat([X, X], axis=0), ("ḡ[0:4]", "ḡ[4:8]")),
        (autograd.stack([U, U], axis=1), ("ḡ[:, 0]", "ḡ[:, 1]")),
        (X**2, ("ḡ * 2 x", "")),
        (autograd.where(X.data > 0, X, 0.0), ("", "ḡ if mask else 0", "")),
        (X * 3.0, ("ḡ * 3", "")),
        (np.ones((2, 4)) @ X, ("", "outᵀ @ ḡ")),
    ],
)  # fmt: skip
def test_what_is_handed_back_is_read_off_the_row(node: Any, expected: tuple[str, ...]) -> None:
    assert formulas(node) == expected


# What the words of a formula mean, written anew.
def _spread(g: Any, like: Any, axis: Any = None) -> Any:
    lead = g if axis is None or np.ndim(g) == like.ndim else np.expand_dims(g, axis)
    return np.broadcast_to(lead, like.shape)


def _others(x: Any, axis: Any = None) -> Any:
    axes = range(x.ndim) if axis is None else [axis] if isinstance(axis, int) else list(axis)
    answer = np.empty(x.shape)
    for i in np.ndindex(x.shape):
        same = tuple(slice(None) if k in axes else n for k, n in enumerate(i))
        kept = np.ones(x.shape, bool)
        kept[i] = False
        answer[i] = np.prod(x[same][kept[same]])
    return answer


def _ties(x: Any, extreme: Any, axis: Any = None) -> Any:
    return (x == extreme) / np.sum(x == extreme, axis=axis, keepdims=True)


def _scatter(g: Any, index: Any, like: Any) -> Any:
    answer = np.zeros(like.shape)
    np.add.at(answer, index, g)
    return answer


def _softmax(x: Any, axis: Any = None) -> Any:
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


# Formulas that are too long, and one that is 0: only words are shown.
LONG = {"pinv", "cholesky", "qr", "eigenvectors", "singular_vectors", "sign_of_det"}


@every_case
def test_a_formula_computed_by_hand_is_what_is_handed_back(case: str) -> None:
    function, arrays = CASES[case]
    xs = [Tensor(a, label=f"x{i}") for i, a in enumerate(arrays)]
    computed = 0
    for node in nodes(function(*xs)):
        if (
            not node.inputs
            or not node.broadcasts
            or not all(getattr(x, "broadcasts", False) for x in node.inputs)
        ):
            continue
        names = {x: f"a{i}" for i, x in enumerate(dict.fromkeys(node.inputs))} | {node: "out"}
        g = np.cos(np.arange(node.size) + 0.5).reshape(node.shape)
        shares = hand_back(node, g)
        told = array_wording.handed_back(node, lambda x, _, names=names: names[x])
        for x, share, (text, _) in zip(node.inputs, shares, told, strict=True):
            assert text or node.op in LONG, (node.op, "has no formula")
            if not text or re.search(
                r"array|over_gaps|det_slope|vectors|windows|fold|\^|\d a\d|einsum.*, (1|I)\b|if ",
                text,
            ):
                continue  # no Python
            python = text.replace("ḡ", "g").replace("ᵀ", ".swapaxes(-1, -2)").replace("²", "2")
            python = re.sub(r"\[(\[.*\])\]\)$", r"np.s_[\1])", python)
            python = re.sub(r"scatter\((\w+), (?!np)\[(.*)\]\)", r"scatter(\1, np.s_[\2])", python)
            words = {
                **{name: y.data for y, name in names.items()}, "g": g, "np": np, "exp": np.exp,
                "sign": np.sign, "einsum": np.einsum, "reshape": np.reshape,
                "transpose": np.transpose, "flip": np.flip, "cumsum": np.cumsum, "ties": _ties,
                "others": _others, "softmax": _softmax, "log": np.log,
                "solve": np.linalg.solve, "inv": np.linalg.inv,
                "spread": lambda g, axis=None, x=x: _spread(g, x, axis),
                "sum": lambda y, axis=None: np.sum(y, axis=axis, keepdims=True),
                "mean": lambda y, axis=None: np.mean(y, axis=axis, keepdims=True),
                "scatter": lambda g, i, x=x: _scatter(g, i, x),
            }  # fmt: skip
            answer = np.asarray(eval(python, {}, words))  # ours, printed a moment ago
            np.testing.assert_allclose(answer.reshape(x.shape), share, rtol=1e-9, atol=1e-12)
            computed += 1
    assert computed or case in (
        "values", "where", "conv1d", "conv2d", "max_pool2d", "avg_pool2d", "3-norm", "1-norm",
        "pow broadcasts", *MATRICES, *(c for c in CASES if c.startswith("einsum")),
    )  # fmt: skip


def test_every_row_of_arrays_has_a_sentence() -> None:
    assert set(operations.WORDS) == set(rules.TABLE)


def test_a_stretched_operand_is_told_of() -> None:
    assert "stretched" in array_wording.in_words(X + U)
    assert array_wording.in_words(X + X) == ""


def test_a_formula_that_would_be_too_long_is_left_out() -> None:
    long = autograd.register(
        "long", lambda x: x + 0.0, lambda g, out, x: g * sum([x * x for _ in range(40)])
    )
    assert formulas(long(U)) == ("",)
    deep = autograd.register("deep", lambda x: x + 0.0, _doubled)
    assert formulas(deep(U)) == ("",)  # 2^50 letters, which nobody writes


def _doubled(g: Any, out: Any, x: Any) -> Any:
    for _ in range(50):
        g = g + g
    return g


def test_a_registered_column_that_takes_no_nodes_has_no_formula() -> None:
    bad = autograd.register("bad", lambda x: x * 2, lambda g, out, x: np.asarray(g) * 2)
    node = bad(U)
    assert formulas(node) == ("",)
    assert "to u: (3,) [2, 2, 2]" in str(trace(node, seed=np.ones(3))[0])


# ---- the player ----------------------------------------------------------------------------------


def test_the_page_holds_each_array_once_in_few_words_and_closely() -> None:
    loss, p = layer()
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', trace(loss).html)
    found = json.loads(data[1])
    (view,) = found["views"]
    shown = {box.name: box for box in starmap(BoxRecord, view["boxes"])}
    shape, elements, closely = found["arrays"][shown["w"].data[0]]
    assert (shape, elements) == ("(3, 2)", abbreviating.elements(p["w"].data))
    assert closely.startswith("(3, 2) float64, norm ")
    assert len({tuple(a) for a in found["arrays"]}) == len(found["arrays"])
    _, _, _, _, shares, _ = [step for step in view["steps"] if step[1]][5]
    assert [share[3] for share in shares] == ["ḡ @ wᵀ", "xᵀ @ ḡ"]
    assert [share[4] for share in shares] == [None, None]
    assert shown["v1"].words == "each operand is handed ḡ times the other one, transposed"
    assert shown["loss"].data == loss.item()


def test_the_pictures_of_a_page_have_room_for_the_widest_gradient() -> None:
    loss, p = layer()
    picture = trace(loss).html.split('<div class="picture"')[1]
    for g in gradients(loss, list(p.values())):
        assert len(abbreviating.elements(g)) < 60
    assert "grad —" in picture
    assert "data min" in picture


def test_a_still_of_a_frame_has_the_gradients_so_far() -> None:
    loss, _ = layer()
    svg = trace(loss)[1].svg()
    assert "grad [0.25, 0.25, 0.25, 0.25]" in svg


def test_a_page_of_a_large_network_is_small_and_its_text_inert() -> None:
    x = Tensor(np.random.default_rng(0).normal(size=(200, 300)), label=HOSTILE)
    y = x
    for _ in range(30):
        y = (y * 1.01).tanh()
    page = trace(y.sum()).html
    assert len(page) < 400_000
    assert HOSTILE not in page


# ---- explanations --------------------------------------------------------------------------------


def test_what_the_paths_bring_adds_up_to_the_gradient() -> None:
    loss, p = layer()
    root = loss + (p["w"] * p["w"]).sum() + (p["w"] * 0.5).norm()
    found = explain(root, p["w"], paths=10)
    assert found.complete
    assert len(found.paths) == found.count == 4
    np.testing.assert_allclose(sum(path.product for path in found.paths), found.gradient)
    np.testing.assert_array_equal(found.gradient, gradients(root, [p["w"]])[0])
    norms = [float(np.linalg.norm(path.product)) for path in found.paths]
    assert norms == sorted(norms, reverse=True)
    assert sum(path.part for path in found.paths) == pytest.approx(1.0)


def test_an_explanation_goes_op_by_op_with_shapes() -> None:
    loss, p = layer()
    text = str(explain(loss, p["w"]))
    assert text.startswith("d loss/d w = (3, 2) [[")
    assert "handed back along one path from w to loss" in " ".join(text.split())
    for line in ("at loss: ḡ = 1.0", "at h: spread(ḡ, axis=1) = (4, 2)",
                 "at v2: ḡ * sech²(v2) = (4, 2)", "at w: xᵀ @ ḡ = (3, 2)"):  # fmt: skip
        assert line in text, line
    assert all(columns(line) <= WIDTH for line in text.split("\n"))
    latex = explain(loss, p["w"]).latex()
    assert r"\partial w} = {x}^{\top} \mathbin{@} \bar g &=" in latex
    assert latex.count("{") == latex.count("}")


def test_many_paths_are_counted_and_the_heaviest_ways_followed() -> None:
    x = Tensor([0.5, -1.0], label="x")
    y = x
    for _ in range(40):
        y = y + 0.1 * y.tanh()
    found = explain(y.sum(), x)
    assert found.count == 2**40
    assert not found.complete
    assert f"only the {MOST_FOLLOWED} ways that carry most" in str(found)
    assert "%" not in str(found)


def test_a_tensor_that_is_not_in_the_graph_has_no_path() -> None:
    loss, p = layer()
    assert "there is no path" in str(explain(loss, Tensor([1.0], label="z")))
    assert "explain(root, w, at=...)" in str(explain(loss, p["w"][0, 1])).replace("\n    ", " ")


def by_hand(p: dict[str, Tensor]) -> tuple[Any, list[list[Value]]]:
    """The loss of `layer`, written with Values."""
    x, b = p["x"].data, p["b"].data
    w = [[Value(v, f"w{i}{j}") for j, v in enumerate(row)] for i, row in enumerate(p["w"].data)]
    total: Any = 0.0
    for row in x:
        h = [sum(row[i] * w[i][j] for i in range(3)) + b[j] for j in range(2)]
        total = total + (h[0].tanh() + h[1].tanh()) ** 2
    return total / len(x), w


def test_one_element_is_explained_as_the_same_computation_on_values() -> None:
    loss, p = layer()
    root, w = by_hand(p)
    for i, j in np.ndindex(3, 2):
        mine, theirs = explain(loss, p["w"], at=(i, j), paths=3), explain(root, w[i][j], paths=3)
        assert isinstance(mine, ElementExplanation)
        assert mine.gradient == pytest.approx(theirs.gradient)
        assert mine.count == theirs.count
        assert mine.positive == pytest.approx(theirs.positive)
        assert mine.negative == pytest.approx(theirs.negative)
        assert [path.product for path in mine.paths] == pytest.approx(
            [path.product for path in theirs.paths]
        )


@every_case
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_the_paths_of_one_element_add_up_in_every_operation(case: str, data: Any) -> None:
    function, arrays = CASES[case]
    xs = [Tensor(a, label="xyzw"[i]) for i, a in enumerate(arrays)]
    out = function(*xs)
    root = (out * np.cos(np.arange(out.size) + 0.5).reshape(out.shape)).sum()
    x = data.draw(st.sampled_from(xs))
    at = data.draw(st.tuples(*[st.integers(-n, n - 1) for n in x.shape]))
    found = explain(root, x, at=at)
    assert found.gradient == gradients(root, [x])[0][at]
    assert found.positive + found.negative == pytest.approx(found.gradient, rel=1e-9, abs=1e-12)


def test_the_numbers_along_a_path_of_elements_are_shown() -> None:
    x = Tensor([[1.0, 2.0]], label="x")
    w = Tensor([[3.0], [-1.0]], label="w")
    y = (x @ w).relu()
    y.label = "y"
    text = str(explain(y.sum(), w, at=(1, 0)))
    assert text.splitlines() == [
        "d v2/d w[1, 0] = 2.0, the product along one path from w[1, 0] to v2",
        "  2.0 (100 %) along w[1, 0] → v1[0, 0] → y[0, 0] → v2",
        "    = d v2/d y[0, 0] × d y[0, 0]/d v1[0, 0] × d v1[0, 0]/d w[1, 0]",
        "    = 1.0 × 1.0 × 2.0",
    ]
    dead = Tensor([[-3.0], [-1.0]], label="w")
    assert "there is no path" in str(explain((x @ dead).relu().sum(), dead, at=(1, 0)))


def test_the_frames_of_a_graph_of_values_and_tensors_are_read_as_text() -> None:
    x, y = (stack_values([Value(1.0, "a"), Value(2.0, "b")]) * 2.0).values()
    text = "\n".join(map(str, trace(x * y + x)))
    assert "scatter(ḡ, [1]) = (2,) [0, 2]" in text
    assert ".grad (2,) [0, 2] → (2,) [5, 2]" in text


def test_paths_between_values_and_tensors_are_explained() -> None:
    a, b = Value(2.0, "a"), Value(3.0, "b")
    root = stack_values([a * b, b, a]).prod()
    assert explain(root, a).gradient == 36.0
    assert explain(root, a).count == explain(root, a, at=()).count == 2
    back = stack_values([a, b]).values()[1] * a
    text = str(explain(back, b))
    assert " = 2.0, handed back along one path from b to v" in text
    assert "scatter(ḡ, [1]) = (2,) [0, 2]" in text
    assert "at b: ḡ[1] = 2.0" in text
    assert explain(back, b, at=()).positive == 2.0


def test_an_explanation_that_makes_no_sense_is_refused_with_what_to_do() -> None:
    loss, p = layer()
    with pytest.raises(ValueError, match=r"this root has the shape \(4, 2\): explain its sum"):
        explain(p["h"], p["w"])
    for at in (5, (3, 0), (0, 1, 2), "a", (slice(None), 0)):
        with pytest.raises(ValueError, match=r"one element of the shape \(3, 2\)"):
            explain(loss, p["w"], at=at)
    with pytest.raises(TypeError, match="at is an element of a Tensor"):
        explain(Value(2.0) * 3.0, Value(1.0), at=0)
    x = Tensor(np.ones((200, 200)), label="x")
    with pytest.raises(ValueError, match="leave out `at`, or take a smaller batch"):
        explain((x[0, 0] * np.ones((200, 200))).sum(), x, at=(0, 0))


# ---- diagnoses -----------------------------------------------------------------------------------


def busy() -> tuple[Any, list[Tensor]]:
    """A graph of Tensors in which most mistakes show."""
    w = Tensor(array(3, 3), label="w")
    v = Tensor(array(3) * 0.3, label="v")
    h = ((w @ w) * 0.1 + v).tanh()
    p = h.softmax(1) * (h - v).log_softmax(0)
    q = (p.mean(axis=0) + w.max(axis=1) * w.min() + w.cumsum(1)[[0, 0, 2], 1].var()) * v
    return (q.sum() + (w * 0.3).logsumexp(axis=0).mean()) * 1.5, [w, v]


def names(found: Any) -> list[str]:
    return [match.mistake.name for match in found.matches]


def test_right_arrays_are_called_right() -> None:
    root, leaves = busy()
    found = diagnose(root, dict(zip(leaves, gradients(root, leaves), strict=True)))
    assert found
    assert str(found).endswith("These gradients are right.")


@pytest.mark.parametrize("mistake", [*catalogue(busy()[0])], ids=lambda m: m.name[:50])
def test_every_mistake_is_found_from_the_arrays_it_gives(mistake: Any) -> None:
    root, leaves = busy()
    try:
        wrong = handed(root, **mistake.walk)
    except (ValueError, IndexError):  # it would have been an error
        return
    claimed = {x: wrong.get(x, 0.0 * x.data) for x in leaves}
    found = diagnose(root, claimed)
    assert found or mistake.name in names(found)


def test_the_mistakes_of_arrays_are_many_and_show() -> None:
    root, leaves = busy()
    of_arrays = {row.key for row in rules.ROWS.values()}
    mistakes = [m for m in catalogue(root) if of_arrays & m.walk.get("rules", {}).keys()]
    ops = ("mean of arrays", "sum of arrays", "softmax of arrays", "getitem", "cumsum", "matmul")
    expected = {name for op in (*ops, "max", "var") for name, _, _ in BY_NAME[op]}
    assert {m.name for m in mistakes} >= expected
    right = gradients(root, leaves)
    showing = 0
    for mistake in mistakes:
        try:
            wrong = handed(root, **mistake.walk)
        except (ValueError, IndexError):
            continue
        showing += not all(
            np.allclose(wrong.get(x, 0.0 * x.data), g) for x, g in zip(leaves, right, strict=True)
        )
    assert showing > 0.8 * len(mistakes)


def test_a_mean_without_its_1_over_n_is_recognised() -> None:
    loss, p = layer()
    (g,) = gradients(loss, [p["w"]])
    assert "mean hands on a sum's share, without 1/n" in names(diagnose(loss, {p["w"]: 4 * g}))
    text = str(diagnose(loss, {p["w"]: np.round(4 * g, 5)}))
    assert "without 1/n" in text
    assert "hands w xᵀ @ ḡ" in text  # the right step, where the mistake shows


def test_a_bias_whose_broadcast_is_not_undone_is_told_in_words() -> None:
    loss, p = layer()
    v2 = next(n for n in nodes(loss) if any(x is p["b"] for x in n.inputs))
    (g,) = gradients(loss, [v2])
    text = str(diagnose(loss, {p["b"]: g}))
    assert "its sum over axis 0 is the right one: broadcasting is not undone" in text


def test_a_transposed_gradient_and_a_constant_factor_are_told_in_words() -> None:
    loss, p = layer()
    (g,) = gradients(loss, [p["w"]])
    assert "it is the right one, transposed" in str(diagnose(loss, {p["w"]: g.T}))
    assert "every element is 0.7 times what it should be" in str(diagnose(loss, {p["w"]: 0.7 * g}))
    assert "it has the shape (5,), and the gradient (3, 2)" in str(
        diagnose(loss, {p["w"]: np.ones(5)})
    )


def test_numbers_that_nothing_explains_are_matched_with_nothing() -> None:
    loss, p = layer()
    found = diagnose(loss, {p["w"]: np.arange(6.0).reshape(3, 2)})
    assert found.matches == []
    assert "No mistake in the catalogue" in str(found)


def test_a_claim_of_an_array_that_makes_no_sense_is_refused() -> None:
    loss, p = layer()
    for wrong in ("6", [["a"]], [[1.0], [2.0, 3.0]], np.array([1j])):
        with pytest.raises(TypeError, match="not a number"):
            diagnose(loss, {p["w"]: wrong})
    with pytest.raises(TypeError, match="not a number"):
        diagnose(Value(1.0, "v") * 1.0, {Value(1.0): np.ones(2)})


def test_a_diagnosis_of_tensors_writes_nothing() -> None:
    root, leaves = busy()
    born = {n: n._born for n in nodes(root)}
    diagnose(root, {leaves[0]: np.ones((3, 3))})
    assert {n: n._born for n in nodes(root)} == born
    assert all(gradients(root, leaves)[0].ravel() == gradients(root, leaves)[0].ravel())


# ---- lint ----------------------------------------------------------------------------------------


def checks(found: Any) -> list[str]:
    return [finding.check for finding in found]


def test_a_graph_of_tensors_with_nothing_odd_is_silent() -> None:
    loss, p = layer()
    assert lint(loss, [p["w"], p["b"]]) == []
    assert lint(p["h"], [p["w"]]) == []


@pytest.mark.parametrize(
    ("make", "check"),
    [
        (lambda w: (w * 100.0).tanh().sum(), "saturated"),
        (lambda w: (w.exp() / w.exp().sum(axis=1, keepdims=True)).sum(), None),
        (lambda w: (lambda e: (e / e.sum(axis=1, keepdims=True)).sum())(w.exp()),
         "softmax without shift"),
        (lambda w: w.softmax(1).log().sum(), "log of softmax"),
        (lambda w: (1.0 - w.sigmoid()).log().sum(), "log of sigmoid"),
        (lambda w: (w - 2.0).log().sum(), "not finite"),
        (lambda w: ((w.sum(axis=1, keepdims=True) - np.ones(3)) ** 2).mean(), "outer"),
        (lambda w: ((w.sum(axis=1) - np.ones(3)) ** 2).mean(), None),
        (lambda w: (w - 0.1 * gradient_of(w)).sum(), "recorded update"),
    ],
)  # fmt: skip
def test_what_is_odd_is_found(make: Callable[..., Any], check: str | None) -> None:
    w = Tensor(np.linspace(1.0, 3.0, 9).reshape(3, 3), label="w")
    with np.errstate(all="ignore"):
        assert checks(lint(make(w))) == ([check] if check else [])


def gradient_of(w: Any) -> Any:
    (w * w).sum().backward()
    return w.grad


def test_a_shifted_softmax_is_no_finding() -> None:
    w = Tensor(array(3, 3))
    e = (w - w.data.max(axis=1, keepdims=True)).exp()
    assert lint((e / e.sum(axis=1, keepdims=True)).sum()) == []


def test_an_unused_parameter_and_a_stale_graph_are_found() -> None:
    loss, p = layer()
    unused = Tensor([1.0, 2.0], label="unused")
    assert "does not depend on the parameter unused" in str(lint(loss, [p["w"], unused]))
    p["w"].data = p["w"].data * 2.0
    assert "w was rebound (it is (3, 2) [[" in str(lint(loss))


def test_the_shapes_that_met_by_accident_are_named() -> None:
    t = Tensor(np.ones((4, 1)), label="t")
    told = str(lint((t - np.ones(4)).sum()))
    assert "v1 = sub of the shapes (4, 1) and (4,) has the shape (4, 4)" in told
    assert "reshape" in told


# ---- a second pass -------------------------------------------------------------------------------


def test_gradients_that_survive_between_leaves_and_root_are_recognised() -> None:
    """What a second backward() gives where the first one's are not forgotten: 12, then 32."""
    x = Value(2.0, label="x")
    cube = x * x * x
    survived = "a second pass begins with what the first left between leaves and root"
    assert survived in names(diagnose(cube, {x: 32.0}))
    forgotten = "zero_grad between two passes forgets the leaves alone, and not what is between"
    assert forgotten in names(diagnose(cube, {x: 20.0}))
    assert survived not in names(diagnose(cube, {x: 24.0}))


def twice(root: Any, zeroed: bool) -> dict[Any, float]:
    """Two passes over one graph as a learner would write them, gradients kept between."""
    grads = dict.fromkeys(nodes(root), 0.0)
    for k in range(2):
        if k and zeroed:
            grads.update({n: 0.0 for n in grads if not n.inputs})
        grads[root] = 1.0
        for n in nodes(root):
            for x, local in zip(n.inputs, n.partials if n.inputs else (), strict=True):
                if isinstance(x, Value):
                    grads[x] += grads[n] * local
    return grads


@pytest.mark.parametrize("zeroed", [False, True])
def test_two_passes_by_hand_are_recognised(zeroed: bool) -> None:
    a, b = Value(1.3, label="a"), Value(-0.7, label="b")
    t = (a * b).tanh()
    root = (t * a - b / t) ** 3
    wrong = twice(root, zeroed)
    expected = "forgets the leaves alone" if zeroed else "begins with what the first left"
    assert any(expected in name for name in names(diagnose(root, {a: wrong[a], b: wrong[b]})))


def test_a_second_pass_on_tensors_and_mixed_graphs_is_recognised() -> None:
    x = Tensor([2.0, 3.0], label="x")
    cube = x * x * x
    found = names(diagnose(cube.sum(), {x: [44.0, 99.0]}))  # 12 + 32 and 27 + 72: the sum is a node
    assert any("begins with what the first left" in name for name in found)
    a = Value(2.0, label="a")
    mixed = stack_values([a, a * a]).prod()
    assert handed(mixed, again=lambda n: True)[a] > gradients(mixed, [a])[0]
    crossed = stack_values([a * a, a]).values()[0] * a
    assert handed(crossed, again=lambda n: True)[a] > gradients(crossed, [a])[0]


# ---- other libraries -----------------------------------------------------------------------------


def test_tensors_of_another_library_are_looked_at_alike() -> None:
    pytest.importorskip("array_api_compat")
    xp = pytest.importorskip("array_api_strict")
    here, p = layer()
    w = Tensor(xp.asarray(p["w"].data), label="w")
    h = (Tensor(xp.asarray(p["x"].data), label="x") @ w + xp.asarray(p["b"].data)).tanh()
    loss = (h.sum(axis=1) ** 2).mean()
    loss.label = "loss"
    assert boxes(loss)["w"].data == boxes(here)["w"].data
    assert "ḡ @ wᵀ = (4, 3) min" in "".join(map(str, trace(loss)))
    assert "(3, 2) float64, norm" in trace(loss).html
    np.testing.assert_allclose(
        np.asarray(explain(loss, w).gradient), explain(here, p["w"]).gradient
    )
    assert explain(loss, w, at=(0, 1)).count == explain(here, p["w"], at=(0, 1)).count
    assert lint(loss, [w]) == []
    assert check_graph(loss, mutate=True)
    g = np.asarray(gradients(loss, [w])[0])
    assert "mean hands on a sum's share, without 1/n" in names(diagnose(loss, {w: 4 * g}))
    assert gradcheck(lambda w: (w @ w).tanh().sum(), Tensor(xp.eye(2)))
