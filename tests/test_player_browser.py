"""The player in a real Chromium: from a file, without a network, by keyboard and by mouse."""

import io
import random
import re
import shutil
import threading
from pathlib import Path

import pytest

import nn
from autograd import Tensor, Value, draw, trace
from autograd.commands import serving
from autograd.seeing import formats
from autograd.seeing.abbreviating import elements
from autograd.seeing.wording import number
from autograd.support.scopes import scope

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = "/usr/bin/chromium" if Path("/usr/bin/chromium").exists() else shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not CHROMIUM, reason="needs Chromium: apt install chromium"),
]
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
HOSTILE = "</script><img src=x onerror=window.hacked=1>"


@pytest.fixture(scope="module")
def chromium():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, tmp_path):
    """Opens a trace from a file, with the network off; fails on anything the console says."""
    contexts, said = [], []

    def open_trace(t, width=1280, scheme="light", page=None, motion=False, locale="en-US"):
        context = chromium.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            reduced_motion="no-preference" if motion else "reduce",
            locale=locale,
        )
        contexts.append(context)
        context.set_offline(True)
        tab = context.new_page()
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        path = tmp_path / "backprop.html"
        path.write_text(page) if page else t.save(path)
        tab.goto(path.as_uri())
        return tab

    yield open_trace
    for context in contexts:
        context.close()
    assert said == []


def small():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    loss = (a * b + a.tanh()) ** 2
    loss.label = "loss"
    return a, b, loss


def table(tab):
    """The table of gradients as the page shows it."""
    rows = tab.locator("#grads tr").all()[1:]
    texts = "es => es.map(e => e.querySelector('input')?.value ?? e.innerText)"
    return {name: cells for name, *cells in (row.locator("td").evaluate_all(texts) for row in rows)}


def told(tab):
    """The step in words, as a screen reader is told it."""
    return " ".join(tab.evaluate("spoken($('step'))").split())


def count(tab):
    return tab.locator("#count").inner_text()


def test_the_numbers_on_the_screen_are_the_engines_at_every_step(opened):
    _, _, loss = small()
    t = trace(loss)
    tab = opened(t)
    for _ in t.forward:
        tab.keyboard.press("ArrowRight")
        assert {cells[1] for cells in table(tab).values()} == {"—"}
    for _ in range(len(t)):
        tab.keyboard.press("ArrowRight")
        t.step()
        expected = t.gradients()
        assert {name: cells[1] for name, cells in table(tab).items()} == {
            name: number(g) for name, g in expected.items()
        }
        drawn = tab.locator(".picture:visible").inner_text()
        assert all(f"grad {g:.4g}" in drawn for g in expected.values() if g is not None)
    loss.backward()
    assert table(tab)["a"] == ["2.0", number(t[-1].node.grad)]
    titles = tab.locator("#grads td[title]").evaluate_all("es => es.map(e => e.title)")
    assert repr(t[-1].node.grad) in titles


def test_the_words_on_the_screen_are_those_of_the_frame(opened):
    t = trace(small()[2])
    tab = opened(t)
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    text = told(tab)
    assert "v1 = a * b = 2.0 * (-3.0) = -6.0" in text
    assert "arriving: d loss/d v1 = -10.0719" in text
    assert "d v1/d a = b -10.0719 × (-3.0) 30.2158 -0.711591 + 30.2158 → 29.5042" in text


def test_arrays_are_shown_in_few_words_and_closely_when_asked(opened):
    np = pytest.importorskip("numpy")
    x, w = Tensor(np.arange(12.0).reshape(4, 3) / 9, label="x"), Tensor(np.eye(3, 2), label="w")
    loss = ((x @ w).tanh() ** 2).sum(axis=1).mean()
    loss.label = "loss"
    t = trace(loss)
    tab = opened(t)
    tab.keyboard.press("End")
    for k in range(len(t) - 1, -1, -1):
        frame = t[k]
        text = told(tab)
        assert number(frame.g) in text
        for formula in frame.formulas:
            assert formula in text
        assert frame.words in text
        tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("End")
    drawn = tab.locator(".picture:visible").inner_text()
    assert "(4, 3) float64" in drawn
    assert "grad min" in drawn
    assert table(tab)["w\n(3, 2)"][1].split() == elements(t.find(w).g).split()
    tab.locator("#grads button", has_text="w").click()
    closely = tab.locator("#chosen pre").all_inner_texts()
    assert closely[0].startswith("data (3, 2) float64, norm 1.41421")
    assert closely[1].startswith("grad (3, 2) float64, norm ")
    assert "xᵀ @ ḡ" in tab.locator("#chosen").inner_text()
    titles = tab.locator("#grads td[title]").evaluate_all("es => es.map(e => e.title)")
    assert any(title.startswith("(4, 2) float64, norm") for title in titles)


