"""The film in a real Chromium: from a file, without a network, by keyboard and by mouse."""

import math
import re

import pytest
from browsing import BROWSER

import nn
from autograd import gradients

np = pytest.importorskip("numpy")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = BROWSER
XOR = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
RNG = np.random.default_rng(0)
TWO, ONE, SIX = RNG.normal(size=(30, 2)), np.linspace(-1, 1, 30)[:, None], RNG.normal(size=(30, 6))
BITS, CLASSES = np.arange(30) % 2, np.arange(30) % 3


def run(model, X, y, loss, epochs=4, optimizer="adam", batch_size=10, **settings):
    settings = {"seed": 0, "progress": False, "watch": True} | settings
    return nn.fit(model, X, y, loss, optimizer, epochs, batch_size, **settings)


def xor(epochs=10, **settings):
    model = nn.MLP(2, [3, 1], "tanh", "sigmoid", seed=1)
    return run(model, *XOR, "bce", epochs, "sgd", 2, lr=0.5, **settings)


def moons(**settings):
    X, y = nn.data.two_moons(60, seed=0)
    model = nn.MLP(2, [5, 4, 1], seed=0, backend="tensor")
    return run(model, X, y, "bce_with_logits", validation=0.25, **settings)


FILMS = {
    "xor": xor,
    "moons": moons,
    "curve": lambda: run(nn.MLP(1, [4, 1], "tanh", seed=0), ONE, ONE[:, 0] ** 2, "mse"),
    "classes": lambda: run(
        nn.MLP(2, [4, 3], seed=0, backend="tensor"), TWO, CLASSES, "cross_entropy"
    ),
    "table": lambda: run(
        nn.MLP(6, [4, 3], seed=0, backend="tensor"), SIX, CLASSES, "cross_entropy"
    ),
    "scatter": lambda: run(nn.MLP(6, [4, 1], seed=0, backend="tensor"), SIX, SIX[:, 0], "mse"),
}


def shown(tab, place, run=0):
    return tab.locator(".run").nth(run).locator(place).first.inner_text()


def count(tab):
    return tab.locator("#count").inner_text()


def goto(tab, k):
    """Scrub to a frame as a hand does."""
    tab.locator("#scrub").evaluate(f"e => {{ e.value = {k}; e.dispatchEvent(new Event('input')) }}")


