"""The player in a real Chromium: from a file, without a network, by keyboard and by mouse."""

import random
import re
import shutil
import threading
from pathlib import Path

import pytest

from autograd import Tensor, Value, trace
from autograd.commands import serving
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

    def open_trace(t, width=1280, scheme="light", page=None):
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme
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
    return {cells[0]: cells[1:] for cells in (row.locator("td").all_inner_texts() for row in rows)}


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
    text = " ".join(tab.locator("#step").inner_text().split())
    assert "v1 = a * b = 2.0 * (-3.0) = -6.0" in text
    assert "arriving: d loss/d v1 = -10.0719" in text
    assert "d v1/d a = b -10.0719 × -3.0 30.2158 -0.711591 → 29.5042" in text


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
        text = " ".join(tab.locator("#step").inner_text().split())
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
    playwright.expect(tab.locator("#count")).to_have_text("step 10 of 10", timeout=5000)
    playwright.expect(tab.locator("#play")).to_have_text("▶ Play")
    tab.click("#play")
    tab.wait_for_timeout(200)
    tab.click("#play")
    assert count(tab) != "step 10 of 10"
    stopped = count(tab)
    tab.wait_for_timeout(300)
    assert count(tab) == stopped


def test_the_keys_step_play_and_jump(opened):
    tab = opened(trace(small()[2]))
    for key, at in [("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 10),
                    ("ArrowRight", 10), ("Home", 0), ("ArrowLeft", 0)]:  # fmt: skip
        tab.keyboard.press(key)
        assert count(tab) == f"step {at} of 10", key
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
    assert count(tab) == "step 1 of 10"
    tab.focus("#scrub")
    tab.keyboard.press("ArrowRight")
    assert count(tab) == "step 2 of 10"
    tab.focus("#grads button >> nth=0")
    tab.keyboard.press("Enter")
    assert "Node a" in tab.locator("#chosen").inner_text()
    tab.keyboard.press("Escape")
    assert tab.locator("#chosen").is_hidden()


def test_a_screen_reader_is_told_each_step_and_every_control_has_a_name(opened):
    tab = opened(trace(small()[2]))
    tab.keyboard.press("ArrowRight")
    assert "v1 = a * b" in tab.locator("[aria-live=polite]").inner_text()
    assert tab.locator("#scrub").get_attribute("aria-valuetext") == "step 1 of 10"
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
    assert tab.locator("#chosen li").count() == 2


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


def test_the_picture_fits_where_it_can_be_read_unless_the_reader_says_otherwise(opened):
    tab = opened(trace(small()[2]), width=400)
    fit = tab.locator("#fit")
    assert fit.get_attribute("aria-pressed") == "false"
    tab.set_viewport_size({"width": 700, "height": 900})
    playwright.expect(fit).to_have_attribute("aria-pressed", "true")
    fit.click()
    tab.set_viewport_size({"width": 720, "height": 900})
    tab.wait_for_timeout(100)
    assert fit.get_attribute("aria-pressed") == "false"


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
    assert count(tab) == "step 6 of 6"
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
    assert count(tab) == "step 1 of 1"
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
    assert re.fullmatch(r"step (\d+) of \1", count(tab))
    tab.locator("#grads button", has_text="neuron 3").first.click()
    tab.locator("#chosen button", has_text="Open").click()
    assert tab.locator("#title").inner_text() == "Inside neuron 3"
    assert count(tab).startswith("step 0 of")
    tab.keyboard.press("End")
    tab.click("#up")
    assert tab.locator("#title").inner_text().startswith("Backprop of")


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
    assert frame.locator("#count").inner_text() == "step 2 of 10"
    assert tab.locator("img").evaluate("e => e.complete && e.naturalWidth > 300")


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
        assert frame.locator("#grads").inner_text().split()[3:6] == ["x", "3.0", "6.0"]
        tab.fill("[name=expression]", "x**")
        tab.click("text=Step through >> nth=1")
        assert "cannot read" in tab.locator("[role=alert]").inner_text()
    finally:
        tab.close()
        made.shutdown()
        thread.join()
        made.server_close()