def test_play_reaches_the_last_step_and_begins_again(opened):
    tab = opened(trace(small()[2]))
    tab.select_option("#speed", "75")
    tab.click("#play")
    playwright.expect(tab.locator("#count")).to_have_text("backward 6 of 6", timeout=5000)
    playwright.expect(tab.locator("#play")).to_have_text("▶ Play")
    tab.click("#play")
    tab.wait_for_timeout(200)
    tab.click("#play")
    assert count(tab) != "backward 6 of 6"
    stopped = count(tab)
    tab.wait_for_timeout(300)
    assert count(tab) == stopped


def test_the_keys_step_play_and_jump(opened):
    tab = opened(trace(small()[2]))
    first, last, start = "forward 1 of 4", "backward 6 of 6", "start, 10 steps"
    for key, at in [
        ("ArrowRight", first),
        ("ArrowRight", "forward 2 of 4"),
        ("ArrowLeft", first),
        ("End", last),
        ("ArrowRight", last),
        ("Home", start),
        ("ArrowLeft", start),
    ]:
        tab.keyboard.press(key)
        assert count(tab) == at, key
    tab.keyboard.press("Space")
    assert tab.locator("#play").inner_text() == "❚❚ Pause"
    tab.keyboard.press("Space")
    assert tab.locator("#play").inner_text() == "▶ Play"


def test_it_works_with_tab_and_enter_alone(opened):
    tab = opened(trace(small()[2]))
    seen = []
    for _ in range(8):
        tab.keyboard.press("Tab")
        seen.append(tab.evaluate("document.activeElement.id"))
    assert {"play", "next", "last", "scrub", "speed", "fit"} <= set(seen)
    tab.focus("#next")
    tab.keyboard.press("Enter")
    assert count(tab) == "forward 1 of 4"
    tab.focus("#scrub")
    tab.keyboard.press("ArrowRight")
    assert count(tab) == "forward 2 of 4"
    tab.focus("#grads button >> nth=0")
    tab.keyboard.press("Enter")
    assert "Node a" in tab.locator("#chosen").inner_text()
    tab.keyboard.press("Escape")
    assert tab.locator("#chosen").is_hidden()


def test_a_screen_reader_is_told_each_step_and_every_control_has_a_name(opened):
    tab = opened(trace(small()[2]))
    tab.keyboard.press("ArrowRight")
    assert "v1 = a * b" in tab.locator("[aria-live=polite]").inner_text()
    assert tab.locator("#scrub").get_attribute("aria-valuetext") == "forward 1 of 4"
    for control in tab.locator("button:visible, input, select, [role=region]").all():
        assert control.evaluate("e => e.ariaLabel || e.innerText || e.labels?.length")


def test_scrubbing_back_and_forth_comes_to_the_same_state(opened):
    tab = opened(trace(small()[2]))
    states = []
    for i in range(11):
        tab.locator("#scrub").fill(str(i))
        states.append(table(tab))
    for i in reversed(range(11)):
        tab.locator("#scrub").fill(str(i))
        assert table(tab) == states[i]


def test_a_clicked_node_tells_where_its_gradient_came_from(opened):
    tab = opened(trace(small()[2]))
    tab.keyboard.press("End")
    tab.locator(".box", has_text="a").first.click()
    text = tab.locator("#chosen").inner_text()
    assert "Node a" in text
    assert "-0.711591 from v2" in text
    assert "30.2158 from v1" in text
    assert tab.locator("#chosen ul >> nth=0").locator("li").count() == 2