@pytest.mark.parametrize("name", FILMS)
def test_the_numbers_on_the_screen_are_those_of_the_model_with_these_weights(opened, name):
    history = FILMS[name]()
    film = history.film
    tab = opened(history.play())
    for k in (0, len(film) // 2, len(film) - 1):
        goto(tab, k)
        model, (X, y) = film[k], film.data
        tensors = hasattr(X, "dtype")
        outputs = model(X) if tensors else [model(x) for x in X]
        out = film.loss(outputs, y)
        assert shown(tab, ".loss") == f"{float(out.data):.4g}"
        slopes = gradients(out, model.layers[0].parameters())
        weights = [*slopes][:-1] if tensors else [*slopes][: -len(model.layers[0].bias)]
        rms = math.sqrt(np.mean(np.square(np.concatenate([np.ravel(g) for g in weights]))))
        assert float(shown(tab, ".layers td.n")) == pytest.approx(rms, rel=1e-3)
        outputs = outputs.data if tensors else [z.data for z in outputs]
        tab.locator("input[type=number]").fill("3")
        prediction = shown(tab, ".asked .math").split()[-1]
        if name in ("classes", "table"):
            assert prediction == str(np.argmax(outputs[2]))
        else:
            assert float(prediction) == pytest.approx(float(outputs[2]), rel=1e-3)


def test_lines_are_as_wide_as_weights_are_large_and_coloured_by_sign(opened):
    history = xor(30)
    film = history.film
    tab = opened(history.play())
    most = max(
        abs(float(x)) for k in range(len(film)) for p in film[k].parameters() for x in [p.data]
    )
    for k in (0, 60):
        goto(tab, k)
        first, second = film[k].layers
        expected = [w.data for layer in (first, second) for row in layer.weight for w in row]
        lines = (
            tab.locator(".network svg")
            .first.locator("path.line")
            .evaluate_all(
                "es => es.map(e => [e.getAttribute('class'), +e.getAttribute('stroke-width')])"
            )
        )
        assert [look for look, _ in lines] == [
            f"line {'positive' if w > 0 else 'negative'}" for w in expected
        ]
        widths = [(wide - 0.6) / abs(w) for (_, wide), w in zip(lines, expected, strict=True)]
        assert widths == pytest.approx([(4.5 - 0.6) / most] * len(lines), rel=1e-5)


def test_every_control_by_mouse_and_by_keyboard(opened):
    tab = opened(xor(10).play())  # 21 frames
    assert count(tab) == "epoch 0 of 10"
    assert tab.locator("#first").is_disabled()
    for key, expected in [("ArrowRight", 0.5), ("ArrowRight", 1), ("ArrowLeft", 0.5), ("End", 10),
                          ("Home", 0)]:  # fmt: skip
        tab.keyboard.press(key)
        assert count(tab) == f"epoch {expected:g} of 10"
    for button, expected in [("next", 0.5), ("last", 10), ("prev", 9.5), ("first", 0)]:
        tab.click(f"#{button}")
        assert count(tab) == f"epoch {expected:g} of 10"
    goto(tab, 4)
    assert count(tab) == "epoch 2 of 10"
    box = tab.locator("svg#losses").bounding_box()
    tab.mouse.click(box["x"] + box["width"] - 11, box["y"] + 60)
    assert count(tab) == "epoch 10 of 10"
    tab.locator("#scrub").focus()
    tab.keyboard.press("ArrowLeft")
    assert count(tab) == "epoch 9.5 of 10"


def test_it_plays_pauses_and_begins_again_at_the_chosen_speed(opened):
    tab = opened(xor(10).play())
    tab.select_option("#speed", "25")
    tab.click("#play")
    assert tab.locator("#play").inner_text() == "❚❚ Pause"
    playwright.expect(tab.locator("#count")).to_have_text("epoch 10 of 10")
    assert tab.locator("#play").inner_text() == "▶ Play"
    tab.select_option("#speed", "400")
    tab.locator("h1").click()
    tab.keyboard.press(" ")
    assert count(tab).startswith("epoch 0")
    playwright.expect(tab.locator("#count")).to_have_text("epoch 0.5 of 10")
    tab.keyboard.press(" ")
    where = count(tab)
    tab.wait_for_timeout(500)
    assert count(tab) == where


def test_the_live_region_says_epoch_and_loss_when_it_rests(opened):
    tab = opened(xor(10).play())
    tab.keyboard.press("End")
    assert tab.locator("#say").inner_text() == f"epoch 10, loss {shown(tab, '.loss')}"
    tab.click("#play")
    tab.wait_for_timeout(150)
    assert tab.locator("#say").inner_text() == ""
    tab.click("#play")
    assert tab.locator("#say").inner_text().startswith("epoch ")


def test_reduced_motion_is_slow_and_nothing_plays_by_itself(opened):
    tab = opened(xor(4).play(), motion=False)
    assert tab.locator("#speed").input_value() == "400"
    assert opened(xor(2).play(), motion=True).locator("#speed").input_value() == "100"
    tab.wait_for_timeout(500)
    assert count(tab) == "epoch 0 of 4"
    moving = tab.evaluate("document.getAnimations().length")
    assert moving == 0


def test_no_request_leaves_the_page(opened):
    tab, asked = opened(xor(2).play()), []
    tab.on("request", lambda request: asked.append(request.url))
    address = tab.url
    tab.reload()
    tab.keyboard.press("End")
    assert count(tab) == "epoch 2 of 2"
    assert asked == [address]


def test_two_runs_have_one_cursor_by_epoch_and_end_each_at_its_own(opened):
    a, b = xor(6), moons(epochs=3)
    tab = opened(a.play(b, titles=["XOR & co", "<b>moons</b>"]))
    assert [shown(tab, "h2 b", i) for i in (0, 1)] == ["XOR & co", "<b>moons</b>"]
    tab.keyboard.press("End")
    assert [shown(tab, ".epoch", i) for i in (0, 1)] == ["6", "3"]
    assert "(ended)" in shown(tab, ".now", 1)
    assert "(ended)" not in shown(tab, ".now", 0)
    goto(tab, 3)
    times = sorted({*a.film.epochs, *b.film.epochs})
    for i, film in enumerate((a.film, b.film)):
        latest = max(e for e in film.epochs if e <= times[3])
        assert float(shown(tab, ".epoch", i)) == pytest.approx(latest, rel=1e-3)
    boxes = [tab.locator(".run").nth(i).bounding_box() for i in (0, 1)]
    assert boxes[0]["y"] == boxes[1]["y"]


def test_a_diverged_run_is_played_with_its_numbers_that_are_not_finite(opened):
    model = nn.MLP(2, [3, 1], seed=1)
    with pytest.raises(FloatingPointError):
        run(model, *XOR, "mse", 500, "sgd", 2, lr=1e3)
    tab = opened(nn.latest(model).play())
    tab.keyboard.press("End")
    assert shown(tab, ".loss") in ("inf", "nan")
    assert "diverged" in shown(tab, "h2")
    assert tab.locator(".network svg").first.locator(".odd").count() > 0
    assert shown(tab, ".asked").split()[-1] in ("inf", "-inf", "nan")
    tab.keyboard.press("Home")
    assert math.isfinite(float(shown(tab, ".loss")))


def test_a_film_of_one_frame_is_shown(opened):
    history = xor(1)
    history.film.rows, history.film.iterations = history.film.rows[:1], [0]
    history.loss.clear()
    tab = opened(history.play())
    assert count(tab) == "epoch 0 of 0"
    tab.keyboard.press(" ")
    tab.wait_for_timeout(100)
    assert tab.locator("#play").inner_text() == "▶ Play"


def test_a_click_chooses_a_sample_and_its_place_shows_whether_it_is_wrong(opened):
    tab = opened(xor(10).play())
    tab.locator(".point").nth(2).click()
    assert tab.locator("input[type=number]").input_value() == "3"
    assert shown(tab, ".asked .math").startswith("target 1, prediction 0.")
    film = xor(10).film
    outputs = [film[0](x).data > 0.5 for x in XOR[0]]
    wrong = [found != bool(y) for found, y in zip(outputs, XOR[1], strict=True)]
    looks = tab.locator(".point").evaluate_all("es => es.map(e => e.classList.contains('wrong'))")
    assert looks == wrong


def test_the_region_has_the_colour_of_the_models_output(opened):
    history = xor(60)
    tab = opened(history.play())
    tab.keyboard.press("End")
    red, blue = tab.evaluate(
        "() => { const c = document.querySelector('canvas').getContext('2d');"
        " const d = [...c.getImageData(39, 0, 1, 40).data]; return [d.slice(0, 4), d.slice(-4)] }"
    )  # top right, bottom right
    model = history.film[-1]
    for place, pixel in (([1.1, 1.1], red), ([1.1, -0.1], blue)):
        strong = model(place).data
        assert (pixel[2] > pixel[0]) == (strong > 0.5)
        assert pixel[3] == pytest.approx(150 * abs(2 * strong - 1), abs=3)


def test_the_table_of_classes_counts_all_samples(opened):
    history = FILMS["table"]()
    tab = opened(history.play())
    tab.keyboard.press("End")
    cells = tab.locator(".confusion tr").all()[1:]
    counts = [[int(x or 0) for x in row.locator("td:visible").all_inner_texts()] for row in cells]
    found = history.film[-1](SIX).data.argmax(axis=1)
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (CLASSES, found), 1)
    assert counts == expected.tolist()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["moons", "table", "scatter"])
