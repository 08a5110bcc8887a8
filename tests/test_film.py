"""The film of a training: what it keeps, and the numbers of its scenes, which are the model's."""

import json
import math
import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
from autograd import Tensor, Value, gradients, pages
from nn.film import BUDGET, Film, numbers_in, spread
from nn.reels import Playing, Reel

np = pytest.importorskip("numpy")
WORDS = Path(nn.__file__).parent / "pages"
XOR = [[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [0.0, 1.0, 1.0, 0.0]
BACKENDS = pytest.mark.parametrize(
    "how", [{"backend": "tensor"}, {}, {"compile": False}], ids=["tensor", "replayed", "eager"]
)


def xor(epochs=6, watch=True, backend="value", lr=0.5, **settings):
    """A model of XOR, and its history."""
    model = nn.MLP(2, [3, 1], "tanh", "sigmoid", seed=1, backend=backend)
    settings = {"batch_size": 2, "seed": 0, "progress": False} | settings
    return model, nn.fit(model, *XOR, "bce", "sgd", epochs, lr=lr, watch=watch, **settings)


def weights(model):
    return np.concatenate([np.ravel(x) for x in model.state_dict().values()])


# ---- what a film keeps ---------------------------------------------------------------------------


@BACKENDS
def test_a_frame_is_the_model_as_it_was_at_that_iteration(how):
    model, history = xor(6, batch_size=None, **how)
    film = history.film
    assert film.iterations == [0, 1, 2, 3, 4, 5, 6]
    assert film.epochs == film.iterations
    untrained = nn.MLP(2, [3, 1], "tanh", "sigmoid", seed=1, backend=how.get("backend", "value"))
    assert weights(film[0]) == pytest.approx(weights(untrained), rel=1e-6)
    for k in (1, 4):
        assert weights(film[k]) == pytest.approx(
            weights(xor(k, False, batch_size=None, **how)[0]), rel=1e-5
        )
    assert weights(film[-1]) == pytest.approx(weights(model), rel=1e-6)


@BACKENDS
def test_watching_changes_nothing(how):
    assert (weights(xor(watch=True, **how)[0]) == weights(xor(watch=False, **how)[0])).all()


def test_epochs_count_iterations_by_batches():
    assert xor(3)[1].film.epochs == [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0]


@given(st.integers(3, 40), st.integers(0, 500))
def test_frames_are_evenly_spaced_within_the_budget_and_the_last_is_always_kept(most, last):
    unit = nn.Neuron(1)
    film = Film(unit, unit.parameters(), nn.losses.mse, ([[1.0]], [1.0]), 1, most * 8)
    for i in range(last + 1):
        unit.weight[0].data = float(i)
        film.add(i, unit.parameters())
    *even, newest = film.iterations
    assert newest == last
    assert even == list(range(0, last, film.stride))
    assert film.nbytes <= most * 8
    assert len(film) > most / 2 or len(film) == last + 1  # no frame is dropped without need
    assert [numbers_in(row)[0] for row in film.rows] == film.iterations


@pytest.mark.slow
def test_a_film_of_ten_thousand_epochs_keeps_the_budget_and_plays():
    model = nn.Neuron(1, seed=0)
    data = [[0.0], [1.0]], [1.0, 3.0]
    history = nn.fit(model, *data, "mse", "sgd", 10_000, None, lr=0.1, progress=False, watch=8_000)
    film = history.film
    assert film.nbytes <= 8_000
    assert film.iterations[0] == 0
    assert film.iterations[-1] == 10_000
    assert set(np.diff(film.iterations[:-1])) == {16}
    assert len(told(history)["curves"]["training"][0]) < 2_100 * 8 * 4 / 3


@pytest.mark.parametrize(
    ("watch", "error", "message"),
    [
        (100, ValueError, r"watch=100 bytes hold 1 frames of 13 weights.* give watch=156 or more"),
        (-1, ValueError, "watch, a number of bytes, is -1"),
        ("yes", TypeError, "watch, a number of bytes, is a whole number, not 'yes'"),
        (1.5, TypeError, "watch, a number of bytes"),
    ],
)
def test_a_watch_that_is_no_budget_is_refused_before_anything_is_learnt(watch, error, message):
    model = nn.MLP(2, [3, 1], seed=1)
    before = weights(model)
    with pytest.raises(error, match=message):
        nn.fit(model, *XOR, watch=watch, progress=False)
    assert (weights(model) == before).all()


@pytest.mark.parametrize("watch", [False, None, 0 == 1])
def test_a_run_that_was_not_watched_says_what_to_pass(watch):
    history = xor(watch=watch)[1]
    assert history.film is None
    with pytest.raises(ValueError, match=r"nn\.fit\(\.\.\., watch=True\)"):
        history.play()
    with pytest.raises(ValueError, match="was not watched"):
        xor()[1].play(history)


def test_the_film_plays_when_model_and_data_have_changed_or_are_gone():
    X, y = np.array(XOR[0]), np.array(XOR[1])
    model = nn.MLP(2, [3, 1], "tanh", "sigmoid", seed=1, backend="tensor")
    history = nn.fit(model, X, y, "bce", epochs=3, watch=True, progress=False)
    before = told(history)
    X[:], y[:] = 7.0, 0.0
    model.layers = []
    del model
    assert told(history) == before


def test_each_fit_makes_a_film_of_its_own():
    model, first = xor(3)
    second = nn.fit(model, *XOR, "bce", epochs=2, watch=True, progress=False)
    assert len(first.film) == 7
    assert second.film.iterations == [0, 1, 2]
    assert second.film.rows[0] == first.film.rows[-1]


def test_a_history_with_its_film_is_pickled_and_an_earlier_one_has_none():
    history = xor()[1]
    again = pickle.loads(pickle.dumps(history))
    assert again == history
    assert told(again) == told(history)
    state = vars(nn.History([1.0])).copy()
    del state["film"]
    old = nn.History.__new__(nn.History)
    old.__setstate__(state)
    assert old.film is None


def test_the_data_of_a_film_are_some_samples_evenly_and_few_if_they_are_large():
    assert spread(5, 10) == [0, 1, 2, 3, 4]
    assert spread(9, 3) == [0, 4, 8]
    assert spread(9, 1) == [0]
    unit = nn.Neuron(2, backend="tensor")
    X = np.zeros((1_000, 2))
    film = Film(unit, unit.parameters(), nn.losses.mse, (X, X[:, 0]), 1)
    assert len(film.data[0]) == 500
    pictures = np.zeros((40, 1_000_000))
    film = Film(unit, unit.parameters(), nn.losses.mse, (pictures, X[:40, 0]), 1)
    assert len(film.data[0]) == 4


def test_a_film_says_how_long_and_how_large_it_is():
    assert repr(xor(3)[1].film) == "<Film of 7 frames, iterations 0 to 6, 364 bytes>"
    assert "7 frames" in repr(xor(3)[1].play())


# ---- runs that end otherwise ---------------------------------------------------------------------


@BACKENDS
def test_a_training_that_diverged_can_be_played_up_to_numbers_that_are_not_finite(how):
    model = nn.MLP(2, [3, 1], seed=1, backend=how.get("backend", "value"))
    compiled = {"compile": how["compile"]} if "compile" in how else {}
    with pytest.raises(FloatingPointError) as caught:
        nn.fit(model, *XOR, "mse", "sgd", 500, 2, lr=1e3, seed=0, watch=True, progress=False,
               **compiled)  # fmt: skip
    assert caught.value.__notes__ == ["nn.latest(model).play() shows how it came to this."]
    history = nn.latest(model)
    assert history.stopped == "diverged"
    assert not np.isfinite(weights(history.film[-1])).all()
    assert np.isfinite(weights(history.film[0])).all()
    page = told(history)
    losses = unpacked(page["loss"], "<f8")
    assert math.isfinite(losses[0])
    assert not math.isfinite(losses[-1])
    assert set(unpacked(page["view"]["region"], "u1")[-1600:]) == {255}


def test_ctrl_c_keeps_what_was_seen():
    def stop(model, history):
        if history.epochs == 2:
            raise KeyboardInterrupt

    _, history = xor(callbacks=[stop])
    assert history.stopped == "interrupted"
    assert history.film.iterations == [0, 1, 2, 3, 4]
    assert told(history)["stopped"] == "interrupted"


def test_a_run_that_ended_before_its_first_epoch_can_be_played():
    _, history = xor(1)
    history.loss.clear()
    assert told(history)["curves"] == {}
    film = history.film
    film.iterations, film.rows = film.iterations[:1], film.rows[:1]
    assert told(history)["frames"] == [1, 1]


def test_early_stopping_shows_the_epoch_that_came_back():
    model, history = xor(200, patience=2, lr=50.0)
    assert history.stopped == "early"
    assert told(history)["best"] == history.best_epoch < history.epochs
    assert len(history.film) == 2 * history.epochs + 1
    assert weights(history.film[2 * history.best_epoch]) == pytest.approx(weights(model), rel=1e-5)


# ---- scenes: the numbers of the model ------------------------------------------------------------


class Mine(nn.Module):
    """A module of one's own, on Values, with a frozen number and parameters of no layer."""

    def __init__(self):
        self.a, self.scale = Value(0.5), Value(2.0)
        self.inner = [Value(0.1), Value(-0.2)]

    def __call__(self, x):
        return self.a * x[0] + self.inner[0] * x[1] * self.scale.data + self.inner[1]


def mine(outputs, targets):
    return sum((out - y) ** 2 for out, y in zip(outputs, targets, strict=True)) / len(targets)


class Tied(nn.Module):
    """One layer used twice."""

    def __init__(self):
        self.layer, self.last = nn.Layer(2, 2, "tanh", seed=0), nn.Neuron(2, seed=1)

    def __call__(self, x):
        return self.last(self.layer(self.layer(x)))


def words():
    parts = nn.Embedding(3, 2, seed=0), nn.Flatten(), nn.Layer(4, 2, seed=1, backend="tensor")
    return nn.Sequential(*parts)


def pictures():
    conv = nn.Conv2d(1, 2, 3, "relu", seed=0)
    return nn.Sequential(conv, nn.Flatten(), nn.Layer(8, 3, seed=0, backend="tensor"))


RNG = np.random.default_rng(0)
TWO, ONE, FIVE = RNG.normal(size=(12, 2)), RNG.normal(size=(12, 1)), RNG.normal(size=(12, 5))
BITS, CLASSES, REALS = np.arange(12) % 2, np.arange(12) % 3, RNG.normal(size=12)
TOKENS, PIXELS = RNG.integers(0, 3, (12, 2)), RNG.normal(size=(12, 1, 4, 4))


def mlp(*widths, **settings):
    return lambda: nn.MLP(widths[0], widths[1:], seed=2, **settings)


T = {"backend": "tensor"}
CASES = {
    "xor on values": (mlp(2, 3, 1, activation="tanh", output="sigmoid"), *XOR, "bce", "region"),
    "scores": (mlp(2, 3, 1), TWO, 2.0 * BITS - 1, "hinge", "region"),
    "logits on tensors": (mlp(2, 3, 1, **T), TWO, BITS, "bce_with_logits", "region"),
    "float32": (mlp(2, 3, 1, dtype="float32", **T), TWO, BITS, "bce_with_logits", "region"),
    "classes of points": (mlp(2, 4, 3, **T), TWO, CLASSES, "cross_entropy", "region"),
    "classes on values": (mlp(2, 4, 3), TWO, CLASSES, "cross_entropy", "region"),
    "one-hot": (mlp(5, 4, 3, **T), FIVE, np.eye(3)[CLASSES], "cross_entropy", "table"),
    "a curve": (mlp(1, 4, 1, activation="tanh"), ONE, REALS, "mse", "curve"),
    "regression": (mlp(5, 4, 1, **T), FIVE, REALS, "huber", "scatter"),
    "a surface": (mlp(2, 4, 1, **T), TWO, REALS, "mae", "region"),
    "two numbers": (mlp(2, 4, 2, **T), TWO, TWO, "mse", "scatter"),
    "words": (words, TOKENS, BITS, "cross_entropy", "table"),
    "pictures": (pictures, PIXELS, CLASSES, "cross_entropy", "table"),
    "own module and loss": (Mine, TWO, REALS, mine, "region"),
    "tied": (Tied, TWO, REALS, "mse", "region"),
    "softmax": (mlp(2, 3, output="softmax", **T), TWO, np.eye(3)[CLASSES], "mse", "scatter"),
    "no hidden layer": (mlp(3, 1), FIVE[:, :3], BITS, "bce_with_logits", "table"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_scene_has_the_numbers_of_the_model_with_its_weights(case):
    make, X, y, loss, kind = CASES[case]
    history = nn.fit(make(), X, y, loss, epochs=2, batch_size=4, watch=True, progress=False)
    film, page = history.film, told(history)
    assert page["view"]["kind"] == kind
    for k in (0, 3, 6 if len(X) == 12 else 2):
        model = film[min(k, len(film) - 1)]
        tensors = any(isinstance(p, Tensor) for p in model.parameters())
        rows = np.asarray(X) if tensors else np.asarray(X).tolist()
        outputs = model(rows) if tensors else [model(x) for x in rows]
        targets = np.asarray(y) if tensors else np.asarray(y).tolist()
        out = film.loss(outputs, targets)
        k = min(k, len(film) - 1)
        assert unpacked(page["loss"], "<f8")[k] == pytest.approx(float(out.data), rel=1e-6)
        slopes = gradients(out, model.parameters())
        squares = sum(float(np.sum(np.square(g))) for g in slopes)
        assert math.isfinite(squares)
        first = unpacked(page["numbers"], "<f8").reshape(len(film), -1, 5)[k, 0, 0]
        assert first == pytest.approx(first_gradient(model, out), rel=1e-6, abs=1e-12)


def first_gradient(model, out):
    """The root mean square of the gradients by the first weights."""
    named = dict(model.named_parameters())
    chosen = [
        p for name, p in named.items() if re.match(r"(layers|parts)\.0\.weight|layer\.w", name)
    ]
    slopes = gradients(out, chosen or model.parameters())
    return math.sqrt(np.mean(np.square(np.concatenate([np.ravel(g) for g in slopes]))))


def test_predictions_and_regions_are_the_models_own():
    _, history = xor(20)
    model, page = history.film[-1], told(history)
    expected = [model(x).data for x in XOR[0]]
    assert unpacked(page["view"]["told"], "<f4")[-4:] == pytest.approx(expected, rel=1e-6)
    region = unpacked(page["view"]["region"], "u1")[-1600:].reshape(40, 40)
    (left, right), (low, high) = page["view"]["axes"]
    for i, j in ((0, 0), (39, 39), (7, 30)):  # rows from the top
        place = [left + (right - left) * j / 39, high - (high - low) * i / 39]
        assert region[i, j] / 254 == pytest.approx(model(place).data, abs=0.003)


def test_classes_are_those_of_accuracy():
    make, X, y, loss, _ = CASES["classes of points"]
    history = nn.fit(make(), X, y, loss, epochs=3, metrics="accuracy", watch=True, progress=False)
    page = told(history)
    predicted = unpacked(page["view"]["told"], "u1")[-12:]
    assert unpacked(page["accuracy"], "<f8")[-1] == (predicted == y).mean()
    assert unpacked(page["accuracy"], "<f8")[-1] == history.metrics["accuracy"][-1]


def test_lines_of_the_picture_are_the_weights_frozen_ones_too():
    model = nn.MLP(2, [2, 1], seed=3)
    trained = model.layers[1].parameters()
    optimizer = nn.optim.SGD(trained, lr=0.5)
    history = nn.fit(model, *XOR, "mse", optimizer, 3, None, watch=True, progress=False)
    page = Playing([history]).html
    reel = Reel(history, 200)
    shown = reel.weights[-1]
    first, second = model.layers
    lines = [w.data for layer in (first, second) for row in layer.weight for w in row]
    dots = [b.data for layer in (first, second) for b in layer.bias]
    assert shown == pytest.approx([*lines, *dots], rel=1e-6)
    assert (reel.weights[:, :4] == reel.weights[0, :4]).all()  # frozen
    assert page.count('data-x="') == 2 * 9  # wide and tall


def test_a_model_of_many_weights_shows_some_of_them():
    model, X, y = nn.MLP(40, [300, 4], backend="tensor"), RNG.normal(size=(9, 40)), [0, 1, 2] * 3
    history = nn.fit(model, X, y, "cross_entropy", epochs=1, watch=True, progress=False)
    assert len(history.play().html) < 300_000


def test_few_frames_are_computed_where_one_takes_long(monkeypatch):
    monkeypatch.setattr("nn.reels.SECONDS", 0.0)
    history = xor(30)[1]
    assert told(history)["frames"] == [12, 61]
    assert told(history, frames=5)["frames"] == [5, 61]


def test_an_estimator_can_be_watched():
    pytest.importorskip("sklearn")
    found = nn.MLPClassifier((3,), epochs=2, watch=True, random_state=0).fit(TWO, BITS)
    assert told(found.history_)["view"]["kind"] == "region"
    weighed = nn.MLPClassifier((3,), epochs=2, watch=True).fit(TWO, BITS, sample_weight=REALS**2)
    assert told(weighed.history_)["view"]["kind"] == "none"


# ---- the page ------------------------------------------------------------------------------------


def unpacked(text, kind):
    import base64

    return np.frombuffer(base64.b64decode(text), kind)


def told(history, *others, **settings):
    """What the page of a run carries."""
    page = history.play(*others, **settings).html
    (data,) = re.findall('id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(data)[0]


def test_a_film_is_written_whole_and_loads_nothing(tmp_path):
    path = tmp_path / "film.html"
    _, history = xor()
    history.play().save(path)
    page = path.read_text("utf-8")
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=|@import|url\(|eval\(|https?://(?!www\.w3\.org)", page)
    assert "@@" not in page
    with pytest.raises(ValueError, match="name ends in"):
        history.play().save(tmp_path / "film.mp4")
    assert [x.name for x in tmp_path.iterdir()] == ["film.html"]


def test_in_a_notebook_it_is_a_sandboxed_frame_over_a_still_picture():
    shown = xor()[1].play()._repr_mimebundle_()["text/html"]
    assert 'sandbox="allow-scripts"' in shown
    assert shown.index("data:image/svg+xml") < shown.index("<iframe")


@pytest.mark.parametrize(
    ("lang", "title"), [("en", "Training as a film"), ("ko", "학습 과정 영상")]
)
def test_the_page_is_in_the_language_asked_for(lang, title):
    page = xor()[1].play(lang=lang).html
    assert f'<html lang="{lang}">' in page
    assert f"<title>{title}</title>" in page
    with pytest.raises(ValueError, match='lang is "en" or "ko"'):
        xor()[1].play(lang="de")


@pytest.mark.parametrize("titles", [("a",), ("a", "b", "c"), "a"])
def test_each_run_has_a_title_or_none_has(titles):
    with pytest.raises(ValueError, match="2 runs and"):
        xor()[1].play(xor()[1], titles=titles)


def test_what_is_no_history_is_refused():
    with pytest.raises(TypeError, match=r"histories of nn\.fit, not of 3"):
        xor()[1].play(3)
    with pytest.raises(ValueError, match="frames is 1"):
        xor()[1].play(frames=1)


def test_a_title_is_text_whatever_is_in_it():
    title = "</script><img src=x onerror=alert(1)>@@TITLE@@"
    page = xor()[1].play(titles=[title]).html
    assert "<img" not in page
    assert told(xor()[1], titles=[title])["title"] == title


ENDS = ("early", "diverged", "interrupted", "callback")


def test_all_words_are_in_both_languages_and_used():
    table = json.loads((WORDS / "words.json").read_text("utf-8"))
    shared = Path(pages.__file__).parent
    files = [WORDS / "film.js", WORDS / "film.html"]
    files += [shared / name for name in ("bar.html", "keys.html", "playing.js")]
    text = "".join(path.read_text("utf-8") for path in files)
    text += (WORDS.parent / "reels.py").read_text("utf-8") + "".join(f'"{x}"' for x in ENDS)
    for key, (english, korean) in table.items():
        assert set(re.findall(r"\{\d", english)) == set(re.findall(r"\{\d", korean))
        assert re.search(r"[가-힣]", korean), key
        assert f'"{key}"' in text, key
    said = re.findall(r'(?:\bsay\(|data-say=|data-label=|card\()"([^"]+)"', text)
    assert set(said) <= set(table)


def test_the_budget_is_what_the_documentation_says():
    assert BUDGET == 16_000_000
    assert "16 MB" in nn.fit.__doc__


def test_a_model_that_cannot_be_copied_says_that_a_film_needs_a_copy():
    model = nn.MLP(2, [1])
    model.lines = (line for line in ())
    with pytest.raises(TypeError, match="generator") as caught:
        nn.fit(model, *XOR, watch=True, progress=False)
    assert "leave watch out" in caught.value.__notes__[0]


def test_a_region_is_coarse_where_the_model_takes_long(monkeypatch):
    monkeypatch.setattr("nn.reels.SECONDS", 0.0)
    view = told(xor(1)[1])["view"]
    assert view["across"] == 12
    assert len(unpacked(view["region"], "u1")) == 3 * 144


def test_a_loss_of_parameters_elsewhere_is_warned_of():
    model = nn.MLP(2, [1], seed=0)

    def penalised(outputs, targets):
        return nn.losses.mse(outputs, targets) + sum(p * p for p in model.parameters())

    history = nn.fit(model, *XOR, penalised, epochs=1, watch=True, progress=False)
    with pytest.warns(UserWarning, match="depends on 3 parameters that are not in the film's copy"):
        told(history)