def test_the_current_node_and_its_edges_are_lit(opened):
    tab = opened(trace(small()[2]))
    for _ in range(8):
        tab.keyboard.press("ArrowRight")
    assert tab.locator(".box.now text").all_text_contents()[:2] == ["*", "v1"]
    assert tab.locator(".edge.now").count() == 2


def test_nothing_jumps(opened):
    tab = opened(trace(small()[2]))
    places = set()
    for _ in range(11):
        places.add(
            str(
                tab.evaluate("""[...document.querySelectorAll('.box')].map(e => {
            const r = e.querySelector('rect').getBBox(); return [r.x, r.y, r.width, r.height]})""")
            )
        )
        places.add(str(tab.locator("#pictures").bounding_box()))
        tab.keyboard.press("ArrowRight")
    assert len(places) == 2


def test_the_gradient_fits_into_its_box_at_every_step(opened):
    x = Value(1e-9, label="x")
    tab = opened(trace(((x * 3e9) * 1.23456e9).tanh()))
    for _ in range(9):
        assert tab.evaluate("""[...document.querySelectorAll('.box')].every(e => {
            const card = e.querySelector('rect').getBBox(), right = card.x + card.width + 1;
            return [...e.querySelectorAll('text')].every(t => {
                const b = t.getBBox(); return b.x >= card.x && b.x + b.width <= right})})""")
        tab.keyboard.press("ArrowRight")


# ---- it fits -------------------------------------------------------------------------------------


def neuron():
    names = {"x1": 2.0, "w1": -3.0, "x2": 0.0, "w2": 1.0, "b": 6.8813735870195432}
    x1, w1, x2, w2, b = (Value(x, label=name) for name, x in names.items())
    y = (x1 * w1 + x2 * w2 + b).tanh()
    y.label = "y"
    return y


def mlp():
    model = nn.MLP(2, [4, 1], seed=0)
    loss = (model([Value(0.5, label="x1"), Value(-1.0, label="x2")]) - 1.0) ** 2
    loss.label = "loss"
    return loss


def tensors():
    np = pytest.importorskip("numpy")
    model = nn.MLP(2, [4, 1], seed=0, backend="tensor")
    return ((model(Tensor(np.array([[0.5, -1.0], [0.2, 0.3]]), label="X")) - 1.0) ** 2).mean()


# The texts of the shown picture as [text, left, top, right, bottom, size in pixels], and its frame.
SEEN = """frame => {
    const svg = [...frame.querySelectorAll("svg")].find(s => !s.hasAttribute("hidden"));
    const scale = svg.getScreenCTM().a;
    return {scale, texts: [...svg.querySelectorAll("text")].map(t => {
        const r = t.getBoundingClientRect();
        return [t.textContent, r.left, r.top, r.right, r.bottom,
            parseFloat(getComputedStyle(t).fontSize) * scale];
    }), svg: svg.getBoundingClientRect().toJSON(), room: [frame.clientWidth, frame.clientHeight],
        reach: [frame.scrollWidth, frame.scrollHeight]};
}"""


def seen(tab):
    return tab.locator(".picture:visible").evaluate(SEEN)


def overlapping(texts):
    """Pairs of texts whose rectangles share more than a hair."""
    return [
        (p[0], q[0])
        for i, p in enumerate(texts)
        for q in texts[:i]
        if min(p[3], q[3]) - max(p[1], q[1]) > 1 and min(p[4], q[4]) - max(p[2], q[2]) > 3
    ]


