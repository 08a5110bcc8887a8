"""The course and the READMEs are spelt right, by Hunspell's dictionaries (English and Korean).

`notebooks/words.en.txt` and `words.ko.txt` are Hunspell's personal dictionaries: a term, and after
a slash a word of the dictionary whose endings it takes.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
DICTIONARIES = {"en": "en_GB", "ko": "ko_KR"}
READMES = {"en": "README.md", "ko": "README.ko.md"}
CODE = r"<summary>.*?</details>|```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)"


def unknown(text: str, language: str) -> set[str]:
    """The words of a text that are in no dictionary; skips where Hunspell has none."""
    if not (hunspell := shutil.which("hunspell")):
        pytest.skip("needs Hunspell: apt install hunspell hunspell-en-gb hunspell-ko")
    words = NOTEBOOKS / f"words.{language}.txt"
    command = [hunspell, "-i", "utf-8", "-d", DICTIONARIES[language], "-p", str(words), "-l"]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8")
    if "Can't open" in done.stderr:
        pytest.skip("needs dictionaries: apt install hunspell-en-gb hunspell-ko")
    return set(done.stdout.split())


def prose(text: str, language: str) -> str:
    """A text without its code, its formulas and the other language; Korean words with endings."""
    bare = re.sub(rf"(?:{CODE})[가-힣]*", " ", text, flags=re.DOTALL)
    if language == "ko":
        return " ".join(re.findall(r"(?<![^\s(\[*'\"])[가-힣]{2,}", bare))
    return re.sub(r"[가-힣]|^\|.*|'s\b", " ", bare, flags=re.MULTILINE)


def of_notebook(path: Path) -> str:
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return "\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")


@pytest.mark.parametrize("language", DICTIONARIES)
def test_a_misspelt_word_is_found(language: str) -> None:
    wrong = {"en": "gradeint", "ko": "미뷴값"}[language]
    right = {"en": "The sigmoid of a tensor", "ko": "역전파는 그래디언트를 구합니다"}[language]
    assert unknown(prose(f"{right} {wrong}.", language), language) == {wrong}


@pytest.mark.parametrize("language", DICTIONARIES)
def test_the_texts_are_spelt_right(language: str) -> None:
    texts = {path.name: of_notebook(path) for path in (NOTEBOOKS / language).glob("*.ipynb")}
    texts |= {READMES[language]: (ROOT / READMES[language]).read_text("utf-8")}
    texts |= {"glossary.csv": (NOTEBOOKS / "glossary.csv").read_text("utf-8")}
    texts = {name: prose(text, language) for name, text in texts.items()}
    wrong = {
        word: [name for name, text in texts.items() if word in text]
        for word in unknown("\n".join(texts.values()), language)
    }
    assert not wrong, f"mend these, or add them to notebooks/words.{language}.txt: {wrong}"
