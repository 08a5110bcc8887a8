"""The player tells a story: what travels back, how sums grow, along which paths, in two tongues."""

import re
import xml.etree.ElementTree as ET

import pytest
from browsing import BROWSER
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd import Value, trace
from autograd.core.rules import RULES
from autograd.printing import symbols
from autograd.printing.mathml import typeset
from autograd.seeing.player import views
from autograd.seeing.wording import number

KEPT = []  # models: names go with them
HOSTILE = "</math><img src=x onerror=window.hacked=1>"


def small():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    loss = (a * b + a.tanh()) ** 2
    loss.label = "loss"
    return loss


def square():
    x = Value(3.0, label="x")
    y = x * x
    y.label = "y"
    return y


def neuron():
    names = {"x1": 2.0, "w1": -3.0, "x2": 0.0, "w2": 1.0, "b": 6.8813735870195432}
    x1, w1, x2, w2, b = (Value(x, label=name) for name, x in names.items())
    y = (x1 * w1 + x2 * w2 + b).tanh()
    y.label = "y"
    return y


def mlp():
    model = nn.MLP(2, [3, 1], activation="tanh", seed=0)
    KEPT.append(model)
    return nn.losses.mse([model([Value(0.5, label="x1"), Value(-1.0, label="x2")])], [1.0])


def tensors():
    np = pytest.importorskip("numpy")
    from autograd import Tensor

    model = nn.MLP(2, [4, 1], seed=0, backend="tensor")
    return ((model(Tensor(np.array([[0.5, -1.0], [0.2, 0.3]]), label="X")) - 1.0) ** 2).mean()


# ---- formulas ------------------------------------------------------------------------------------


def read(text):
    """A formula's MathML, parsed; its texts side by side."""
    return ET.fromstring(f"<math>{typeset(text)}</math>")


@pytest.mark.parametrize(
    ("text", "mathml"),
    [
        ("a", "<mi>a</mi>"),
        ("x * y", "<mrow><mi>x</mi><mo>⋅</mo><mi>y</mi></mrow>"),
        ("1 / x", "<mfrac><mn>1</mn><mi>x</mi></mfrac>"),
        ("x^2", "<msup><mi>x</mi><mn>2</mn></msup>"),
        ("sqrt(x)", "<msqrt><mi>x</mi></msqrt>"),
        ("cbrt(x)", "<mroot><mi>x</mi><mn>3</mn></mroot>"),
        ("exp(x)", "<msup><mi>e</mi><mi>x</mi></msup>"),
        ("-x", "<mrow><mo>−</mo><mi>x</mi></mrow>"),
        ("xᵀ", "<msup><mi>x</mi><mo>⊤</mo></msup>"),
        (
            "1 / (1 + x)",
            "<mfrac><mn>1</mn><mrow><mn>1</mn><mo>+</mo><mi>x</mi></mrow></mfrac>",
        ),
        (
            "sech²(x)",
            "<mrow><msup><mi>sech</mi><mn>2</mn></msup><mo>\u2061</mo>"
            "<mrow><mo>(</mo><mi>x</mi><mo>)</mo></mrow></mrow>",
        ),
    ],
)
def test_a_formula_is_typeset(text, mathml):
    assert typeset(text) == mathml


def test_a_quotient_of_products_is_one_fraction_and_a_tight_one_a_factor():
    assert read("a * b / c")[0].tag == "mfrac"
    assert [e.tag for e in read("2 * 1/x")[0]] == ["mn", "mo", "mfrac"]


@pytest.mark.parametrize("name", RULES)
def test_every_row_of_the_table_is_typeset(name):
    row = RULES[name]
    assert read(symbols.operation(name)).tag == "math"
    assert symbols.render(symbols.Symbol.named("x"), "mathml") == "<mi>x</mi>"
    for position in range(row.fact.arity or 1):
        text = symbols.formula(name, position)
        assert len(read(text)) == 1 if text else True