@pytest.mark.slow
@pytest.mark.parametrize("graphviz", [True, False])
@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (400, "dark")])
@pytest.mark.parametrize("make", [neuron, mlp, tensors])
def test_nothing_is_cut_off_too_small_or_on_top_of_something(
    opened, monkeypatch, tmp_path, make, width, scheme, graphviz
):
    if not graphviz:
        monkeypatch.setenv("PATH", str(tmp_path))
    elif not shutil.which("dot"):
        pytest.skip("needs Graphviz")
    root = make()
    root.backward()
    drawing = draw(root, quiet=True)
    for page in (trace(root).html, drawing._bytes("html").decode()):
        tab = opened(None, width, scheme, page)
        tab.keyboard.press("End")
        found = seen(tab)
        texts, svg = found["texts"], found["svg"]
        assert texts
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert min(text[5] for text in texts) >= 8.99
        assert overlapping(texts) == []
        for _, left, top, right, bottom, _ in texts:  # within the picture, and that in its frame
            assert svg["left"] < left < right < svg["right"]
            assert svg["top"] < top < bottom < svg["bottom"]
        assert all(
            svg[k] <= x + 1 for k, x in zip(("width", "height"), found["reach"], strict=True)
        )
        smallest = tab.evaluate("""Math.min(...[...document.querySelectorAll("body *")]
            .filter(e => e.checkVisibility() && e.innerText)
            .map(e => parseFloat(getComputedStyle(e).fontSize)))""")
        assert smallest >= 9


@pytest.mark.parametrize("graphviz", [True, False])
def test_at_400_pixels_a_neuron_is_seen_whole(opened, monkeypatch, tmp_path, graphviz):
    if not graphviz:
        monkeypatch.setenv("PATH", str(tmp_path))
    y = neuron()
    drawing = draw(y, quiet=True)
    for page in (trace(y).html, drawing._bytes("html").decode()):
        found = seen(opened(None, 400, "light", page))
        assert found["reach"] == found["room"]
    cell = f"<!DOCTYPE html><meta charset=utf-8>{drawing._repr_mimebundle_()['text/html']}"
    tab = opened(None, 400, "light", cell)
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    (width,) = tab.locator("img:visible").evaluate_all(
        "es => es.map(e => e.width / e.naturalWidth)"
    )
    assert width * 11 >= 9


@pytest.mark.parametrize("hiding", ["display:none", "width:0;overflow:hidden", "height:0"])
def test_opened_in_a_hidden_cell_it_fits_once_it_is_shown(opened, hiding):
    html = trace(neuron())._repr_mimebundle_()["text/html"]
    tab = opened(None, page=f'<meta charset=utf-8><div id="cell" style="{hiding}">{html}</div>')
    tab.wait_for_timeout(200)
    for width in (1000, 380):
        tab.evaluate(f"document.querySelector('#cell').style = 'width:{width}px'")
        tab.wait_for_timeout(400)
        frame = tab.frame_locator("iframe").locator(".picture:visible")
        found = frame.evaluate(SEEN)
        assert found["svg"]["width"] > 250
        assert found["reach"] == found["room"]


def test_it_is_zoomed_by_wheel_keys_and_buttons_and_never_too_small(opened):
    tab = opened(trace(mlp()), width=400)
    fit, frame = tab.locator("#fit"), tab.locator(".picture:visible")
    assert fit.get_attribute("aria-pressed") == "true"
    least = seen(tab)["scale"]
    assert least * 11 == pytest.approx(9, abs=0.02)
    box = frame.bounding_box()
    tab.mouse.move(box["x"] + 100, box["y"] + 100)
    tab.keyboard.down("Control")
    tab.mouse.wheel(0, -200)
    tab.keyboard.up("Control")
    tab.locator('#fit[aria-pressed="false"]').wait_for()
    wheeled = seen(tab)["scale"]
    assert wheeled > 1.3 * least
    tab.keyboard.press("+")
    assert seen(tab)["scale"] > wheeled
    tab.click("#in")
    assert seen(tab)["scale"] > 1.2 * wheeled
    for _ in range(20):
        tab.keyboard.press("-")
        tab.click("#out")
    assert seen(tab)["scale"] == pytest.approx(least, abs=0.01)
    tab.keyboard.press("0")
    assert fit.get_attribute("aria-pressed") == "true"


