"""The words of the pages: all in both languages, all used, in the language asked for."""

import json
import re
from pathlib import Path

import pytest

from autograd import Value, pages, trace
from autograd.seeing.paging import headline

PAGES = Path(pages.__file__).parent
WORDS = json.loads((PAGES / "words.json").read_text("utf-8"))
HANGUL = re.compile("[가-힣]")


def scripts():
    found = [*PAGES.glob("*.js"), *PAGES.glob("*.html"), *PAGES.parent.glob("seeing/*.py")]
    return "\n".join(path.read_text("utf-8") for path in found)


def neuron():
    w, x, b = (Value(d, label=n) for n, d in (("w", 0.5), ("x", 2.0), ("b", -1.0)))
    loss = (w * x + b).tanh()
    loss.label = "loss"
    return loss


@pytest.mark.parametrize("key", WORDS)
def test_all_words_are_in_both_languages_with_the_same_values(key):
    english, korean = WORDS[key]
    values = [set(re.findall(r"\{(\d)", text)) for text in (english or key, korean)]
    assert values[0] == values[1]
    assert HANGUL.search(korean)
    assert not HANGUL.search(english)


def test_all_words_are_used_and_all_that_is_said_is_there():
    text = scripts()
    for key, (english, _) in WORDS.items():
        assert english == "" or re.search(rf'"{re.escape(key)}"|\b{re.escape(key)}\b', text), key
    said = re.findall(r'(?:\bsay\(|data-say=|data-label=)"([^"]+)"', text)
    assert set(said) <= set(WORDS)


def test_every_sentence_about_an_operation_of_arrays_is_in_korean():
    pytest.importorskip("numpy")
    from autograd.arrays import operations

    assert set(operations.WORDS.values()) <= set(WORDS)


@pytest.mark.parametrize(
    ("lang", "one", "two"), [("en", "1 value", "2 values"), ("ko", "값 1개", "값 2개")]
)
def test_a_number_chooses_between_one_and_many(lang, one, two):
    assert pages.say(lang, "values", 1) == one
    assert pages.say(lang, "values", 2) == two


@pytest.mark.parametrize("lang", ["de", "", 1, "EN"])
def test_a_language_that_there_is_not_is_refused(lang):
    with pytest.raises(ValueError, match='lang is "en" or "ko", or None'):
        trace(neuron(), lang=lang)


@pytest.mark.parametrize(
    ("lang", "title"),
    [
        ("en", "Backpropagation through loss = tanh(w·x + b): how each number gets its gradient"),
        ("ko", "loss = tanh(w·x + b)의 역전파: 각 수가 기울기를 얻는 과정"),
    ],
)
def test_page_and_frame_say_what_they_are_in_the_language_asked_for(lang, title):
    t = trace(neuron(), lang=lang)
    assert f'<html lang="{lang}">' in t.html
    assert f"<title>{title}</title>" in t.html
    assert f'title="{title}"' in t._repr_mimebundle_()["text/html"]


def test_a_line_about_the_root_is_short_or_its_name():
    loss = neuron()
    assert headline(loss, trace(loss).names) == "loss = tanh(w·x + b)"
    y = loss.inputs[0]
    assert headline(y, trace(y).names) == "w·x + b"
    x = Value(1.0, label="a b")
    assert headline(x, trace(x).names) == "a b"
    assert headline(x * 2.0, trace(x * 2.0).names) == "(a b)·2"
    assert headline(x**2, trace(x**2).names) == "(a b)²"
    assert headline(x**2.5, trace(x**2.5).names) == "(a b)^2.5"
    for _ in range(20):
        x = x * x
    assert headline(x, trace(x).names) == "v20 = v19 * v19"
    x.label = "big"
    assert headline(x, trace(x).names) == "big"