def test_nothing_sticks_out_at_any_width_and_letters_stand_out(opened, name, width, scheme):
    tab = opened(FILMS[name]().play(), width, scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    least = tab.evaluate(
        "Math.min(...[...document.querySelectorAll('.network svg:not([hidden]) text')].map(e =>"
        " parseFloat(getComputedStyle(e).fontSize) * e.getCTM().a))"
    )
    assert least > 7.3  # 9 of 11 pixels, and of the 9 of a long name
    page, ink = tab.evaluate(
        "() => { const s = getComputedStyle(document.body); return [s.backgroundColor, s.color] }"
    )
    light = [sum(map(int, re.findall(r"\d+", x)[:3])) / 765 for x in (page, ink)]
    assert abs(light[0] - light[1]) > 0.6
    assert (light[0] > 0.5) == (scheme == "light")


def test_everything_that_can_be_used_has_a_name(opened):
    tab = opened(xor(2).play())
    nameless = tab.evaluate(
        "() => [...document.querySelectorAll('button,input,select,[role]')].filter(e =>"
        " e.id !== 'say' && !(e.getAttribute('aria-label') || e.textContent.trim() ||"
        " e.closest('label'))).length"
    )
    assert nameless == 0


def test_the_page_speaks_korean(opened):
    tab = opened(xor(2).play(lang="ko"))
    assert tab.locator("h1").inner_text() == "학습 과정 영상"
    assert count(tab) == "에포크 0 / 2"
    for place in (".network", ".layers"):
        assert "층 1" in shown(tab, place)
        assert not re.search("layer|input|output|unit", shown(tab, place))
    assert "유닛 3개" in shown(tab, ".network")


def test_the_predictions_of_two_runs_are_in_sight_in_a_notebook(opened):
    tab = opened(xor(2).play(xor(3)))
    tab.set_viewport_size({"width": 920, "height": 800})
    boxes = [tab.locator(".plane").nth(k).bounding_box() for k in (0, 1)]
    assert all(box["y"] + box["height"] < 800 for box in boxes)
    assert boxes[0]["height"] > 230


def test_a_target_beyond_float32_is_told(opened):
    x, y = [[0.1 * k] for k in range(4)], [1e150 * k for k in range(4)]
    tab = opened(run(nn.MLP(1, [2, 1], seed=0), x, y, "mae", 1).play())
    tab.locator(".asked input").fill("3")
    assert "target 2e+150, prediction" in shown(tab, ".asked")


def test_in_a_notebook_the_sandboxed_frame_plays(opened):
    shown = xor(4).play()._repr_mimebundle_()["text/html"]
    tab = opened(None, page=f"<!DOCTYPE html><meta charset=utf-8>{shown}")
    inside = tab.frame_locator("iframe.valuegrad")
    inside.locator("#last").click()
    assert inside.locator("#count").inner_text() == "epoch 4 of 4"


def test_a_frame_is_drawn_in_less_than_50_milliseconds(opened):
    tab = opened(moons(epochs=20).play())
    median = tab.evaluate(
        "() => { const taken = times.map((_, k) => { const a = performance.now(); goto(k);"
        " document.body.offsetHeight; return performance.now() - a });"
        " return taken.sort((a, b) => a - b)[taken.length >> 1] }"
    )
    assert median < 50