def test_it_is_panned_by_pointer_and_keys_and_a_drag_is_no_click(opened):
    tab = opened(trace(mlp()), width=400)
    frame = tab.locator(".picture:visible")
    left = "e => e.scrollLeft"
    tab.keyboard.press("Shift+ArrowRight")
    before = frame.evaluate(left)
    assert before > 0
    assert count(tab).startswith("start")
    x, y = frame.evaluate("""frame => {
        const area = frame.getBoundingClientRect();
        for (const box of frame.querySelectorAll("svg:not([hidden]) .box.op")) {
            const r = box.getBoundingClientRect(), x = r.left + r.width / 2, y = r.top + 8;
            if (x > area.left + 50 && x < area.right && y > area.top && y < area.bottom)
                return [x, y];
        }
    }""")
    tab.mouse.move(x, y)
    tab.mouse.down()
    tab.mouse.move(x - 30, y, steps=3)
    tab.mouse.up()
    tab.wait_for_timeout(300)
    assert frame.evaluate(left) == pytest.approx(before + 30, abs=2)
    assert tab.locator("#chosen").is_hidden()


def colours(tab, where):
    """The colours in a picture of a part of the screen."""
    pyplot = pytest.importorskip("matplotlib.pyplot")
    image = pyplot.imread(io.BytesIO(tab.locator(where).screenshot()), format="png")
    return {tuple(c) for row in (image[..., :3] * 255).round().astype(int).tolist() for c in row}


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "body",
    ['<body data-jp-theme-light="{}">', '<body class="vscode-{}">', '<html theme="{}"><body>'],
)
def test_every_display_follows_the_notebooks_theme(chromium, tmp_path, body, theme):
    jupyter = {"light": "true", "dark": "false"}[theme] if "jp" in body else theme
    y = neuron()
    papers = {"light": formats.PAPER, "dark": formats.DARK[formats.PAPER]}
    paper = tuple(bytes.fromhex(papers[theme][1:]))
    other = tuple(bytes.fromhex(papers[{"light": "dark", "dark": "light"}[theme]][1:]))
    t = trace(y)
    for shown, where in (
        (draw(y, quiet=True), "img:visible"),
        (t[1], "img:visible"),
        (t, "iframe"),
    ):
        html = shown._repr_mimebundle_()["text/html"]
        style = "<meta charset=utf-8><style>body{background:#777}</style>"
        (tmp_path / "cell.html").write_text(f"{body.format(jupyter)}{style}{html}")
        tab = chromium.new_page(color_scheme="null")  # as no test's wish hides the element's own
        tab.goto((tmp_path / "cell.html").as_uri())
        tab.wait_for_timeout(300)
        found = colours(tab, where)
        assert paper in found
        assert other not in found, shown
        tab.close()


@pytest.mark.slow
def test_a_page_of_many_nodes_can_be_used_within_a_second(opened):
    t, opening = trace(network(16, 16, 1)), []
    for _ in range(3):  # the best of three: others use the machine too
        tab = opened(t)
        tab.keyboard.press("ArrowRight")
        assert count(tab).startswith("forward 1 of")
        entry = "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
        opening.append(tab.evaluate(entry))
    assert min(opening) < 1000


def test_a_hostile_label_stays_text(opened):
    x = Value(2.0, label=HOSTILE)
    tab = opened(trace(scope(HOSTILE, lambda: x * x)))
    tab.keyboard.press("End")
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("img").count() == 0
    assert "</script><img src=x" in tab.locator("#grads").inner_text()


@pytest.mark.parametrize("label", ["가중치", "🧠 neuron", "x" * 10_000, "a\nb", '"&lt;'])
def test_any_label_plays(opened, label):
    x = Value(2.0, label=label)
    tab = opened(trace(x * x + Value(float("inf"), label=label)))
    tab.keyboard.press("End")
    assert count(tab) == "backward 4 of 4"
    assert len(table(tab)) == 4


def test_nan_and_infinity_are_shown_as_they_are(opened):
    x = Value(0.0, label="x")
    tab = opened(trace(x.log() * x))
    tab.keyboard.press("End")
    assert table(tab)["x"] == ["0.0", "nan"]
    assert table(tab)["v1"][0] == "-inf"


def test_a_single_leaf_plays_its_one_step(opened):
    tab = opened(trace(Value(2.0, label="x")))
    tab.keyboard.press("ArrowRight")
    assert count(tab) == "backward 1 of 1"
    assert "its gradient is finished" in tab.locator("#step").inner_text()