@given(st.text(max_size=30))
def test_any_text_is_typeset_and_none_of_it_is_markup(text):
    allowed = "".join(c for c in text if c.isprintable())
    tags = {e.tag for e in read(allowed).iter()}
    assert tags <= {"math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "msup", "msqrt", "mroot"}


# ---- numbers of frames, frames around layers, samples --------------------------------------------


def test_a_step_of_a_box_covers_the_frames_of_its_values():
    model = nn.MLP(2, [2, 1], seed=0)
    loss = nn.losses.mse([model([0.1 * k, 0.2]) for k in range(5)], [1.0] * 5)
    t = trace(loss)
    view = views(t)[0]
    for step in view.steps:
        frames = t if step.backward else t.forward
        group = set(view.groups[view.at[view.node[step.box]]]) if step.values == 1 else None
        first, last = step.frames
        assert 1 <= first <= last <= len(frames)
        if group:
            assert frames[first - 1].node in group
    for backward in (False, True):
        steps = [s for s in view.steps if s.backward == backward]
        covered = sum(s.values for s in steps)
        assert covered == len(t) if backward else covered >= len(t.forward)


def test_layers_have_the_frames_that_draw_puts_around_them():
    model = nn.MLP(2, [3, 1], seed=0)
    root = model([0.5, 0.25])
    titles = [frame.title for frame in views(trace(root))[0].rows.frames]
    assert titles == ["layer 1", "layer 2"]
    assert ">layer 1</text>" in trace(root).html


def test_of_a_batch_one_sample_is_played_box_by_box_and_the_others_as_one_that_opens():
    model = nn.MLP(2, [2, 1], seed=0)
    loss = nn.losses.mse([model([0.1 * k, 0.2]) for k in range(5)], [1.0] * 5)
    found = views(trace(loss))
    (group,) = [box for box in found[0].rows.boxes if box.kind == "group"]
    assert group.label == "4 other samples"
    assert list(found[0].opens) == [found[0].place[group.id]]
    assert [b.kind for b in views(trace(loss, samples="all"))[0].rows.boxes].count("group") == 0
    (korean,) = [b for b in views(trace(loss, lang="ko"))[0].rows.boxes if b.kind == "group"]
    assert korean.label == "다른 표본 4개"
    last = {s.input: s.after for frame in trace(loss) for s in frame.shares}
    for step in found[0].steps:
        for share in step.shares:
            if share.box >= 0 and found[0].node[share.box].op == "":
                assert share.after in (last[found[0].node[share.box]], share.after)
    with pytest.raises(ValueError, match='samples is a whole number, 1 or more, or "all"'):
        trace(loss, samples=0)


def test_a_gradient_of_minus_zero_is_shown_as_zero_as_draw_shows_it():
    x = Value(-1.0, label="x")
    t = trace(x.relu() * -2.0)
    assert str(t.find(x).g) == "-0.0"
    assert str(t.until(x)).endswith("d v2/d x = 0.0")
    assert "x 0.0 |" in str(t)
    assert "grad -0<" not in "".join(views(t)[0].svgs({x: -0.0}))


# ---- in a browser --------------------------------------------------------------------------------

browser = [*BROWSER]


def browsing(test):
    for mark in browser:
        test = mark(test)
    return test


# The labels of a step, its boxes and notes, and the picture, as rectangles on the screen.
SEEN = """() => {
    const svg = drawn().svg, rect = e => { const r = e.getBoundingClientRect();
        return [r.left, r.top, r.right, r.bottom]; };
    const size = e => parseFloat(getComputedStyle(e).fontSize) * svg.getScreenCTM().a;
    return {labels: [...svg.querySelectorAll(".share")].map(rect),
        boxes: [...svg.querySelectorAll(".box,.edge>text")].map(rect), svg: rect(svg),
        sizes: [...svg.querySelectorAll(".share text")].map(size),
        spill: [...svg.querySelectorAll(".share text")].map(t => t.getBBox().x + t.getBBox().width
            - t.parentNode.querySelector("rect").getBBox().width)};
}"""


def apart(a, b):
    return min(a[2], b[2]) - max(a[0], b[0]) <= 0.5 or min(a[3], b[3]) - max(a[1], b[1]) <= 0.5


@browsing
@pytest.mark.slow
@pytest.mark.parametrize("graphviz", [True, False])
@pytest.mark.parametrize(("width", "scheme", "lang"), [(1280, "light", "en"), (400, "dark", "ko")])
@pytest.mark.parametrize("make", [small, square, neuron, mlp, tensors])
def test_every_share_is_written_at_its_edge_and_covers_nothing(
    opened, monkeypatch, tmp_path, make, width, scheme, lang, graphviz
):
    if not graphviz:
        monkeypatch.setenv("PATH", str(tmp_path))
    t = trace(make(), lang=lang)
    tab = opened(t, width, scheme)
    view = views(t)[0]
    for k, step in enumerate(view.steps, 1):
        if not step.backward:
            continue
        tab.evaluate(f"goto({k})")
        found = tab.evaluate(SEEN)
        edges = [share for share in step.shares if share.edge >= 0]
        assert len(found["labels"]) == min(6, len(edges)), k
        assert min(found["sizes"], default=9) >= 8.99
        assert max(found["spill"], default=0) <= 0
        for i, label in enumerate(found["labels"]):
            left, top, right, bottom = found["svg"]
            assert left <= label[0] < label[2] <= right
            assert top <= label[1] < label[3] <= bottom
            assert all(apart(label, box) for box in found["boxes"] + found["labels"][:i]), k


@browsing
def test_arrows_point_to_the_inputs_on_the_way_back_and_to_the_results_before(opened):
    tab = opened(trace(small()))
    heads = """() => [...drawn().svg.querySelectorAll(".carries")].map(e =>
        [...e.querySelectorAll("path")].slice(1)
            .map(p => getComputedStyle(p).display !== "none"))"""
    tab.evaluate("goto(2)")
    assert tab.evaluate(heads) == [[True, False]] * 6
    tab.evaluate("goto(6)")
    assert tab.evaluate(heads) == [[False, True]] * 6
    tips = tab.evaluate("""() => [...drawn().svg.querySelectorAll(".carries")].map(e => {
        const line = e.firstElementChild, a = line.getPointAtLength(0);
        const [, x, y] = e.querySelector(".back").getAttribute("d").match(/M([\\d.]+) ([\\d.]+)/);
        return Math.hypot(x - a.x, y - a.y);
    })""")
    assert max(tips) < 0.01


@browsing
def test_a_label_has_the_share_and_the_local_derivative(opened):
    tab = opened(trace(small()))
    tab.evaluate("goto(8)")
    labels = [e.locator("text").all_text_contents() for e in tab.locator(".share:visible").all()]
    assert labels == [["30.22", "× ∂v1/∂a", "= b = -3"], ["-20.14", "× ∂v1/∂b", "= a = 2"]]


@browsing
def test_in_motion_two_shares_of_one_step_arrive_one_after_another(opened):
    tab = opened(trace(square()), motion=True)
    tab.evaluate("goto(1)")
    tab.evaluate("""() => { window.seen = [];
        const text = drawn().grads[0];
        new MutationObserver(() => seen.push(text.textContent)).observe(text,
            {childList: true, characterData: true, subtree: true}); }""")
    tab.keyboard.press("ArrowRight")
    playwright = pytest.importorskip("playwright.sync_api")
    playwright.expect(tab.locator(".mover").first).to_be_attached()
    for _ in range(80):
        tab.wait_for_timeout(100)
        if tab.evaluate("seen.at(-1) === 'grad 6' && seen.length > 3"):
            break
    assert tab.evaluate("seen")[-4:] == ["grad 0 + 3", "grad 3", "grad 3 + 3", "grad 6"]
    assert tab.locator(".mover").count() == 0


@browsing
def test_with_reduced_motion_nothing_moves_and_all_is_there_at_once(opened):
    tab = opened(trace(square()))
    tab.evaluate("goto(1)")
    tab.keyboard.press("ArrowRight")
    assert tab.locator(".mover").count() == 0
    assert tab.locator(".share .amount:visible").all_text_contents() == ["3", "3"]
    assert "grad 6" in tab.locator(".picture:visible").inner_text()


@browsing
def test_the_sum_of_a_gradient_grows_share_by_share_in_the_table_and_in_the_card(opened):
    tab = opened(trace(square()))
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    cells = [row.locator("td").last.inner_text() for row in tab.locator("#step tr").all()[1:]]
    assert cells == ["0.0 + 3.0 → 3.0", "3.0 + 3.0 → 6.0"]
    tab.locator("#grads button", has_text="x").click()
    card = tab.locator("#chosen").inner_text()
    assert card.index("0.0 + 3.0 → 3.0") < card.index("3.0 + 3.0 → 6.0")


@browsing
def test_the_paths_of_a_clicked_gradient_light_up_with_their_products(opened):
    loss = small()
    t = trace(loss)
    tab = opened(t)
    tab.keyboard.press("End")
    tab.locator("#grads button", has_text=re.compile("^a$")).click()
    lit = tab.evaluate("""() => here().boxes.filter((b, k) =>
        drawn().nodes[k].classList.contains("path")).map(b => b.n)""")
    assert sorted(lit) == ["a", "loss", "v1", "v2", "v3"]
    assert tab.locator(".edge.path").count() == 5
    paths = tab.locator("#chosen ul").nth(1).locator("li").all_inner_texts()
    slope = t.find(loss).locals[0]
    tanh = t.find(loss.inputs[0].inputs[1]).locals[0]
    assert paths == [
        f"loss → v3 → v2 → a: 1.0 × ({number(slope)}) × 1.0 × {number(tanh)}"
        f" = {number(slope * tanh)}",
        f"loss → v3 → v1 → a: 1.0 × ({number(slope)}) × 1.0 × (-3.0) = {number(slope * -3)}",
    ]
    tab.evaluate("goto(7)")  # back through v2, and not yet through v1
    assert tab.locator("#chosen ul").nth(1).locator("li").count() == 1


@browsing
def test_of_many_paths_it_is_said_how_many(opened):
    y = Value(1.5, label="x")
    for _ in range(60):
        y = y + y
    tab = opened(trace(y))
    tab.keyboard.press("End")
    tab.locator("#grads button", has_text=re.compile("^x$")).click()
    assert f"{2**60:,} paths" in tab.locator("#chosen").inner_text()


@browsing
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_goto_shows_in_python_what_the_page_shows(opened, lang):
    t = trace(small(), lang=lang)
    tab = opened(t)
    for k in range(1, len(t) + 1):
        tab.evaluate(f"goto({len(t.forward) + k})")
        said = {"en": f"backward {k} of 6", "ko": f"역전파 {k}/6"}[lang]
        assert tab.locator("#count").inner_text() == said
        assert tab.locator("#step .frames").inner_text() == f".goto({k})"
        frame = t.goto(k)
        name = t.names[frame.node]
        assert f"d loss/d {name} = {number(frame.g)}" in tab.evaluate("spoken($('step'))")
    tab.evaluate("goto(2)")
    assert tab.locator("#step .frames").inner_text() == ".forward[1]"


@browsing
def test_a_step_of_several_values_says_its_frames(opened):
    model = nn.MLP(2, [2, 1], seed=0)
    loss = nn.losses.mse([model([0.1 * k, 0.2]) for k in range(5)], [1.0] * 5)
    t = trace(loss)
    tab = opened(t)
    k = next(i for i, s in enumerate(views(t)[0].steps, 1) if s.values > 1 and s.backward)
    first, last = views(t)[0].steps[k - 1].frames
    tab.evaluate(f"goto({k})")
    told = tab.locator("#step .frames").inner_text()
    assert f"frames {first} to {last}" in told
    assert told.endswith(f".goto({first})")


@browsing
def test_formulas_are_typeset_with_fractions_and_names_and_spoken_as_text(opened):
    tab = opened(trace(mlp()))
    tab.keyboard.press("End")
    steps = tab.evaluate("here().steps.length")
    tags, said = set(), ""
    for k in range(steps):
        tab.evaluate(f"goto({k + 1})")
        tags |= set(tab.evaluate("[...$('step').querySelectorAll('math *')].map(e => e.localName)"))
        said += tab.evaluate("$('say').textContent")
    assert {"mfrac", "msubsup", "msub", "mrow", "mi", "mn", "mo", "msup"} <= tags
    assert "d mse/d w¹₁₁" in said
    labels = tab.locator("#step .formula").evaluate_all("es => es.map(e => e.ariaLabel)")
    assert all(labels)


@browsing
def test_a_hostile_label_in_a_formula_is_text(opened):
    x = Value(2.0, label=HOSTILE)
    tab = opened(trace(x * x))
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("#step img, #step math math").count() == 0
    assert "<img src=x" in tab.evaluate("$('step').querySelector('math').parentNode.textContent")


@browsing
@pytest.mark.parametrize(
    ("locale", "language"), [("en-GB", "en"), ("ko-KR", "ko"), ("fr-FR", "en")]
)
def test_without_a_language_the_page_speaks_that_of_the_browser(opened, locale, language):
    tab = opened(trace(small()), locale=locale)
    assert tab.evaluate("document.documentElement.lang") == language
    assert ("역전파" in tab.title()) == (language == "ko")
    assert tab.locator("h1").inner_text() == tab.title()


CONTROLS = ("button", "slider", "combobox", "textbox", "toolbar", "region", "math")


@browsing
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_accessibility_tree_has_names_in_the_language(opened, lang):
    tab = opened(trace(small(), lang=lang))
    tab.evaluate("goto(8)")
    tab.locator("#grads button", has_text=re.compile("^a$")).click()
    session = tab.context.new_cdp_session(tab)
    tree = session.send("Accessibility.getFullAXTree")["nodes"]
    controls = [
        node for node in tree
        if not node.get("ignored")
        and node["role"]["value"] in CONTROLS
    ]  # fmt: skip
    names = [node.get("name", {}).get("value", "") for node in controls]
    assert len(names) > 15
    assert all(names)
    hangul = re.compile("[가-힣]")
    ours = [n for n in names if re.search("[A-Za-z가-힣]{3}", n) and "loss" not in n]
    if lang == "en":
        assert not any(map(hangul.search, names))
    else:
        assert all(map(hangul.search, ours)), [n for n in ours if not hangul.search(n)]
        snapshot = tab.locator("body").aria_snapshot()
        assert "다음 단계" in snapshot
        assert "역전파" in snapshot


@browsing
@pytest.mark.parametrize(("lang", "said"), [
    ("en", r"([\d,]+) values; [\d,]+ folded into \d+ box(?:es)?: .* mul"),
    ("ko", r"값 ([\d,]+)개; 그중 [\d,]+개를 상자 \d+개로 묶음: .* mul"),
])  # fmt: skip
def test_the_picture_says_what_it_leaves_out_in_the_language(opened, lang, said):
    x = Value(1.0, label="x")
    for _ in range(600):
        x = x * 1.0001
    tab = opened(trace(x, lang=lang))
    lines = tab.evaluate("[...drawn().svg.querySelectorAll(':scope>text')].map(e => e.textContent)")
    assert re.match(said, " ".join(lines))[1] == "601"
    groups = tab.locator(".group > .faint").all_text_contents()
    assert {"en": "values", "ko": "값"}[lang] in groups[0]


@browsing
@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_live_region_says_each_step(opened, lang):
    t = trace(small(), lang=lang)
    tab = opened(t)
    said = set()
    for _ in range(len(t) + len(t.forward)):
        tab.keyboard.press("ArrowRight")
        said.add(tab.locator("#say").text_content())
    assert len(said) == len(t) + len(t.forward)
    start = {"en": ("Forward", "Backward"), "ko": ("순전파", "역전파")}[lang]
    assert all(text.strip().startswith(start) for text in said)