def network(*sizes):
    rng = random.Random(0)

    def neuron(xs):
        total = Value(rng.uniform(-1, 1), label="b")
        for x in xs:
            total = total + Value(rng.uniform(-1, 1), label="w") * x
        return total.tanh()

    xs = [Value(0.5, label="x0"), Value(-0.3, label="x1")]
    for size in sizes:
        xs = [scope(f"neuron {j}", neuron, xs) for j in range(size)]
    return xs[0] ** 2


def test_a_step_among_500_nodes_takes_less_than_100_ms(opened):
    tab = opened(trace(network(10, 11, 1)))
    slowest = tab.evaluate("""() => {
        const times = [], n = here().steps.length, some = [...Array(60).keys()];
        for (const i of [...some.map(k => n - k), ...some]) {
            const began = performance.now();
            goto(i);
            document.body.offsetHeight;
            times.push(performance.now() - began);
        }
        return times.sort((a, b) => a - b)[110];
    }""")
    assert slowest < 100


def test_a_large_graph_plays_by_module_and_a_module_opens(opened):
    tab = opened(trace(network(16, 16, 1)))
    tab.keyboard.press("End")
    assert re.fullmatch(r"backward (\d+) of \1", count(tab))
    tab.locator("#grads button", has_text="neuron 3").first.click()
    tab.locator("#chosen button", has_text="Open").click()
    assert tab.locator("#title").inner_text() == "Inside neuron 3"
    assert count(tab).startswith("start")
    tab.keyboard.press("End")
    tab.click("#up")
    assert tab.locator("#title").inner_text().startswith("Backpropagation through")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_the_width_and_can_be_read_in_light_and_dark(opened, width, scheme):
    tab = opened(trace(small()[2]), width, scheme)
    tab.keyboard.press("End")
    tab.keyboard.press("ArrowLeft")
    tab.keyboard.press("ArrowLeft")
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    contrasts = tab.evaluate("""() => {
        const luminance = c => c.match(/[\\d.]+/g).slice(0, 3).map(v => v / 255)
            .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
            .reduce((s, v, i) => s + v * [.2126, .7152, .0722][i], 0);
        const paper = getComputedStyle(document.querySelector('#step')).backgroundColor;
        const ratio = (a, b) => { const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m);
            return (x + .05) / (y + .05); };
        return [...document.querySelectorAll('#step p, #grads td, #step h2, .box text:last-child')]
            .map(e => getComputedStyle(e)[e.closest('svg') ? 'fill' : 'color'])
            .map(ink => ratio(ink, paper));
    }""")
    assert min(contrasts) >= 4.5


def test_the_notebooks_html_plays_in_its_frame_over_the_picture(opened):
    html = trace(small()[2])._repr_mimebundle_()["text/html"]
    tab = opened(None, page=f"<!DOCTYPE html><meta charset=utf-8>{html}")
    frame = tab.frame_locator("iframe")
    frame.locator("#next").click()
    frame.locator("#next").press("ArrowRight")
    assert frame.locator("#count").inner_text() == "forward 2 of 4"
    assert tab.locator("img").first.evaluate("e => e.complete && e.naturalWidth > 300")


def test_an_expression_typed_into_the_local_page_is_stepped_through(chromium):
    made = serving.server(0)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    tab = chromium.new_page()
    try:
        tab.goto(f"http://127.0.0.1:{made.server_address[1]}/")
        tab.fill("[name=expression]", "x**2 + y")
        tab.fill("[name=at]", "x=3 y=1")
        tab.keyboard.press("Enter")
        frame = tab.frame_locator("iframe")
        frame.locator("#last").click()
        assert frame.locator("#grads input").first.input_value() == "3.0"
        assert frame.locator("#grads").inner_text().split()[3:5] == ["x", "6.0"]
        tab.fill("[name=expression]", "x**")
        tab.click("text=Step through >> nth=1")
        assert "cannot read" in tab.locator("[role=alert]").inner_text()
    finally:
        tab.close()
        made.shutdown()
        thread.join()
        made.server_close()
